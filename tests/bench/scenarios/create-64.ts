import { fileURLToPath } from 'node:url';
import { docket, emptyCall, handWritten, jobQueue, least, thin } from '../contenders.ts';
import { atLeast, noteOf } from '../outcome.ts';
import type { Scenario } from '../scenario.ts';

const AGENTS = 100;
const IN_FLIGHT = 64;
/** As many as keep the one pool's lock busy; more would wait only. */
const BATCHES_IN_FLIGHT = 4;
const ORM_PATH = fileURLToPath(new URL('../competitors/orm-path/main.ts', import.meta.url));

/** The bar that the engine is built for: one hot group, everything switched on. */
export const create64: Scenario = {
  name: 'create-64',
  title: `CreateTicket, ${IN_FLIGHT} in flight, one group of ${AGENTS} agents, everything on`,
  async run(bench) {
    const site = await bench.openSite({ groups: 1, agentsPerGroup: AGENTS });
    const ormSite = await bench.openSite({ groups: 1, agentsPerGroup: AGENTS }, { program: ORM_PATH });
    const rows = await bench.compare([
      await docket(bench, site, { name: 'Docket', inFlight: IN_FLIGHT }),
      await handWritten(bench, 'l1', AGENTS, IN_FLIGHT),
      await least(bench, AGENTS, { inFlight: IN_FLIGHT }),
      await thin(bench, AGENTS, IN_FLIGHT),
      await handWritten(bench, 'l1x', AGENTS, IN_FLIGHT),
      await handWritten(bench, 'l64', AGENTS, BATCHES_IN_FLIGHT),
      await docket(bench, ormSite, { name: 'ORM path', inFlight: IN_FLIGHT }),
      await emptyCall(bench, IN_FLIGHT),
      await jobQueue(bench, 'pg-boss', IN_FLIGHT),
      await jobQueue(bench, 'graphile-worker', IN_FLIGHT),
    ]);
    const bars = [atLeast(rows, 'Docket', 'L1', 1.3), atLeast(rows, 'Docket', 'L1x', 3), atLeast(rows, 'Docket', 'ORM path', 5)];
    return { rows, bars, notes: [noteOf('Least', rows, 'L1'), noteOf('Thin', rows, 'L1'), noteOf('Thin', rows, 'L1x'), await bench.hotUpdates(site)] };
  },
};
