import type { DescMessage, Message, MessageShape } from '@bufbuild/protobuf';
import { type AuditEntry, AuditEntrySchema } from '../../../gen/ticketing/v1/audit_entry_pb.ts';
import { type AuditService, ListAuditEntriesRequestSchema } from '../../../gen/ticketing/v1/audit_service_pb.ts';
import { fromTimestamp } from '../../foundation/clock.ts';
import type { Context, Handlers } from '../../foundation/context.ts';
import { listPage } from '../../foundation/list-page.ts';
import { toAuditEntry } from './message.ts';
import { getAuditEntry, listEntries, NEWEST_FIRST, type WantedEntries } from './queries.ts';

/** The handlers of AuditService. */
export const auditHandlers: Handlers<typeof AuditService> = {
  async listAuditEntries(request, ctx) {
    const { entityType, entityId, actor, rpc, requestId, filter, startTime, endTime } = request;
    const page = await listEntryPage(ctx, [ListAuditEntriesRequestSchema, request], {
      entityType,
      entityId,
      actor,
      rpc,
      requestId,
      filter,
      startTime: startTime && fromTimestamp(startTime),
      endTime: endTime && fromTimestamp(endTime),
    });
    return { auditEntries: page.items, nextPageToken: page.nextPageToken };
  },

  async getAuditEntry({ entryId }, ctx) {
    return { auditEntry: toAuditEntry(await getAuditEntry(ctx.sql, entryId)) };
  },
};

/**
 * A page of every change of one thing, newest first, for other folders to answer their own history
 * calls with. Whether the caller may see the thing is for them to know. Throws PageTokenError.
 */
export function listEntityHistory<Request extends DescMessage>(
  ctx: Context,
  request: readonly [schema: Request, message: MessageShape<Request> & PagedRequest],
  entity: { readonly entityType: string; readonly entityId: string },
): Promise<{ items: AuditEntry[]; nextPageToken: string }> {
  return listEntryPage(ctx, request, entity);
}

type PagedRequest = Message & { readonly pageSize: number; readonly pageToken: string };

function listEntryPage<Request extends DescMessage>(
  ctx: Context,
  request: readonly [schema: Request, message: MessageShape<Request> & PagedRequest],
  wanted: WantedEntries,
): Promise<{ items: AuditEntry[]; nextPageToken: string }> {
  return listPage(ctx, {
    request,
    order: NEWEST_FIRST,
    read: (limit, after) => listEntries(ctx.sql, wanted, limit, after),
    item: [AuditEntrySchema, toAuditEntry],
  });
}
