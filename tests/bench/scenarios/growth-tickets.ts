import { docket } from '../contenders.ts';
import { logLogSlope } from '../measure/statistics.ts';
import type { Turn } from '../measure/turns.ts';
import { rowOf } from '../outcome.ts';
import type { Scenario } from '../scenario.ts';

const IN_FLIGHT = 64;
const SMALLEST = 10_000;

/** Sizes from the smallest to the largest, tenfold each. */
export function sizesUpTo(largest: number): number[] {
  const sizes: number[] = [];
  for (let size = SMALLEST; size <= largest; size *= 10) sizes.push(size);
  return sizes;
}

/** What is there already must not make what comes slower. */
export const growthTickets: Scenario = {
  name: 'growth-tickets',
  title: `CreateTicket, ${IN_FLIGHT} in flight, ten groups of ten agents, with ten thousand to ten million tickets there`,
  async run(bench) {
    const sizes = sizesUpTo(bench.options.largest);
    const nameOf = (size: number): string => `${size} tickets`;
    // All sites first: making a large one takes longer than the service keeps an idle connection.
    for (const size of sizes) await bench.openStockedSite(size);
    const contenders = [];
    for (const size of sizes) contenders.push(await docket(bench, await bench.openStockedSite(size), { name: nameOf(size), inFlight: IN_FLIGHT }));
    const rows = await bench.compare(contenders);
    const turnOf = (size: number, at: number): Turn => rowOf(rows, nameOf(size)).turns[at] as Turn;
    const each = rowOf(rows, nameOf(SMALLEST)).turns.map((_, at) => at);
    const last = sizes.at(-1) as number;
    return {
      rows,
      bars: [
        {
          says: 'log-log slope of the time of a ticket over the number of tickets',
          values: each.map((at) => logLogSlope(sizes.map((size) => [size, 1 / turnOf(size, at).perSecond]))),
          limit: { atMost: 0.05 },
        },
        {
          says: `resident size with ${last} tickets / with ${SMALLEST}`,
          values: each.map((at) => turnOf(last, at).residentBytes / turnOf(SMALLEST, at).residentBytes),
          limit: { atMost: 1.1 },
        },
      ],
      notes: [],
    };
  },
};
