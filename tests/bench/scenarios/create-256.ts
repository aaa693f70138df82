import { docket } from '../contenders.ts';
import { atLeast } from '../outcome.ts';
import type { Scenario } from '../scenario.ts';

const AGENTS = 100;

/** More callers at once must not cost: they make larger batches. */
export const create256: Scenario = {
  name: 'create-256',
  title: `CreateTicket, 256 in flight against 64, one group of ${AGENTS} agents`,
  async run(bench) {
    const site = await bench.openSite({ groups: 1, agentsPerGroup: AGENTS });
    const rows = await bench.compare([await docket(bench, site, { name: '256', inFlight: 256 }), await docket(bench, site, { name: '64', inFlight: 64 })]);
    return { rows, bars: [atLeast(rows, '256', '64', 0.95)], notes: [] };
  },
};
