import { createTicket, emptyCall, handWritten } from '../contenders.ts';
import { medianOf } from '../measure/statistics.ts';
import type { Turn } from '../measure/turns.ts';
import type { Scenario } from '../scenario.ts';

const AGENTS = 100;

/** A lone caller waits for nobody: no timer, no batch to fill. */
export const create1: Scenario = {
  name: 'create-1',
  title: `CreateTicket alone: 1 in flight, one group of ${AGENTS} agents`,
  async run(bench) {
    const site = await bench.openSite({ groups: 1, agentsPerGroup: AGENTS });
    const rows = await bench.compare([await createTicket(bench, site, 1, 'Docket'), await emptyCall(bench, 1), await handWritten(bench, 'l1', AGENTS, 1)]);
    const [docket, f0, l1] = rows.map((row) => row.turns.map(({ samplesMs }: Turn) => medianOf(samplesMs))) as [number[], number[], number[]];
    const values = docket.map((p50Ms, at) => p50Ms / ((f0[at] as number) + 1.5 * (l1[at] as number)));
    return { rows, bars: [{ says: 'p50 of Docket / (F0 + 1.5 × L1)', values, limit: { atMost: 1 } }], notes: [] };
  },
};
