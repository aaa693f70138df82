import { docket, emptyCall, handWritten, least, thin } from '../contenders.ts';
import { medianOf } from '../measure/statistics.ts';
import { type Row, rowOf } from '../outcome.ts';
import type { Scenario } from '../scenario.ts';

const AGENTS = 100;

const p50s = (rows: readonly Row[], name: string): number[] => rowOf(rows, name).turns.map(({ samplesMs }) => medianOf(samplesMs));

/** A lone caller waits for nobody: no timer, no batch to fill. */
export const create1: Scenario = {
  name: 'create-1',
  title: `CreateTicket alone: 1 in flight, one group of ${AGENTS} agents`,
  async run(bench) {
    const site = await bench.openSite({ groups: 1, agentsPerGroup: AGENTS });
    const rows = await bench.compare([
      await docket(bench, site, { name: 'Docket', inFlight: 1 }),
      await emptyCall(bench, 1),
      await handWritten(bench, 'l1', AGENTS, 1),
      await least(bench, AGENTS, { inFlight: 1 }),
      await thin(bench, AGENTS, 1),
    ]);
    const [f0, l1] = [p50s(rows, 'F0'), p50s(rows, 'L1')];
    const against = (name: string): number[] => p50s(rows, name).map((p50Ms, at) => p50Ms / ((f0[at] as number) + 1.5 * (l1[at] as number)));
    const bars = [{ says: 'p50 of Docket / (F0 + 1.5 × L1)', values: against('Docket'), limit: { atMost: 1 } }];
    return { rows, bars, notes: ['Least', 'Thin'].map((name) => `p50 of ${name} / (F0 + 1.5 × L1): ${medianOf(against(name)).toFixed(2)}`) };
  },
};
