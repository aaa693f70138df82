import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import type { BulkUpdateTicketsResponseSchema } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import type { Command, Plan, Unit } from '../../foundation/commands/command.ts';
import type { Caller } from '../../foundation/context.ts';
import { DomainError } from '../../foundation/errors.ts';
import { compareWaiting } from '../assignment/index.ts';
import { findPools, GroupDeleted, GroupInactive, GroupNotFound, lockGroups } from '../groups/index.ts';
import { acceptOperation, type OperationKind, type TicketResult } from '../operations/index.ts';
import { findKnownAgents } from './known-agents.ts';
import { findGroupsOfTickets, loadTickets, loadWhatWaitsForRoom } from './load.ts';
import { includesGroup, type Reach, reachOf } from './reach.ts';
import { countSelected, type Selection, selectionQuery } from './select.ts';
import { assertChangeable, changeTicket, mayMakeRoom, needsPool, type TicketPatch } from './update.ts';
import { assertGroupsPooled, assertPooled, openTicketWork } from './work.ts';
import { writeTickets } from './write.ts';

/** One change of many tickets. */
export interface BulkChange {
  readonly selection: Selection;
  readonly patch: TicketPatch;
  readonly reach: Reach;
  readonly caller: Caller;
}

type Answer = MessageInitShape<typeof BulkUpdateTicketsResponseSchema>;

/** More tickets than one transaction takes: sets down which, and leaves them to an operation. What could be right for none of them is refused at once. */
export async function planBulkOperation(unit: Unit, command: Command<BulkChange, DescMessage>): Promise<Plan<Answer>> {
  const { selection, patch, reach, caller } = command.input;
  await assertSensible(unit, command.input);
  const selectedCount = BigInt(await countSelected(unit.sql, selection, reach.visible));
  return {
    outcomes: [{ answer: { selectedCount } }],
    async write() {
      const selected = selectionQuery(selection, reach.visible);
      const accepted = await acceptOperation(unit, command, { kind: 'BULK_UPDATE_TICKETS', caller, input: patch, tickets: { selected } });
      return [{ operationId: accepted.operationId, selectedCount: BigInt(accepted.ticketCount) }];
    },
  };
}

async function assertSensible(unit: Unit, { patch, reach }: BulkChange): Promise<void> {
  if (patch.agentId) (await findKnownAgents(unit.sql, [patch.agentId])).assertActive(patch.agentId, reach);
  if (patch.groupId === undefined) return;
  const group = (await lockGroups(unit, [patch.groupId])).get(patch.groupId);
  if (!group || !includesGroup(reach.visible, patch.groupId)) throw new GroupNotFound(patch.groupId);
  if (group.deleteTime) throw new GroupDeleted(patch.groupId);
  if (!group.active) throw new GroupInactive(patch.groupId);
}

/** The same change of many tickets, each of which succeeds or fails by itself. */
export const bulkUpdateOperation: OperationKind = {
  name: 'BULK_UPDATE_TICKETS',
  roles: ['admin', 'supervisor', 'service'],
  async pools(sql, { input }, { ticketIds }) {
    const patch = input as TicketPatch;
    const own = needsPool(patch) ? await findGroupsOfTickets(sql, ticketIds) : [];
    const [pools = []] = await findPools(sql, [{ groupIds: patch.groupId === undefined ? own : [...own, patch.groupId] }]);
    return pools;
  },
  async plan(unit, operation, { ticketIds, caller, requestKey }) {
    const patch = operation.input as TicketPatch;
    const reach = await reachOf({ sql: unit.sql, caller });
    const rows = await loadTickets(unit, ticketIds);
    const work = await openTicketWork(unit, 2 * rows.length, rows);
    if (needsPool(patch)) assertPooled(work, rows);
    if (patch.groupId !== undefined) await assertGroupsPooled(work, [patch.groupId]);
    const limited = await loadWhatWaitsForRoom(work, mayMakeRoom(patch) ? 2 * rows.length : 0);
    const agents = await findKnownAgents(unit.sql, patch.agentId ? [patch.agentId] : []);
    const results = new Map<string, TicketResult>();
    const desks = new Set<string | null>();
    for (const row of rows.sort(compareWaiting)) {
      const desk = row.agent_id;
      try {
        assertChangeable(work, row, patch, reach, agents);
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        results.set(row.ticket_id, { outcome: 'FAILED', reason: error.reason, message: error.message });
        continue;
      }
      changeTicket(work, row, patch, requestKey);
      desks.add(desk);
      results.set(row.ticket_id, { outcome: work.changed.has(row) ? 'CHANGED' : 'UNCHANGED' });
    }
    if (limited && [...desks].some((agentId) => work.makesRoom(agentId))) work.handOut(requestKey);
    return { results, write: () => writeTickets(work) };
  },
};
