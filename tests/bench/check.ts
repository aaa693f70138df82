import { checkDatabase } from '../../src/edge/cli/check-invariants.ts';
import type { CheckSummary } from './report/results.ts';
import type { BenchServer } from './server.ts';
import type { Site } from './site.ts';

/**
 * Stops sites, holds each database against all invariants and against what its callers were told, and drops it.
 * A fast wrong answer scores nothing.
 */
export async function checkSites(server: BenchServer, sites: readonly Site[], scenario: string): Promise<CheckSummary[]> {
  const checks: CheckSummary[] = [];
  for (const site of sites) {
    await site.stop();
    checks.push(await checkSite(server, site, scenario));
    await server.dropDatabase(site.databaseUrl);
  }
  return checks;
}

async function checkSite(server: BenchServer, site: Site, scenario: string): Promise<CheckSummary> {
  const faults: string[] = [];
  const [row] = await server.sql<{ count: string }>(site.databaseUrl, 'SELECT count(*) FROM docket.tickets');
  if (Number(row?.count) !== site.acknowledged) faults.push(`there should be ${site.acknowledged} tickets by what callers were told, there are ${row?.count}`);
  const report = await checkDatabase(site.databaseUrl);
  for (const { invariant, violations, first } of report.findings) {
    if (violations > 0) faults.push(`${invariant} is violated ${violations} times, first: ${first.join(' | ')}`);
  }
  return { scenario, ok: faults.length === 0, faults, seconds: report.seconds, tickets: Number(row?.count), decisions: report.decisions };
}
