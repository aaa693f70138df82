import { BulkUpdateTicketsResponseSchema } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import type { CommandKind } from '../../foundation/commands/command.ts';
import { compareWaiting } from '../assignment/index.ts';
import { findPools } from '../groups/index.ts';
import { type BulkChange, planBulkOperation } from './bulk-operation.ts';
import { findKnownAgents } from './known-agents.ts';
import { loadTickets, loadWhatWaitsForRoom } from './load.ts';
import { groupsOf, selectTickets } from './select.ts';
import { assertChangeable, changeTicket, mayMakeRoom, needsPool } from './update.ts';
import { assertPooled, openTicketWork } from './work.ts';
import { writeTickets } from './write.ts';

/** Changes up to a thousand tickets alike, all or none, in waiting order; more by an operation. */
export const bulkUpdateTicketsCommand: CommandKind<BulkChange, typeof BulkUpdateTicketsResponseSchema> = {
  name: 'BulkUpdateTickets',
  answer: BulkUpdateTicketsResponseSchema,
  together: 1,
  async pools(sql, inputs) {
    const needs = [];
    for (const { selection, patch, reach } of inputs) {
      const selected = needsPool(patch) ? await selectTickets(sql, selection, reach.visible) : [];
      const target = patch.groupId === undefined ? [] : [patch.groupId];
      // An operation locks nothing yet.
      needs.push({ groupIds: selected ? [...groupsOf(selected), ...target] : [] });
    }
    return findPools(sql, needs);
  },
  async plan(unit, [command]) {
    if (!command) throw new Error('nothing to plan');
    const { selection, patch, reach } = command.input;
    const selected = await selectTickets(unit.sql, selection, reach.visible);
    if (!selected) return planBulkOperation(unit, command);
    const rows = await loadTickets(
      unit,
      selected.map((ticket) => ticket.ticketId),
    );
    const work = await openTicketWork(unit, 2 * selected.length, rows);
    if (needsPool(patch)) assertPooled(work, rows);
    const limited = await loadWhatWaitsForRoom(work, mayMakeRoom(patch) ? 2 * rows.length : 0);
    const agents = await findKnownAgents(unit.sql, patch.agentId ? [patch.agentId] : []);
    const ordered = [...rows].sort(compareWaiting);
    for (const row of ordered) assertChangeable(work, row, patch, reach, agents);
    const desks = new Set(ordered.map((row) => row.agent_id));
    for (const row of ordered) changeTicket(work, row, patch, command.requestKey);
    if (limited && [...desks].some((agentId) => work.makesRoom(agentId))) work.handOut(command.requestKey);
    const changed = ordered.filter((row) => work.changed.has(row));
    const ticketIds = changed.map((row) => row.ticket_id);
    return {
      outcomes: [{ answer: { updatedCount: changed.length, ticketIds, selectedCount: BigInt(selected.length) } }],
      async write() {
        await writeTickets(work);
        return undefined;
      },
    };
  },
};
