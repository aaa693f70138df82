import { forUpdate, type Unit } from '../../foundation/commands/command.ts';
import { columnTexts } from '../../foundation/database/array-text.ts';
import { prepared } from '../../foundation/database/prepared.ts';
import type { Sql } from '../../foundation/database/sql.ts';
import { OPERATION_COLUMNS, OPERATIONS, type OperationRow } from './row.ts';
import { OUTCOME, RUNNER_SILENCE_MS } from './rules.ts';

/** What became of one ticket. */
export interface TicketResult {
  readonly outcome: keyof typeof OUTCOME;
  /** Who received it. */
  readonly toAgentId?: string;
  /** Why, by name … */
  readonly reason?: string;
  /** … and in words. */
  readonly message?: string;
  /** In an import: the field that is wrong, and the ticket that was there already. */
  readonly field?: string;
  readonly foundId?: string | undefined;
}

/** A chunk that was not dealt with yet. */
export interface WaitingChunk {
  readonly chunk: number;
  readonly ticket_ids: readonly string[];
}

const FIND_OPERATION = prepared(`SELECT ${OPERATION_COLUMNS} FROM ${OPERATIONS} WHERE o.operation_id = $1`);

/** An operation as it stands, read without a lock. */
export async function findOperation(sql: Sql, operationId: string): Promise<OperationRow | undefined> {
  const [row] = await sql<OperationRow>(FIND_OPERATION, [operationId]);
  return row;
}

/** An operation with its row locked: one chunk at a time, and none after its end. */
export async function lockOperation(unit: Unit, operationId: string): Promise<OperationRow | undefined> {
  await unit.sql(`SELECT FROM operations WHERE operation_id = $1 ${forUpdate(unit)}`, [operationId]);
  // A statement of its own: the one that waits for the lock would tell of the progress before it.
  return findOperation(unit.sql, operationId);
}

/** Whether this run of the job carries the operation on, or takes it over from one that has fallen silent. */
export async function isRunnersTurn(unit: Unit, operationId: string, runner: string): Promise<boolean> {
  const [row] = await unit.sql<{ free: boolean }>(
    `SELECT runner IS NULL OR runner = $2 OR update_time < $3::timestamptz - interval '${RUNNER_SILENCE_MS} milliseconds' AS free
     FROM operation_progress WHERE operation_id = $1`,
    [operationId, runner, unit.now],
  );
  return row?.free === true;
}

const READ_CHUNKS = prepared(
  'SELECT chunk, to_jsonb(ticket_ids) AS ticket_ids FROM operation_chunks WHERE operation_id = $1 AND chunk >= $2 AND chunk < $2 + $3 ORDER BY chunk',
);

/** The next chunks of an operation, at most so many. */
export const readChunks = (sql: Sql, operation: OperationRow, chunks: number): Promise<WaitingChunk[]> =>
  sql<WaitingChunk>(READ_CHUNKS, [operation.operation_id, operation.next_chunk, chunks]);

const STORE_RESULTS = prepared(
  `UPDATE operation_chunks SET outcomes = $3::smallint[], to_agent_ids = $4::text[], reasons = $5::text[], messages = $6::text[],
     fields = $7::text[], found_ids = $8::uuid[], transaction_id = pg_current_xact_id()
   WHERE operation_id = $1 AND chunk = $2`,
);

const MOVE_ON = prepared(
  `UPDATE operation_progress SET next_chunk = $2, changed_count = changed_count + $3, unchanged_count = unchanged_count + $4, failed_count = failed_count + $5,
     memory = $6, runner = $7, pause_reason = '', update_time = $8 WHERE operation_id = $1`,
);

/** What became of the tickets of some chunks, and what is to be remembered for the next. */
export interface StepResults {
  readonly chunks: readonly WaitingChunk[];
  readonly results: ReadonlyMap<string, TicketResult>;
  readonly memory: unknown;
  readonly runner: string;
}

/** Stores what became of each ticket, and how far the operation is. */
export function storeResults(unit: Unit, { operation_id: operationId }: OperationRow, { chunks, results, memory, runner }: StepResults): void {
  const counts = { CHANGED: 0, UNCHANGED: 0, FAILED: 0 };
  for (const { chunk, ticket_ids } of chunks) {
    const rows = ticket_ids.map((ticketId) => {
      const result = results.get(ticketId);
      if (!result) throw new Error(`a chunk of the operation ${operationId} left out the ticket ${ticketId}`);
      counts[result.outcome] += 1;
      return {
        outcome: OUTCOME[result.outcome],
        toAgentId: result.toAgentId ?? null,
        reason: result.reason ?? null,
        message: result.message ?? null,
        field: result.field ?? null,
        foundId: result.foundId ?? null,
      };
    });
    unit.send(STORE_RESULTS, [operationId, chunk, ...columnTexts(rows, ['outcome', 'toAgentId', 'reason', 'message', 'field', 'foundId'])]);
  }
  const next = (chunks.at(-1)?.chunk ?? -1) + 1;
  unit.send(MOVE_ON, [operationId, next, counts.CHANGED, counts.UNCHANGED, counts.FAILED, JSON.stringify(memory ?? {}), runner, unit.now]);
}

/** How an operation ends; the one entry in the log that sums it up. What it was to write is forgotten: texts that were for tickets are to go with these. An import's heading stays, for the file of its failed rows. */
export async function endOperation(
  unit: Unit,
  operationId: string,
  state: 'SUCCEEDED' | 'FAILED' | 'CANCELLED',
  error?: { readonly reason: string; readonly message: string },
): Promise<void> {
  await unit.sql(
    `UPDATE operations o SET state = $2, changed_count = p.changed_count, unchanged_count = p.unchanged_count, failed_count = p.failed_count,
       error_reason = $3, error_message = $4, update_time = $5, end_time = $5,
       input = CASE WHEN o.kind = 'IMPORT_TICKETS' THEN o.input ELSE '{}' END
     FROM operation_progress p WHERE o.operation_id = $1 AND p.operation_id = $1`,
    [operationId, state, error?.reason ?? '', error?.message ?? '', unit.now],
  );
}

/** Says why an operation does not go on just now, and lets any run of the job carry it on afterwards. */
export async function pauseOperation(sql: Sql, operationId: string, runner: string, reason: string): Promise<void> {
  await sql(
    'UPDATE operation_progress SET pause_reason = $3, runner = NULL, update_time = docket_now() WHERE operation_id = $1 AND (runner = $2 OR runner IS NULL)',
    [operationId, runner, reason],
  );
}
