import { defineCommand } from 'citty';
import { Replay } from '../../domain/assignment/index.ts';
import { openOrm } from '../../foundation/database/orm.ts';
import { type Sql, sqlOf } from '../../foundation/database/sql.ts';
import { checkAuditLog } from './invariants/audit-log.ts';
import { checkCounters, rebuildCounters } from './invariants/counters.ts';
import { Findings } from './invariants/findings.ts';
import { replayHistory } from './invariants/history.ts';
import { checkOperations } from './invariants/operations.ts';
import { printReport, type Report } from './invariants/report.ts';
import { checkRequests } from './invariants/requests.ts';
import { checkStanding } from './invariants/standing.ts';
import { checkTicketHistories, checkWaitingOrder } from './invariants/tickets.ts';
import { explained } from './running/command.ts';

export type { Report } from './invariants/report.ts';

/** How to check. */
export interface CheckOptions {
  /** How many violations of each invariant are told in words; 5 if absent. */
  readonly firstViolations?: number;
}

/**
 * Checks all invariants that a database alone can show. `sql` must be inside one transaction, repeatable
 * read while others write, so that everything is seen at one instant. Memory stays flat in the number of
 * tickets and decisions. Changes nothing.
 */
export async function checkInvariants(sql: Sql, options: CheckOptions = {}): Promise<Report> {
  const started = performance.now();
  await prepare(sql);
  const findings = new Findings(options.firstViolations ?? 5);
  const replay = new Replay(findings.report);
  await replayHistory(sql, replay);
  const replayedSeconds = (performance.now() - started) / 1000;
  const { decisions, releases, changes, fairGroupDays, daysTakenFromDecisions } = replay;
  findings.note('I4', `${decisions} decisions replayed`);
  findings.note('I5', `it speaks of ${fairGroupDays} days of groups`);
  findings.note(
    'I8',
    daysTakenFromDecisions === 0 ? 'every decision has its day on record' : `${daysTakenFromDecisions} decisions had no day on record but their own`,
  );
  await checkRequests(sql, findings);
  await checkOperations(sql, findings);
  await checkTicketHistories(sql, findings);
  await checkWaitingOrder(sql, findings);
  await checkCounters(sql, replay, findings);
  await checkAuditLog(sql, findings);
  await checkStanding(sql, replay, findings);
  const list = findings.list();
  return {
    ok: list.every((finding) => finding.violations === 0),
    findings: list,
    decisions,
    releases,
    changes,
    seconds: (performance.now() - started) / 1000,
    decisionsPerSecond: decisions / replayedSeconds,
  };
}

/**
 * Rebuilds all counters from history. `sql` must be inside a transaction; every pool is locked until it
 * ends. Answers how many agents and groups had wrong counters.
 */
export async function repairCounters(sql: Sql): Promise<number> {
  await prepare(sql);
  await sql('SELECT FROM pools ORDER BY pool_id FOR UPDATE');
  // What processes remember of the pools is no longer true.
  await sql('UPDATE pools SET sequence = sequence + 1, roster_sequence = roster_sequence + 1');
  const replay = new Replay(() => undefined);
  await replayHistory(sql, replay);
  return rebuildCounters(sql, replay);
}

/** Opens a database, repairs its counters if asked to, and checks it at one instant. */
export async function checkDatabase(url: string, options: CheckOptions & { readonly repair?: boolean } = {}): Promise<Report> {
  const orm = await openOrm({ url, poolSize: 1, statementTimeoutMs: 0, lockTimeoutMs: 60_000, entities: [] });
  try {
    const repaired = options.repair ? await orm.em.fork().transactional((em) => repairCounters(sqlOf(em))) : undefined;
    const report = await orm.em.fork().transactional((em) => checkInvariants(sqlOf(em), options), { readOnly: true, isolationLevel: 'repeatable read' });
    return { ...report, ...(repaired === undefined ? {} : { repaired }) };
  } finally {
    await orm.close(true);
  }
}

/** The limits of a service do not suit a check of everything; UTC makes times comparable as text. */
async function prepare(sql: Sql): Promise<void> {
  await sql(`SELECT set_config(name, value, true) FROM (VALUES ('statement_timeout', '0'), ('idle_in_transaction_session_timeout', '0'),
    ('timezone', 'UTC'), ('cursor_tuple_fraction', '1'), ('work_mem', '64MB')) AS settings(name, value)`);
}

/** The database that is checked when none is named. */
export type FindDatabase = () => Promise<{ readonly url: string; close(): Promise<void> }>;

/** `check-invariants [--database-url URL] [--repair] [--json]`: exit code 1 when anything is violated. */
export const makeCheckInvariantsCommand = (findDatabase: FindDatabase) =>
  explained(
    { examples: ['check-invariants', 'check-invariants --repair'] },
    defineCommand({
      meta: { name: 'check-invariants', description: 'Check every invariant of a database by replaying its whole history' },
      args: {
        'database-url': { type: 'string', description: 'The database; without it that of DATABASE_URL, else the embedded one' },
        repair: { type: 'boolean', description: 'First rebuild the counters from history, under the locks of all pools' },
        json: { type: 'boolean', description: 'Print the report as JSON' },
      },
      async run({ args }) {
        const given = args['database-url'];
        const database = given ? { url: given, close: async () => undefined } : await findDatabase();
        try {
          const report = await checkDatabase(database.url, { repair: args.repair === true });
          process.stdout.write(`${args.json ? JSON.stringify(report, undefined, 2) : printReport(report)}\n`);
          if (!report.ok) process.exitCode = 1;
        } finally {
          await database.close();
        }
      },
    }),
  );
