import { createTicket, handWritten } from '../contenders.ts';
import { ratios } from '../outcome.ts';
import type { Scenario } from '../scenario.ts';

const AGENTS = 100;
const IN_FLIGHT = 64;

/** The bar that the engine is built for: one hot group, everything switched on. */
export const create64: Scenario = {
  name: 'create-64',
  title: `CreateTicket, ${IN_FLIGHT} in flight, one group of ${AGENTS} agents, everything on`,
  async run(bench) {
    const site = await bench.openSite({ groups: 1, agentsPerGroup: AGENTS });
    const rows = await bench.compare([
      await createTicket(bench, site, IN_FLIGHT, 'Docket'),
      await handWritten(bench, 'l1', AGENTS, IN_FLIGHT),
      await handWritten(bench, 'l1x', AGENTS, IN_FLIGHT),
      await handWritten(bench, 'l64', AGENTS, 4),
    ]);
    const [docket, l1, l1x] = rows.map((row) => row.turns) as [never, never, never];
    return {
      rows,
      bars: [
        { says: 'Docket / L1', values: ratios(docket, l1), limit: { atLeast: 1.3 } },
        { says: 'Docket / L1x', values: ratios(docket, l1x), limit: { atLeast: 3 } },
      ],
      notes: [],
    };
  },
};
