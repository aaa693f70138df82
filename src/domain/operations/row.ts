import type { Instant } from '../../foundation/clock.ts';
import type { Caller, Role } from '../../foundation/context.ts';

/** What operations do. */
export type OperationKindName = 'BULK_UPDATE_TICKETS' | 'REASSIGN_TICKETS' | 'IMPORT_TICKETS';

/** An operation and how far it has come, as `OPERATION_COLUMNS` reads them. */
export interface OperationRow {
  readonly operation_id: string;
  readonly kind: OperationKindName;
  readonly state: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'CANCELLED';
  readonly actor: string;
  readonly actor_kind: Caller['actorKind'];
  readonly roles: readonly Role[];
  readonly caller_agent_id: string | null;
  readonly rpc: string;
  readonly request_id: string;
  readonly reason: string;
  readonly input: unknown;
  readonly total_count: string;
  readonly changed_count: string;
  readonly unchanged_count: string;
  readonly failed_count: string;
  readonly error_reason: string;
  readonly error_message: string;
  readonly version: string;
  readonly create_time: Instant;
  readonly update_time: Instant;
  readonly end_time: Instant | null;
  readonly expire_time: Instant | null;
  readonly next_chunk: number;
  readonly pause_reason: string;
  readonly memory: unknown;
}

/** How long it is known what became of each ticket after an operation has ended, in days. */
export const RESULT_RETENTION_DAYS = 30;

/** What to select from `OPERATIONS` to get an `OperationRow`. Counts and times are those of the progress: the operation's own are set when it ends. */
export const OPERATION_COLUMNS = `o.operation_id, o.kind, o.state, o.actor, o.actor_kind, to_jsonb(o.roles) AS roles, o.caller_agent_id, o.rpc, o.request_id,
  o.reason, o.input, o.total_count, p.changed_count, p.unchanged_count, p.failed_count, o.error_reason, o.error_message, o.version, o.create_time,
  greatest(o.update_time, p.update_time) AS update_time, o.end_time, o.end_time + interval '${RESULT_RETENTION_DAYS} days' AS expire_time,
  p.next_chunk, p.pause_reason, p.memory`;
export const OPERATIONS = 'operations o JOIN operation_progress p USING (operation_id)';
