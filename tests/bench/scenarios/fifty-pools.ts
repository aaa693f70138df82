import { docket } from '../contenders.ts';
import { atLeast } from '../outcome.ts';
import type { Scenario } from '../scenario.ts';

const GROUPS = 50;
const AGENTS_PER_GROUP = 20;
const IN_FLIGHT = 64;

/** Tickets spread over many pools make small batches: that must not cost much. */
export const fiftyPools: Scenario = {
  name: 'fifty-pools',
  title: `CreateTicket, ${IN_FLIGHT} in flight, ${GROUPS} groups of ${AGENTS_PER_GROUP} agents in as many pools, against one hot group of 100`,
  async run(bench) {
    const many = await bench.openSite({ groups: GROUPS, agentsPerGroup: AGENTS_PER_GROUP });
    const hot = await bench.openSite({ groups: 1, agentsPerGroup: 100 });
    const rows = await bench.compare([
      await docket(bench, many, { name: `${GROUPS} pools`, inFlight: IN_FLIGHT }),
      await docket(bench, hot, { name: 'one pool', inFlight: IN_FLIGHT }),
    ]);
    return { rows, bars: [atLeast(rows, `${GROUPS} pools`, 'one pool', 0.8)], notes: [] };
  },
};
