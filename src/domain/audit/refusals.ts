import type { Caller } from '../../foundation/context.ts';
import type { Sql } from '../../foundation/database/sql.ts';

/** Calls of one caller that were refused alike, as one entry of the log tells of them. */
export interface RefusedCalls {
  readonly actor: string;
  readonly actorKind: Caller['actorKind'];
  /** Fully qualified; '' for calls of several RPCs, told together. */
  readonly rpc: string;
  /** The status they ended with, for instance `NOT_FOUND`; '' for several. */
  readonly code: string;
  /** … and its reason, for instance `TICKET_NOT_FOUND`. */
  readonly errorReason: string;
  /** The request id of the first of them, a UUID; undefined when it had none. */
  readonly requestId: string | undefined;
  /** Why the first of them was made, in the caller's own words: text that can be stored. */
  readonly reason: string;
  readonly count: number;
  /** How long ago the first and the last of them ended, in milliseconds. */
  readonly firstMsAgo: number;
  readonly lastMsAgo: number;
}

/**
 * Writes one entry for each, all in one statement, at the time of the database: all or none. Throws what the
 * database throws.
 */
export async function recordRefusedCalls(sql: Sql, calls: readonly RefusedCalls[]): Promise<void> {
  const rows = calls.map((each) => ({
    actor: each.actor,
    actor_kind: each.actorKind,
    rpc: each.rpc,
    code: each.code,
    error_reason: each.errorReason,
    request_id: each.requestId,
    reason: each.reason,
    count: each.count,
    first_ms_ago: Math.round(each.firstMsAgo),
    last_ms_ago: Math.round(each.lastMsAgo),
  }));
  await sql('SELECT record_refused_calls($1)', [JSON.stringify(rows)]);
}
