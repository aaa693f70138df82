import { docket } from '../contenders.ts';
import { atLeast } from '../outcome.ts';
import type { Scenario } from '../scenario.ts';

const AGENTS = 100;
const PROCESSES = 3;
const IN_FLIGHT = 64;

/** Processes over one database wait for each other's pool locks: together they must not do less than one. */
export const threeProcesses: Scenario = {
  name: 'three-processes',
  title: `CreateTicket, ${PROCESSES} processes with ${IN_FLIGHT} in flight each on one hot pool, against one of them alone`,
  async run(bench) {
    const site = await bench.openSite({ groups: 1, agentsPerGroup: AGENTS }, { processes: PROCESSES });
    const rows = await bench.compare([
      await docket(bench, site, { name: 'three', inFlight: PROCESSES * IN_FLIGHT }),
      await docket(bench, site, { name: 'one', inFlight: IN_FLIGHT, oneProcess: true }),
    ]);
    return { rows, bars: [atLeast(rows, 'three', 'one', 0.95)], notes: [] };
  },
};
