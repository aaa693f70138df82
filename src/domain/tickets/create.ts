import type { JsonObject } from '@bufbuild/protobuf';
import { GroupChangeDenied, GroupDeleted, GroupInactive, GroupNotFound } from '../groups/index.ts';
import { ExternalReferenceTaken, TicketAlreadyPendingForUser } from './errors.ts';
import type { KnownAgents } from './known-agents.ts';
import { includesGroup, type Reach } from './reach.ts';
import type { TicketRow } from './row.ts';
import { STATUS } from './rules.ts';
import type { TicketWork } from './work.ts';

/** A ticket's identifier in another system. */
export interface ExternalReference {
  readonly system: string;
  readonly id: string;
  readonly url: string;
}

/** A ticket to create; its id is made before it is queued. */
export interface NewTicket {
  readonly ticketId: string;
  readonly groupId: string;
  readonly userId: string;
  readonly priority: number;
  readonly title: string;
  readonly description: string;
  readonly attributes: JsonObject;
  readonly labels: readonly string[];
  readonly agentId: string | undefined;
  readonly uniquePerUser: boolean;
  readonly externalReferences: readonly ExternalReference[];
}

/** An existing ticket, as errors name it. */
export interface Existing {
  readonly ticketId: string;
  readonly key: string;
  readonly groupId: string;
}

/** What stands in the way of new tickets: read at the start of a plan, and kept true while it goes on. */
export interface Obstacles {
  /** Pending tickets by user and group. */
  readonly pendingByUser: Map<string, Existing>;
  /** Tickets by outside identifier. */
  readonly byReference: Map<string, Existing>;
}

/** Key of `pendingByUser`. */
export const userKey = (userId: string, groupId: string): string => `${userId} ${groupId}`;
/** Key of `byReference`; neither part may hold a NUL. */
export const referenceKey = (reference: { readonly system: string; readonly id: string }): string => `${reference.system}\0${reference.id}`;

/**
 * Throws what forbids these new tickets, taken together: the one of a CreateTicket, or all of a batch.
 * Changes nothing.
 */
export function assertCreatable(work: TicketWork, tickets: readonly NewTicket[], reach: Reach, obstacles: Obstacles, agents: KnownAgents): void {
  const users = new Map<string, Existing>();
  const references = new Map<string, Existing>();
  for (const ticket of tickets) {
    const group = work.roster.groups.get(ticket.groupId);
    if (!group || !includesGroup(reach.visible, ticket.groupId)) throw new GroupNotFound(ticket.groupId);
    if (!includesGroup(reach.managed, ticket.groupId))
      throw new GroupChangeDenied(ticket.groupId, 'only its supervisors and administrators create tickets in it');
    if (group.deleted) throw new GroupDeleted(ticket.groupId);
    if (!group.active) throw new GroupInactive(ticket.groupId);
    if (ticket.agentId !== undefined) agents.assertAssignable(ticket.agentId, group, reach);
    const self: Existing = { ticketId: ticket.ticketId, key: 'of this batch', groupId: ticket.groupId };
    const user = userKey(ticket.userId, ticket.groupId);
    const pending = obstacles.pendingByUser.get(user) ?? users.get(user);
    if (ticket.uniquePerUser && pending) throw new TicketAlreadyPendingForUser(ticket.userId, pending);
    users.set(user, self);
    for (const reference of ticket.externalReferences) {
      const key = referenceKey(reference);
      const taken = obstacles.byReference.get(key) ?? references.get(key);
      if (taken) throw new ExternalReferenceTaken(reference, includesGroup(reach.visible, taken.groupId) ? taken : undefined);
      references.set(key, self);
    }
  }
}

/** Creates one ticket that `assertCreatable` let pass, and finds it an agent. */
export function createTicket(work: TicketWork, ticket: NewTicket, obstacles: Obstacles, requestKey: string): TicketRow {
  const group = work.roster.groups.get(ticket.groupId);
  if (!group) throw new GroupNotFound(ticket.groupId);
  group.lastTicketNumber += 1;
  const now = work.unit.now;
  const row: TicketRow = {
    ticket_id: ticket.ticketId,
    key: `${group.key}-${group.lastTicketNumber}`,
    group_id: ticket.groupId,
    user_id: ticket.userId,
    agent_id: null,
    status: STATUS.OPEN,
    priority: ticket.priority,
    title: ticket.title,
    description: ticket.description,
    attributes: ticket.attributes,
    labels: [...ticket.labels],
    external_references: ticket.externalReferences.map(({ system, id, url }) => ({ system, id, url })),
    reopen_count: 0,
    version: '1',
    create_time: now,
    update_time: now,
    assign_time: null,
    wait_start_time: now,
    resolve_time: null,
    close_time: null,
    last_request: requestKey,
  };
  work.add(row);
  const named = ticket.agentId === undefined ? undefined : work.roster.agents.get(ticket.agentId);
  if (named) work.give(row, named, false, requestKey);
  else work.place(row, 'CREATE', requestKey);
  const self = { ticketId: row.ticket_id, key: row.key, groupId: row.group_id };
  obstacles.pendingByUser.set(userKey(ticket.userId, ticket.groupId), self);
  for (const reference of ticket.externalReferences) obstacles.byReference.set(referenceKey(reference), self);
  return row;
}
