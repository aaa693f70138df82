import { create, toBinary } from '@bufbuild/protobuf';
import { type Ticket, TicketSchema } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { ListTicketHistoryRequestSchema, ListTicketsRequestSchema, type TicketService } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import type { Handlers } from '../../foundation/context.ts';
import { listPage } from '../../foundation/list-page.ts';
import { MAX_PAGE_BYTES } from '../../foundation/page/index.ts';
import { listEntityHistory, settledInstant } from '../audit/index.ts';
import { visibleGroups } from '../groups/index.ts';
import { ResponseTooLarge } from './errors.ts';
import { toTicket } from './message.ts';
import { getTicketAt } from './past.ts';
import { listTicketsAt, pastTicketOrder } from './past-list.ts';
import { getTicket, getTickets, listTickets, ticketOrder } from './queries.ts';
import type { TicketRow } from './row.ts';

/** The handlers of TicketService that read tickets. */
export const ticketReadHandlers: Pick<Handlers<typeof TicketService>, 'getTicket' | 'batchGetTickets' | 'listTickets' | 'listTicketHistory'> = {
  async getTicket({ ticketId, asOf }, ctx) {
    const scope = await visibleGroups(ctx);
    if (asOf) return { ticket: toTicket(await getTicketAt(ctx, ticketId, await settledInstant(ctx, asOf), scope)) };
    return { ticket: toTicket(await getTicket(ctx, ticketId, scope)) };
  },

  async batchGetTickets({ ticketIds }, ctx) {
    return { tickets: withinLimit(await getTickets(ctx.sql, ticketIds, await visibleGroups(ctx))) };
  },

  async listTickets(request, ctx) {
    const order = request.asOf ? pastTicketOrder(request.orderBy) : ticketOrder(request.orderBy);
    const scope = await visibleGroups(ctx);
    const wanted = { ...request, userId: request.userId.toString() };
    const at = request.asOf && (await settledInstant(ctx, request.asOf));
    const page = await listPage(ctx, {
      request: [ListTicketsRequestSchema, request],
      order,
      read: (limit, after) =>
        at === undefined ? listTickets(ctx.sql, wanted, scope, order, limit, after) : listTicketsAt(ctx.sql, { wanted, at, scope, order }, limit, after),
      item: [TicketSchema, toTicket],
    });
    return { tickets: page.items, nextPageToken: page.nextPageToken };
  },

  async listTicketHistory(request, ctx) {
    const ticket = await getTicket(ctx, request.ticketId, await visibleGroups(ctx));
    const page = await listEntityHistory(ctx, [ListTicketHistoryRequestSchema, request], { entityType: 'ticket', entityId: ticket.ticket_id });
    return { auditEntries: page.items, nextPageToken: page.nextPageToken };
  },
};

/** Tickets in their wire form; throws ResponseTooLarge when they take more together than clients accept. */
function withinLimit(rows: readonly TicketRow[]): Ticket[] {
  let bytes = 0;
  return rows.map((row) => {
    const ticket = create(TicketSchema, toTicket(row));
    bytes += toBinary(TicketSchema, ticket).length;
    if (bytes > MAX_PAGE_BYTES) throw new ResponseTooLarge(MAX_PAGE_BYTES);
    return ticket;
  });
}
