import type { MessageInitShape } from '@bufbuild/protobuf';
import { OperationKind, OperationOutcome, type OperationSchema, OperationState, type OperationTicketSchema } from '../../../gen/ticketing/v1/operation_pb.ts';
import { toTimestamp } from '../../foundation/clock.ts';
import { etagOf } from '../../foundation/etag.ts';
import type { OperationRow } from './row.ts';

/** An operation as callers see it. */
export function toOperation(row: OperationRow): MessageInitShape<typeof OperationSchema> {
  const counts = [row.changed_count, row.unchanged_count, row.failed_count].map(BigInt);
  const [changedCount = 0n, unchangedCount = 0n, failedCount = 0n] = counts;
  const endTime = toTimestamp(row.end_time);
  const expireTime = toTimestamp(row.expire_time);
  return {
    operationId: row.operation_id,
    kind: OperationKind[row.kind],
    state: OperationState[row.state === 'RUNNING' && row.pause_reason !== '' ? 'PAUSED' : row.state],
    actor: row.actor,
    requestId: row.request_id,
    reason: row.reason,
    totalCount: BigInt(row.total_count),
    doneCount: changedCount + unchangedCount + failedCount,
    changedCount,
    unchangedCount,
    failedCount,
    pauseReason: row.state === 'RUNNING' ? row.pause_reason : '',
    errorReason: row.error_reason,
    errorMessage: row.error_message,
    createTime: toTimestamp(row.create_time),
    updateTime: toTimestamp(row.update_time),
    ...(endTime ? { endTime } : {}),
    ...(expireTime ? { expireTime } : {}),
    etag: etagOf(row.version),
  };
}

/** What became of one ticket of an operation, as it is read. */
export interface OperationTicketRow {
  readonly ticket_id: string;
  /** Null while its chunk is not done. */
  readonly outcome: number | null;
  readonly to_agent_id: string | null;
  readonly reason: string | null;
  readonly message: string | null;
  /** Of an import alone, like the field and the ticket that was there already. */
  readonly line: number | null;
  readonly field: string | null;
  readonly found_id: string | null;
}

/** The same as callers see it. */
export const toOperationTicket = (row: OperationTicketRow): MessageInitShape<typeof OperationTicketSchema> => ({
  ticketId: row.line === null || row.outcome === OperationOutcome.CHANGED ? row.ticket_id : (row.found_id ?? ''),
  outcome: (row.outcome ?? OperationOutcome.PENDING) as OperationOutcome,
  toAgentId: row.to_agent_id ?? '',
  reason: row.reason ?? '',
  message: row.message ?? '',
  line: BigInt(row.line ?? 0),
  field: row.field ?? '',
});

/** The name of an enum's value, without its prefix. */
export const nameOf = (values: Readonly<Record<string, number>>, wanted: number): string => Object.keys(values).find((name) => values[name] === wanted) ?? '';
