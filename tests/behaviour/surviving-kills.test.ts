import { expect, it } from 'vitest';
import { soak } from '../load/run.ts';

// The same at full length, with more of everything: npm run soak.
it('it loses nothing and doubles nothing while processes and PostgreSQL are killed', async () => {
  const report = await soak({ seconds: 10, processes: 2, callers: 8, processKills: 2, databaseKills: 1, fast: true });
  expect(report.faults).toEqual([]);
  expect(report.invariants.findings.filter(({ violations }) => violations > 0)).toEqual([]);
  expect(report).toMatchObject({ processKills: 2, databaseKills: 1 });
  expect(report.acknowledged).toBeGreaterThan(50);
  // Something was under way when the kills came.
  expect(Object.keys(report.retries)).not.toEqual([]);
}, 180_000);
