import { checkDatabase } from '../../src/edge/cli/check-invariants.ts';
import type { Bench } from './bench.ts';
import type { CheckSummary } from './report/results.ts';
import type { Site } from './site.ts';

/**
 * Stops the sites of a scenario, holds each database against all invariants and against what its callers were
 * told, and drops it. A fast wrong answer scores nothing.
 */
export async function checkSites(bench: Bench, scenario: string): Promise<CheckSummary[]> {
  const checks: CheckSummary[] = [];
  for (const site of bench.sites.splice(0)) {
    await site.stop();
    checks.push(await checkSite(bench, site, scenario));
    await bench.server.dropDatabase(site.databaseUrl);
  }
  return checks;
}

async function checkSite(bench: Bench, site: Site, scenario: string): Promise<CheckSummary> {
  const faults: string[] = [];
  const [row] = await bench.server.sql<{ count: string }>(site.databaseUrl, 'SELECT count(*) FROM docket.tickets');
  if (Number(row?.count) !== site.acknowledged) faults.push(`callers were told of ${site.acknowledged} tickets, there are ${row?.count}`);
  const report = await checkDatabase(site.databaseUrl);
  for (const { invariant, violations, first } of report.findings) {
    if (violations > 0) faults.push(`${invariant} is violated ${violations} times, first: ${first.join(' | ')}`);
  }
  return { scenario, ok: faults.length === 0, faults, seconds: report.seconds, decisions: report.decisions };
}
