import type { MessageInitShape } from '@bufbuild/protobuf';
import { type MovedTicketSchema, type StayingTicketSchema, StayReason } from '../../../gen/ticketing/v1/reassignment_pb.ts';
import { ReassignTicketsResponseSchema } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import type { CommandKind, Plan, Unit } from '../../foundation/commands/command.ts';
import { AgentNotFound } from '../agents/index.ts';
import { compareIds, compareWaiting, type Deal, whyLeftOut } from '../assignment/index.ts';
import { findPools } from '../groups/index.ts';
import { TooManyTickets } from './errors.ts';
import { listLeftOut } from './explain-words.ts';
import { loadTickets, loadWhatWaitsForRoom } from './load.ts';
import { includesGroup, type Reach } from './reach.ts';
import type { TicketRow } from './row.ts';
import { isPending, TICKETS_PER_CHANGE } from './rules.ts';
import { groupsOf, type Selected, type Selection, selectTickets } from './select.ts';
import { assertPooled, openTicketWork, type TicketWork } from './work.ts';
import { writeTickets } from './write.ts';

/** Tickets to deal out again, and who may receive them (nobody named: everybody eligible). */
export interface Reassignment {
  readonly selection: Selection;
  readonly toAgentIds: readonly string[];
  readonly reach: Reach;
}

type Answer = MessageInitShape<typeof ReassignTicketsResponseSchema>;

/** Deals pending tickets out equally; with `validate_only` the answer is the plan. */
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
    return planReassignment(unit, command.input, command.requestKey);
  },
};

async function planReassignment(unit: Unit, input: Reassignment, requestKey: string): Promise<Plan<Answer>> {
  await assertAgents(unit, input);
  const selected = await selectTickets(unit.sql, input.selection, input.reach.managed);
  if (!selected) throw new TooManyTickets(input.selection.filter ? 'filter' : 'from_agent_ids', TICKETS_PER_CHANGE);
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
    const reason = whyItStays(work, row, meets);
    if (reason === undefined && work.deal(row, deal, requestKey)) {
      moved.push({ ticketId: row.ticket_id, key: row.key, fromAgentId: from, toAgentId: row.agent_id ?? '' });
    } else {
      const stays = reason ?? StayReason.NO_ELIGIBLE_AGENT;
      const explanation = stays === StayReason.NO_ELIGIBLE_AGENT ? explainNobody(work, row, deal) : (EXPLANATIONS[stays] ?? '');
      staying.push({ ticketId: row.ticket_id, key: row.key, agentId: from, reason: stays, explanation });
    }
  }
  // Whoever gave tickets away may have room again for what waits.
  if (moved.some((ticket) => work.makesRoom(ticket.fromAgentId ?? null))) work.handOut(requestKey);
  const receipts = [...deal.received].sort(([a], [b]) => compareIds(a, b)).map(([agentId, receivedCount]) => ({ agentId, receivedCount }));
  return { receipts, movedTickets: moved, stayingTickets: staying };
}

function whyItStays(work: TicketWork, row: TicketRow, meets: ReadonlySet<string>): StayReason | undefined {
  if (!isPending(row.status)) return StayReason.NOT_PENDING;
  if (!meets.has(row.ticket_id)) return StayReason.NOT_SELECTED;
  const group = work.roster.groups.get(row.group_id);
  return group?.active && !group.deleted ? undefined : StayReason.GROUP_INACTIVE;
}

/** Who of the group cannot take it just now, and why. */
function explainNobody(work: TicketWork, row: TicketRow, deal: Deal): string {
  const group = work.roster.groups.get(row.group_id);
  if (!group || group.members.length === 0) return 'its group has no members';
  const leftOut = group.members.map((agent) => {
    const outside = agent.agentId === row.agent_id || deal.givers.has(agent.agentId) || deal.receivers?.has(agent.agentId) === false;
    return { agentId: agent.agentId, reason: outside ? 'EXCLUDED' : (whyLeftOut(agent, group) ?? '') };
  });
  return `nobody of its group can take it: ${listLeftOut(leftOut)}`;
}

const EXPLANATIONS: Readonly<Record<number, string>> = {
  [StayReason.NOT_PENDING]: 'it is not pending any more',
  [StayReason.GROUP_INACTIVE]: 'its group is not active',
  [StayReason.NOT_SELECTED]: 'its agent is not among from_agent_ids, or it does not meet the filter',
};

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
