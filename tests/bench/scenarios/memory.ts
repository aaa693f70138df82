import { docket } from '../contenders.ts';
import { rowOf } from '../outcome.ts';
import type { Scenario } from '../scenario.ts';

const AGENTS = 100;
const IN_FLIGHT = 256;
/** Turns of the pace that this one lasts longer, so that something that grows has time to. */
const LONGER = 3;

/** The process remembers no tickets: what it holds must not grow with them. */
export const memory: Scenario = {
  name: 'memory',
  title: `resident size while CreateTicket goes on, ${IN_FLIGHT} in flight, one group of ${AGENTS} agents`,
  async run(bench) {
    const site = await bench.openSite({ groups: 1, agentsPerGroup: AGENTS });
    const { pace } = bench.options;
    const rows = await bench.compare([await docket(bench, site, { name: 'Docket', inFlight: IN_FLIGHT })], { ...pace, repeats: pace.repeats * LONGER });
    const megabytes = rowOf(rows, 'Docket').turns.map((turn) => turn.residentBytes / 1e6);
    const third = Math.ceil(megabytes.length / 3);
    const largest = (turns: readonly number[]): number => Math.max(...turns);
    return {
      rows,
      bars: [
        { says: 'largest resident size, in MB', values: [largest(megabytes)], limit: { atMost: 250 } },
        {
          says: 'largest in the last third / in the first third',
          values: [largest(megabytes.slice(-third)) / largest(megabytes.slice(0, third))],
          limit: { atMost: 1.1 },
        },
      ],
      notes: [`after each turn, MB: ${megabytes.map((value) => value.toFixed(0)).join(' ')}; ${site.acknowledged} tickets`],
    };
  },
};
