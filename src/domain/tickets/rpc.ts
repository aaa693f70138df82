import { toBinary } from '@bufbuild/protobuf';
import type { FieldMask } from '@bufbuild/protobuf/wkt';
import { type Ticket, TicketSchema } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { type CreateTicketRequest, CreateTicketRequestSchema, type TicketService } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import { toTimestamp } from '../../foundation/clock.ts';
import type { Handlers } from '../../foundation/context.ts';
import { InvalidField } from '../../foundation/errors.ts';
import { MAX_PAGE_BYTES } from '../../foundation/page/index.ts';
import { canonicalId } from '../../foundation/request.ts';
import { selectedFields } from '../../foundation/update-mask.ts';
import { settledInstant } from '../audit/index.ts';
import { visibleGroups } from '../groups/index.ts';
import { applyPlanCommand } from './apply-plan.ts';
import { checkAttributes } from './attributes.ts';
import { bulkUpdateTicketsCommand } from './bulk.ts';
import { ResponseTooLarge } from './errors.ts';
import { explainAssignment } from './explain.ts';
import { toNewTicket } from './new-ticket.ts';
import { getTicketAt } from './past.ts';
import { batchCreateTicketsCommand, createTicketCommand, updateTicketCommand } from './plan.ts';
import { getTicket } from './queries.ts';
import { reachOf } from './reach.ts';
import { ticketReadHandlers } from './read-rpc.ts';
import { reassignTicketsCommand } from './reassign.ts';
import { type PlannedMove, storePlan } from './reassignment-plan.ts';
import { redactTicketCommand } from './redact.ts';
import { restoreTicketCommand } from './restore.ts';
import { PRIORITY } from './rules.ts';
import type { TicketPatch } from './update.ts';

/** TicketService: messages to commands and queries, nothing else. */
export const ticketHandlers: Handlers<typeof TicketService> = {
  ...ticketReadHandlers,
  async createTicket(request, ctx) {
    const ticket = toNewTicket(request, '');
    return ctx.carryOut(createTicketCommand, { tickets: [ticket], batch: false, reach: await reachOf(ctx) });
  },
  async batchCreateTickets({ requests }, ctx) {
    assertAnswerable(requests);
    const tickets = requests.map((request, at) => toNewTicket(request, `requests[${at}].`));
    return ctx.carryOut(batchCreateTicketsCommand, { tickets, batch: true, reach: await reachOf(ctx) });
  },
  async updateTicket({ ticket, updateMask }, ctx) {
    if (!ticket) throw new InvalidField('ticket', 'must be given');
    const patch = toPatch(ticket, updateMask, 'ticket.');
    return ctx.carryOut(updateTicketCommand, { ticket: ticket.ticketId, etag: ticket.etag, patch, reach: await reachOf(ctx) });
  },
  async bulkUpdateTickets({ ticketIds, filter, patch, updateMask }, ctx) {
    if (!patch) throw new InvalidField('patch', 'must be given');
    const selection = { ticketIds, agentIds: [], filter, pendingOnly: false };
    return ctx.carryOut(bulkUpdateTicketsCommand, { selection, patch: toPatch(patch, updateMask, 'patch.'), reach: await reachOf(ctx), caller: ctx.caller });
  },
  async reassignTickets({ fromAgentIds, ticketIds, filter, toAgentIds, planToken }, ctx) {
    const { caller } = ctx;
    const reach = await reachOf(ctx);
    if (planToken !== '') return ctx.carryOut(applyPlanCommand, { planToken: canonicalId(planToken), reach, caller });
    const selection = { ticketIds, agentIds: fromAgentIds, filter, pendingOnly: true };
    if (!ctx.intent?.validateOnly) return ctx.carryOut(reassignTicketsCommand, { selection, toAgentIds, reach, caller });
    let planned: readonly PlannedMove[] = [];
    const keepPlan = (moves: readonly PlannedMove[]): void => {
      planned = moves;
    };
    const answer = await ctx.carryOut(reassignTicketsCommand, { selection, toAgentIds, reach, caller, keepPlan });
    if (planned.length === 0 || ctx.readOnly) return answer;
    const kept = await storePlan(ctx.sql, caller.actor, planned);
    return { ...answer, planToken: kept.planToken, planExpireTime: toTimestamp(kept.expireTime) };
  },
  async redactTicket({ ticketId, fields, etag }, ctx) {
    return ctx.carryOut(redactTicketCommand, { ticket: ticketId, fields, etag });
  },
  async restoreTicket({ ticketId, version, asOf, etag }, ctx) {
    const scope = await visibleGroups(ctx);
    const row = asOf ? await getTicketAt(ctx, ticketId, await settledInstant(ctx, asOf), scope) : await getTicket(ctx, ticketId, scope);
    const restored = asOf ? BigInt(row.version) : version;
    return ctx.carryOut(restoreTicketCommand, { ticketId: row.ticket_id, version: restored, etag, reach: await reachOf(ctx) });
  },
  async explainAssignment({ ticketId, sequence }, ctx) {
    const visible = await visibleGroups(ctx);
    const row = await getTicket(ctx, ticketId, visible);
    return { explanation: await explainAssignment(ctx, row, sequence, visible) };
  },
};

/** What a ticket's answer holds besides what its request does: ids, key, times; in bytes, generously. */
const ANSWER_BYTES = 256;

/** Throws `ResponseTooLarge` when the tickets of a batch would make an answer that clients do not take. */
function assertAnswerable(requests: readonly CreateTicketRequest[]): void {
  let bytes = 0;
  for (const request of requests) bytes += toBinary(CreateTicketRequestSchema, request).length + ANSWER_BYTES;
  if (bytes > MAX_PAGE_BYTES) throw new ResponseTooLarge(MAX_PAGE_BYTES);
}

const MUTABLE = ['status', 'agent_id', 'priority', 'title', 'description', 'attributes', 'labels', 'group_id'];

/** The change that a message and its mask describe. */
function toPatch(ticket: Ticket, mask: FieldMask | undefined, path: string): TicketPatch {
  const fields = selectedFields(TicketSchema, ticket, mask, MUTABLE);
  const whole = mask?.paths.includes('*') ?? false;
  if (fields.has('status') && ticket.status === 0 && !whole) throw new InvalidField(`${path}status`, 'must be given');
  if (fields.has('group_id') && ticket.groupId === '' && !whole) throw new InvalidField(`${path}group_id`, 'must be given');
  return {
    // `*` means every field that can be cleared; a ticket has a status and a group for good.
    ...(fields.has('status') && ticket.status !== 0 ? { status: ticket.status } : {}),
    ...(fields.has('group_id') && ticket.groupId !== '' ? { groupId: ticket.groupId.toLowerCase() } : {}),
    ...(fields.has('agent_id') ? { agentId: ticket.agentId } : {}),
    ...(fields.has('priority') ? { priority: ticket.priority || PRIORITY.MEDIUM } : {}),
    ...(fields.has('title') ? { title: ticket.title } : {}),
    ...(fields.has('description') ? { description: ticket.description } : {}),
    ...(fields.has('attributes') ? { attributes: checkAttributes(ticket.attributes ?? {}, `${path}attributes`) } : {}),
    ...(fields.has('labels') ? { labels: ticket.labels } : {}),
  };
}
