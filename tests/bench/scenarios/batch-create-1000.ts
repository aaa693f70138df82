import { docket, handWritten, least } from '../contenders.ts';
import { atLeast, noteOf } from '../outcome.ts';
import type { Scenario } from '../scenario.ts';

const AGENTS = 100;
const TICKETS = 1000;
/** Both serialise on their pool: with two in flight the next one is ready when the lock is free. */
const IN_FLIGHT = 2;

/** The whole of a batch, answer included, against bare SQL in batches. */
export const batchCreate1000: Scenario = {
  name: 'batch-create-1000',
  title: `BatchCreateTickets, ${TICKETS} a call, ${IN_FLIGHT} in flight, one group of ${AGENTS} agents`,
  async run(bench) {
    const site = await bench.openSite({ groups: 1, agentsPerGroup: AGENTS });
    const rows = await bench.compare([
      await docket(bench, site, { name: 'Docket', inFlight: IN_FLIGHT, subject: 'batch-create', tickets: TICKETS }),
      await handWritten(bench, 'l64', AGENTS, IN_FLIGHT),
      await least(bench, AGENTS, { inFlight: IN_FLIGHT, tickets: TICKETS }),
    ]);
    return { rows, bars: [atLeast(rows, 'Docket', 'L64', 0.5)], notes: [noteOf('Least', rows, 'L64')] };
  },
};
