import { type Finding, INVARIANTS } from './findings.ts';

/** What checking a database came to. */
export interface Report {
  /** Whether nothing was violated. */
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  readonly decisions: number;
  readonly releases: number;
  readonly changes: number;
  readonly seconds: number;
  /** Decisions replayed a second, not counting the other checks. */
  readonly decisionsPerSecond: number;
  /** Agents and groups whose counters were wrong and are rebuilt; absent when no repair was asked for. */
  readonly repaired?: number;
}

/** The report as a table for the terminal, with the first violations in words below it. */
export function printReport(report: Report): string {
  const lines = report.findings.map(({ invariant, violations, notes }) => {
    const outcome = violations === 0 ? 'holds' : `VIOLATED ${violations} times`;
    return `${invariant.padEnd(4)} ${INVARIANTS[invariant].padEnd(52)} ${outcome.padEnd(18)} ${notes.join('; ')}`.trimEnd();
  });
  const words = report.findings.flatMap(({ invariant, violations, first }) => {
    const rest = violations - first.length;
    return [...first.map((violation) => `${invariant}: ${violation}`), ...(rest > 0 ? [`${invariant}: … and ${rest} more`] : [])];
  });
  const { decisions, releases, changes, seconds, decisionsPerSecond } = report;
  return [
    ...(report.repaired === undefined ? [] : [`Counters of ${report.repaired} agents and groups were wrong and are rebuilt.`, '']),
    ...lines,
    '',
    ...(words.length > 0 ? [...words, ''] : []),
    `${decisions} decisions, ${releases} releases and ${changes} changes of eligibility replayed at ${Math.round(decisionsPerSecond)} decisions a second; all checks took ${seconds.toFixed(1)} s.`,
    report.ok ? 'All invariants hold.' : 'Invariants are violated.',
  ].join('\n');
}
