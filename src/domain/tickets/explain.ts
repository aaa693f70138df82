import type { MessageInitShape } from '@bufbuild/protobuf';
import { type AssignmentExplanationSchema, DecisionKind, LeftOutReason, TieBreak } from '../../../gen/ticketing/v1/assignment_explanation_pb.ts';
import { AssignmentStrategy } from '../../../gen/ticketing/v1/assignment_policy_pb.ts';
import { microsOf, readTime, toDuration, toTimestamp } from '../../foundation/clock.ts';
import { UnitMemory } from '../../foundation/commands/memory.ts';
import type { Context } from '../../foundation/context.ts';
import { viewPools } from '../../foundation/database/pools.ts';
import { type DecisionRecord, findDecision, loadRoster, type RosterGroup, type RoundView, relaxedLevels, STRATEGIES, whyLeftOut } from '../assignment/index.ts';
import { coversGroups, findPools, type GroupScope } from '../groups/index.ts';
import { DecisionNotFound } from './errors.ts';
import { listLeftOut, relaxationInWords, summarise } from './explain-words.ts';
import type { TicketRow } from './row.ts';
import { isPending } from './rules.ts';
import { isWaiting } from './work.ts';

type Explanation = MessageInitShape<typeof AssignmentExplanationSchema>;

/**
 * Why a ticket was given to its agent, by its latest decision or the one asked for; for a ticket that
 * waits, who is left out just now and why. Throws `DecisionNotFound` for a number that is not one of
 * this ticket's decisions. What was decided in a group outside the scope, before the ticket was moved, stays there.
 */
export async function explainAssignment(ctx: Context, row: TicketRow, sequence: bigint | undefined, visible: GroupScope): Promise<Explanation> {
  const ticket = { ticketId: row.ticket_id, ticketKey: row.key, groupId: row.group_id };
  if (sequence === undefined && isWaiting(row)) return { ...ticket, ...(await explainWaiting(ctx, row)) };
  const decision = await findDecision(ctx.sql, row.ticket_id, sequence?.toString());
  const isSeen = decision !== undefined && coversGroups(visible, [decision.groupId]);
  if (!isSeen && sequence !== undefined) throw new DecisionNotFound(row.ticket_id, sequence);
  if (decision && !isSeen)
    return { ...ticket, agentId: row.agent_id ?? '', summary: `${row.key} was last given to somebody in another group, before it was moved.` };
  if (!decision) return { ...ticket, summary: `${row.key} has never been given to anybody.` };
  return { ...ticket, ...explainDecision(row.key, decision) };
}

function explainDecision(key: string, decision: DecisionRecord): Explanation {
  const { round } = decision;
  return {
    sequence: BigInt(decision.sequence),
    kind: DecisionKind[decision.kind],
    agentId: decision.agentId,
    previousAgentId: decision.previousAgentId ?? '',
    decisionTime: toTimestamp(decision.time),
    groupId: decision.groupId,
    strategy: round ? AssignmentStrategy[round.policy.strategy] : AssignmentStrategy.UNSPECIFIED,
    policyVersion: round?.policy.version ?? 0,
    businessDay: decision.businessDay,
    roundPosition: round ? round.position + 1 : 0,
    tieBreak: TieBreak[decision.tieBreak],
    candidates: round ? toCandidates(round, decision.agentId) : [],
    leftOut: round ? round.leftOut.map(({ agentId, reason }) => ({ agentId, reason: LeftOutReason[reason] })) : [],
    skillLevelsRelaxed: round?.relaxedLevels ?? 0,
    summary: summarise(key, decision),
  };
}

function toCandidates(round: RoundView, winner: string): NonNullable<Explanation['candidates']> {
  const { dependsOnTime, weighs } = STRATEGIES[round.policy.strategy];
  return round.standings.map((standing, at) => ({
    agentId: standing.agentId,
    assignedToday: standing.assignedToday,
    handicap: standing.handicap,
    sortKey: BigInt(standing.key),
    sortKeyDivisor: BigInt(standing.divisor),
    ...(dependsOnTime ? { presence: toDuration(standing.presentMs) } : {}),
    ...(weighs ? { weight: standing.weight } : {}),
    ...(standing.lastSequence > 0 ? { lastAssignedSequence: BigInt(standing.lastSequence) } : {}),
    openTickets: standing.openTickets,
    ...(round.rule === 'DEAL' ? { receivedInDeal: standing.received } : {}),
    rank: at + 1,
    chosen: standing.agentId === winner,
  }));
}

async function explainWaiting(ctx: Context, row: TicketRow): Promise<Explanation> {
  const [poolIds = []] = await findPools(ctx.sql, [{ groupIds: [row.group_id] }]);
  const view = await viewPools(ctx.sql, poolIds);
  const roster = await loadRoster({ sql: ctx.sql, pools: view.pools, today: (await readTime(ctx.sql)).today, memory: new UnitMemory() });
  const group = roster.groups.get(row.group_id);
  if (!group) throw new Error(`group ${row.group_id} has no pool`);
  const relaxed = relaxedLevels(group, row.wait_start_time, microsOf(view.now));
  const leftOut = group.members.map((agent) => ({ agentId: agent.agentId, reason: whyGroupWaits(group) ?? whyLeftOut(agent, group, relaxed) }));
  const named = leftOut.flatMap(({ agentId, reason }) => (reason ? [{ agentId, reason }] : []));
  return {
    strategy: AssignmentStrategy[group.policy.strategy],
    policyVersion: group.policy.version,
    businessDay: group.businessDay,
    leftOut: named.map(({ agentId, reason }) => ({ agentId, reason: LeftOutReason[reason] })),
    skillLevelsRelaxed: relaxed,
    summary: summariseWaiting(row, group, named, relaxed),
  };
}

function whyGroupWaits(group: RosterGroup): 'GROUP_INACTIVE' | 'MANUAL_POLICY' | undefined {
  if (!group.active || group.deleted) return 'GROUP_INACTIVE';
  return group.policy.strategy === 'MANUAL' ? 'MANUAL_POLICY' : undefined;
}

function summariseWaiting(row: TicketRow, group: RosterGroup, leftOut: readonly { agentId: string; reason: string }[], relaxed: number): string {
  const reason = whyGroupWaits(group);
  if (!isPending(row.status)) return `${row.key} is not pending.`;
  if (reason === 'GROUP_INACTIVE') return `${row.key} waits: its group is not active, so nothing is given out in it.`;
  if (reason === 'MANUAL_POLICY') return `${row.key} waits: its group assigns by hand.`;
  if (group.members.length === 0) return `${row.key} waits: its group has no members.`;
  const waited = relaxed > 0 ? ` ${relaxationInWords('has', relaxed)}` : '';
  if (leftOut.length < group.members.length) return `${row.key} waits, but will be given out in a moment.${waited}`;
  return `${row.key} waits: nobody in its group can take it.${waited} Left out: ${listLeftOut(leftOut)}.`;
}
