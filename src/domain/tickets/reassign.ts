import type { MessageInitShape } from '@bufbuild/protobuf';
import { type MovedTicketSchema, type StayingTicketSchema, StayReason } from '../../../gen/ticketing/v1/reassignment_pb.ts';
import { ReassignTicketsResponseSchema } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import type { CommandKind, Plan, Unit } from '../../foundation/commands/command.ts';
import { AgentNotFound } from '../agents/index.ts';
import { compareIds, compareWaiting, type Deal } from '../assignment/index.ts';
import { findPools } from '../groups/index.ts';
import { loadTickets, loadWhatWaitsForRoom } from './load.ts';
import { includesGroup } from './reach.ts';
import { planReassignmentOperation, type Reassignment } from './reassign-operation.ts';
import type { TicketRow } from './row.ts';
import { groupsOf, type Selected, selectTickets } from './select.ts';
import { explainStay, whyItStays } from './staying.ts';
import { assertPooled, openTicketWork, type TicketWork } from './work.ts';
import { writeTickets } from './write.ts';

type Answer = MessageInitShape<typeof ReassignTicketsResponseSchema>;

/** Deals pending tickets out equally, more than a thousand by an operation; with `validate_only` the answer is the plan. */
export const reassignTicketsCommand: CommandKind<Reassignment, typeof ReassignTicketsResponseSchema> = {
  name: 'ReassignTickets',
  answer: ReassignTicketsResponseSchema,
  together: 1,
  async pools(sql, inputs) {
    const needs = [];
    for (const { selection, reach } of inputs) needs.push({ groupIds: groupsOf((await selectTickets(sql, selection, reach.managed)) ?? []) });
    return findPools(sql, needs);
  },
  async plan(unit, [command]) {
    if (!command) throw new Error('nothing to plan');
    await assertAgents(unit, command.input);
    const selected = await selectTickets(unit.sql, command.input.selection, command.input.reach.managed);
    return selected ? planReassignment(unit, command.input, selected, command.requestKey) : planReassignmentOperation(unit, command);
  },
};

async function planReassignment(unit: Unit, input: Reassignment, selected: readonly Selected[], requestKey: string): Promise<Plan<Answer>> {
  const rows = await loadTickets(
    unit,
    selected.map((ticket) => ticket.ticketId),
  );
  const work = await openTicketWork(unit, 2 * selected.length, rows);
  assertPooled(work, rows);
  await loadWhatWaitsForRoom(work, 2 * rows.length);
  const answer = dealSelected(work, rows, selected, input, requestKey);
  return {
    outcomes: [{ answer }],
    async write() {
      await writeTickets(work);
      return undefined;
    },
  };
}

function dealSelected(work: TicketWork, rows: readonly TicketRow[], selected: readonly Selected[], input: Reassignment, requestKey: string): Answer {
  const { selection, toAgentIds } = input;
  const meets = new Set(selected.filter((ticket) => ticket.meets).map((ticket) => ticket.ticketId));
  const deal: Deal = {
    dealId: work.assignments.nextNumber(),
    received: new Map(),
    givers: new Set(selection.agentIds),
    receivers: toAgentIds.length > 0 ? new Set(toAgentIds) : undefined,
  };
  const moved: MessageInitShape<typeof MovedTicketSchema>[] = [];
  const staying: MessageInitShape<typeof StayingTicketSchema>[] = [];
  for (const row of [...rows].sort(compareWaiting)) {
    const from = row.agent_id ?? '';
    const reason = whyItStays(work, row, meets.has(row.ticket_id));
    if (reason === undefined && work.deal(row, deal, requestKey)) {
      moved.push({ ticketId: row.ticket_id, key: row.key, fromAgentId: from, toAgentId: row.agent_id ?? '' });
    } else {
      const stays = StayReason[reason ?? 'NO_ELIGIBLE_AGENT'];
      staying.push({ ticketId: row.ticket_id, key: row.key, agentId: from, reason: stays, explanation: explainStay(work, row, deal, stays) });
    }
  }
  // Whoever gave tickets away may have room again for what waits.
  if (moved.some((ticket) => work.makesRoom(ticket.fromAgentId ?? null))) work.handOut(requestKey);
  const receipts = [...deal.received].sort(([a], [b]) => compareIds(a, b)).map(([agentId, receivedCount]) => ({ agentId, receivedCount }));
  return { receipts, movedTickets: moved, stayingTickets: staying, selectedCount: BigInt(selected.length) };
}

/** Every named agent must be there, and within the caller's groups. */
async function assertAgents(unit: Unit, { selection, toAgentIds, reach }: Reassignment): Promise<void> {
  const named = [...new Set([...selection.agentIds, ...toAgentIds])];
  if (named.length === 0) return;
  const rows = await unit.sql<{ agent_id: string; group_ids: string[] }>(
    `SELECT a.agent_id, coalesce(array_agg(m.group_id::text) FILTER (WHERE m.group_id IS NOT NULL), '{}') AS group_ids
     FROM agents a LEFT JOIN memberships m USING (agent_id)
     WHERE a.agent_id = ANY ($1::text[]) AND a.delete_time IS NULL GROUP BY a.agent_id`,
    [named],
  );
  const known = new Set(
    rows.filter((row) => reach.managed === 'all' || row.group_ids.some((groupId) => includesGroup(reach.managed, groupId))).map((row) => row.agent_id),
  );
  for (const agentId of named) if (!known.has(agentId)) throw new AgentNotFound(agentId);
}
