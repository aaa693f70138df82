import { docket } from '../contenders.ts';
import { costsAtMost } from '../outcome.ts';
import type { Scenario } from '../scenario.ts';

const SIZES = [10, 1_000, 10_000];
const IN_FLIGHT = 64;

const nameOf = (agents: number): string => `${agents} agents`;

/** A large group costs more to choose from and to remember, but not in proportion. */
export const growthAgents: Scenario = {
  name: 'growth-agents',
  title: `CreateTicket, ${IN_FLIGHT} in flight, one group of ${SIZES.join(', ')} agents`,
  async run(bench) {
    const contenders = [];
    for (const agents of SIZES) {
      const site = await bench.openSite({ groups: 1, agentsPerGroup: agents });
      contenders.push(await docket(bench, site, { name: nameOf(agents), inFlight: IN_FLIGHT }));
    }
    const rows = await bench.compare(contenders);
    return {
      rows,
      bars: [costsAtMost(rows, nameOf(1_000), nameOf(10), 1.5), costsAtMost(rows, nameOf(10_000), nameOf(10), 3)],
      notes: [],
    };
  },
};
