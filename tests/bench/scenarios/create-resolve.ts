import { docket } from '../contenders.ts';
import { atLeast } from '../outcome.ts';
import type { Scenario } from '../scenario.ts';

const AGENTS = 100;
const IN_FLIGHT = 64;

/** Tickets come and are finished: both go through the same queue, and share its batches. */
export const createResolve: Scenario = {
  name: 'create-resolve',
  title: `half CreateTicket, half UpdateTicket to RESOLVED, ${IN_FLIGHT} in flight, against creates alone`,
  async run(bench) {
    const site = await bench.openSite({ groups: 1, agentsPerGroup: AGENTS });
    const rows = await bench.compare([
      await docket(bench, site, { name: 'half resolves', inFlight: IN_FLIGHT, subject: 'create-resolve' }),
      await docket(bench, site, { name: 'creates alone', inFlight: IN_FLIGHT }),
    ]);
    return { rows, bars: [atLeast(rows, 'half resolves', 'creates alone', 0.7)], notes: [await bench.hotUpdates(site)] };
  },
};
