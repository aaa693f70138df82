import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '@bufbuild/protobuf';
import { EtagMismatch } from '../../foundation/errors.ts';
import { GroupDeleted, GroupInactive, GroupNotFound } from '../groups/index.ts';
import { TicketCancelled, TicketChangeDenied, TicketNotFound, TicketNotPending } from './errors.ts';
import type { KnownAgents } from './known-agents.ts';
import { includesGroup, type Reach } from './reach.ts';
import type { TicketRow } from './row.ts';
import { assertStatusChange, isPending, STATUS, statusName } from './rules.ts';
import type { TicketWork } from './work.ts';

/** The fields a change sets; absent ones stay. */
export interface TicketPatch {
  readonly groupId?: string;
  readonly status?: number;
  /** '' takes the ticket from its agent. */
  readonly agentId?: string;
  readonly priority?: number;
  readonly title?: string;
  readonly description?: string;
  readonly attributes?: JsonObject;
  readonly labels?: readonly string[];
}

/** Whether a patch can touch assignment or the waiting order, and so needs the pool. */
export const needsPool = (patch: TicketPatch): boolean =>
  patch.groupId !== undefined || patch.status !== undefined || patch.agentId !== undefined || patch.priority !== undefined;

/** Whether a patch can take a ticket off somebody's desk. */
export const mayMakeRoom = (patch: TicketPatch): boolean => patch.groupId !== undefined || patch.status !== undefined || patch.agentId !== undefined;

/** Throws what forbids this change of this ticket to this caller; changes nothing. */
export function assertChangeable(work: TicketWork, row: TicketRow, patch: TicketPatch, reach: Reach, agents: KnownAgents, etag = ''): void {
  if (!includesGroup(reach.visible, row.group_id)) throw new TicketNotFound(row.ticket_id);
  assertPermitted(row, patch, reach);
  if (etag !== '' && etag !== row.version) throw new EtagMismatch('ticket', row.ticket_id);
  const status = patch.status ?? row.status;
  assertStatusChange(row.ticket_id, row.status, status);
  const moves = patch.groupId !== undefined && patch.groupId !== row.group_id;
  const group = work.roster.groups.get(patch.groupId ?? row.group_id);
  if (moves) {
    if (!group || !includesGroup(reach.visible, group.groupId)) throw new GroupNotFound(patch.groupId ?? '');
    if (!includesGroup(reach.managed, group.groupId)) throw new TicketChangeDenied(row.ticket_id, 'moving it needs the right to manage both groups');
    if (group.deleted) throw new GroupDeleted(group.groupId);
    if (!group.active) throw new GroupInactive(group.groupId);
  }
  const reopens = !isPending(row.status) && isPending(status);
  if (reopens && group?.deleted) throw new GroupDeleted(group.groupId);
  const changesAgent = patch.agentId !== undefined && patch.agentId !== (row.agent_id ?? '');
  if ((moves || changesAgent) && !isPending(status)) throw whyItStays(row, status, moves ? 'group' : 'agent');
  if (patch.agentId && group && (patch.agentId !== row.agent_id || reopens || moves)) agents.assertAssignable(patch.agentId, group, reach);
}

/** Why a ticket that is not pending, or not after this change, gets no other agent or group by it. */
function whyItStays(row: TicketRow, status: number, what: 'group' | 'agent'): Error {
  if (row.status === STATUS.CANCELLED) return new TicketCancelled(row.ticket_id);
  const becomes = isPending(row.status) ? 'would become' : 'is';
  const rule = `ticket ${row.ticket_id} ${becomes} ${statusName(status)}, and only a ticket that is pending after the change gets another ${what} by it`;
  return new TicketNotPending(row.ticket_id, `${what}_id`, rule);
}

/** The rules of an agent who manages nothing: his own tickets, and a waiting one of his groups to claim. */
function assertPermitted(row: TicketRow, patch: TicketPatch, reach: Reach): void {
  if (includesGroup(reach.managed, row.group_id)) return;
  const { agentId } = reach;
  if (agentId === undefined) throw new TicketChangeDenied(row.ticket_id, 'its group is not under the caller');
  if (patch.groupId !== undefined && patch.groupId !== row.group_id) throw new TicketChangeDenied(row.ticket_id, 'an agent may not move it to another group');
  const claims = row.agent_id === null && patch.agentId === agentId;
  if (row.agent_id !== agentId && !claims) throw new TicketChangeDenied(row.ticket_id, 'an agent may change only his own tickets, or claim a waiting one');
  if (patch.agentId !== undefined && patch.agentId !== '' && patch.agentId !== agentId) {
    throw new TicketChangeDenied(row.ticket_id, 'an agent may not give it to somebody else');
  }
}

/** Makes a change that `assertChangeable` let pass. A patch that sets only what already is changes nothing. */
export function changeTicket(work: TicketWork, row: TicketRow, patch: TicketPatch, requestKey: string): void {
  const wasPending = isPending(row.status);
  const moved = patch.groupId !== undefined && patch.groupId !== row.group_id;
  if (!differs(row, patch)) return;
  work.touch(row, requestKey);
  const onDesk = wasPending && row.agent_id !== null;
  const desk = row.agent_id;
  setFields(row, patch);
  const status = patch.status ?? row.status;
  const ends = wasPending && !isPending(status);
  // The desk is cleared under the group that the ticket was in.
  if (ends) work.finish(row, status !== STATUS.CANCELLED, requestKey);
  if (moved) row.group_id = patch.groupId as string;
  setStatus(work, row, status);
  if (isPending(row.status)) settleAgent(work, row, patch, { moved, reopened: !wasPending, onDesk, requestKey });
  // A new agent starts from OPEN, unless he was named together with a status.
  if (patch.status !== undefined && isPending(patch.status) && (patch.agentId || desk === row.agent_id)) row.status = patch.status;
}

function differs(row: TicketRow, patch: TicketPatch): boolean {
  // Read from JSON again: names in any order, and objects of one kind.
  const same = <T>(next: T | undefined, present: T): boolean =>
    next === undefined || next === present || isDeepStrictEqual(JSON.parse(JSON.stringify(next)), present);
  return !(
    same(patch.groupId, row.group_id) &&
    same(patch.status, row.status) &&
    same(patch.agentId, row.agent_id ?? '') &&
    same(patch.priority, row.priority) &&
    same(patch.title, row.title) &&
    same(patch.description, row.description) &&
    same(patch.attributes, row.attributes as JsonObject) &&
    same(patch.labels, row.labels)
  );
}

function setFields(row: TicketRow, patch: TicketPatch): void {
  row.priority = patch.priority ?? row.priority;
  row.title = patch.title ?? row.title;
  row.description = patch.description ?? row.description;
  row.attributes = patch.attributes ?? row.attributes;
  row.labels = patch.labels ? [...patch.labels] : row.labels;
}

function setStatus(work: TicketWork, row: TicketRow, status: number): void {
  if (status === row.status) return;
  const now = work.unit.now;
  if (!isPending(row.status) && isPending(status)) {
    row.reopen_count += 1;
    row.resolve_time = null;
    row.close_time = null;
  }
  if (status === STATUS.RESOLVED || (status === STATUS.CLOSED && isPending(row.status))) row.resolve_time = now;
  if (status === STATUS.CLOSED || status === STATUS.CANCELLED) row.close_time = now;
  row.status = status;
}

/** Finds the pending ticket's agent after its status and group are settled. */
function settleAgent(
  work: TicketWork,
  row: TicketRow,
  patch: TicketPatch,
  was: { readonly moved: boolean; readonly reopened: boolean; readonly onDesk: boolean; readonly requestKey: string },
): void {
  const named = patch.agentId ? work.roster.agents.get(patch.agentId) : undefined;
  if (named) {
    if (was.onDesk && row.agent_id === named.agentId) return;
    work.give(row, named, was.onDesk, was.requestKey);
  } else if (was.reopened) {
    if (work.place(row, 'REOPEN', was.requestKey)) return;
    row.agent_id = null;
    work.reopen(row);
  } else if (patch.agentId === '' && was.onDesk) {
    work.redistribute(row, was.requestKey);
  } else if (was.moved) {
    const members = work.roster.groups.get(row.group_id)?.members ?? [];
    if (!was.onDesk) work.place(row, 'WAITING', was.requestKey);
    else if (!members.some((member) => member.agentId === row.agent_id)) work.redistribute(row, was.requestKey);
  }
}
