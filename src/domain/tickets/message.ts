import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Priority, TicketSchema, TicketStatus } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { toTimestamp } from '../../foundation/clock.ts';
import type { TicketRow } from './row.ts';

/** The wire form of a ticket; its etag is its version. */
export function toTicket(row: TicketRow): MessageInitShape<typeof TicketSchema> {
  return {
    ticketId: row.ticket_id,
    key: row.key,
    groupId: row.group_id,
    userId: BigInt(row.user_id),
    agentId: row.agent_id ?? '',
    // The stored numbers are those of the contract.
    status: row.status as TicketStatus,
    priority: row.priority as Priority,
    title: row.title,
    description: row.description,
    attributes: row.attributes,
    labels: row.labels,
    externalReferences: row.external_references,
    etag: row.version,
    createTime: toTimestamp(row.create_time),
    updateTime: toTimestamp(row.update_time),
    assignTime: toTimestamp(row.assign_time),
    waitStartTime: toTimestamp(row.wait_start_time),
    resolveTime: toTimestamp(row.resolve_time),
    closeTime: toTimestamp(row.close_time),
    reopenCount: row.reopen_count,
  };
}
