import { microsOf } from '../../../foundation/clock.ts';
import type { DecisionEvent, GroupState, RoundRow, StoredPolicy } from './history.ts';
import { obstacleTo, roomOf, weightOf } from './rules.ts';
import { assignedOn, handicapOn, presentMsOn, type WorldAgent, type WorldGroup } from './world.ts';

/**
 * Compares the stored round of a decision with the world as it stands just before that decision. Answers
 * the first difference in words, or undefined. Keeps track of the group's round from position to position.
 */
export function compareRound(
  decision: DecisionEvent,
  round: RoundRow,
  group: WorldGroup,
  received: ReadonlyMap<string, number> | undefined,
): string | undefined {
  const { position, agentId } = decision;
  if (round.groupId !== group.groupId) return `it belongs to group ${round.groupId}`;
  if (round.businessDay !== decision.businessDay) return `its business day is ${round.businessDay}, the decision's ${decision.businessDay}`;
  const isTimed = round.policy.strategy === 'ASSIGNED_PER_HOUR_PRESENT';
  if ((position === 0 || isTimed) && round.time !== decision.time) return `it was begun at ${round.time}, the decision was made at ${decision.time}`;
  if (position === 0) {
    group.round = { row: round, next: 1, wins: new Map([[agentId, 1]]) };
    return comparePolicy(round.policy, group.state) ?? compareMembers(round, group, received);
  }
  const open = group.round;
  if (!open) return `position ${position} goes on after something came in between`;
  if (open.row.roundId !== round.roundId || open.next !== position) {
    return open.row.roundId === round.roundId ? `position ${position} follows on ${open.next - 1}` : `position ${position} follows on another round`;
  }
  const wins = open.wins.get(agentId) ?? 0;
  open.next += 1;
  open.wins.set(agentId, wins + 1);
  const at = round.agentIds.indexOf(agentId);
  if (at < 0) return `its winner ${agentId} is not among its candidates`;
  const agent = group.members.get(agentId);
  const stands = agent && assignedOn(agent, group.day ?? round.businessDay);
  if (stands !== undefined && stands !== (round.assignedToday[at] ?? 0) + wins) {
    return `by the round agent ${agentId} stood at ${(round.assignedToday[at] ?? 0) + wins} assigned today, in fact at ${stands}: something came in between`;
  }
  return undefined;
}

/** Agents whom the caller of a deal left out: a parameter of the request, hence known from the round alone. */
export function excludedByCaller(round: RoundRow): Set<string> {
  return new Set(round.leftOutAgentIds.filter((_, at) => round.leftOutReasons[at] === 'EXCLUDED'));
}

function comparePolicy(policy: StoredPolicy, state: GroupState | undefined): string | undefined {
  const said = [
    policy.strategy,
    policy.version,
    policy.catchUpLimit,
    policy.maxOpenPerAgent,
    policy.preferPreviousAgent,
    policy.skillRelaxationSeconds ?? null,
    sorted(policy.requiredSkills),
  ];
  const is = state && [
    state.strategy,
    state.policy_version,
    state.catch_up_limit,
    state.max_open_per_agent,
    state.prefer_previous_agent,
    state.skill_relaxation_seconds ?? null,
    sorted(state.required_skills),
  ];
  return JSON.stringify(said) === JSON.stringify(is) ? undefined : `its policy is ${JSON.stringify(said)}, the group's ${JSON.stringify(is)}`;
}

const sorted = (skills: Readonly<Record<string, number>>): [string, number][] => Object.entries(skills).sort(([a], [b]) => (a < b ? -1 : 1));

function compareMembers(round: RoundRow, group: WorldGroup, received: ReadonlyMap<string, number> | undefined): string | undefined {
  const candidateAt = new Map(round.agentIds.map((agentId, at) => [agentId, at]));
  const leftOut = new Map(round.leftOutAgentIds.map((agentId, at) => [agentId, round.leftOutReasons[at]]));
  let members = 0;
  for (const agent of group.members.values()) {
    if (!agent.state || agent.state.deleted) continue;
    members += 1;
    const at = candidateAt.get(agent.agentId);
    const reason = leftOut.get(agent.agentId);
    const obstacle = reason === 'EXCLUDED' && round.rule === 'DEAL' ? 'EXCLUDED' : obstacleTo(agent, group, round.relaxedLevels);
    if (obstacle !== reason) return `it left ${agent.agentId} ${reason === undefined ? 'in' : `out as ${reason}`}, but he was ${obstacle ?? 'eligible'}`;
    if (obstacle !== undefined) continue;
    if (at === undefined) return `eligible agent ${agent.agentId} is missing among its candidates`;
    const difference = compareCandidate(round, at, agent, group, received);
    if (difference) return difference;
  }
  const listed = round.agentIds.length + round.leftOutAgentIds.length;
  return listed === members ? undefined : `it lists ${listed} members, the group had ${members}`;
}

function compareCandidate(
  round: RoundRow,
  at: number,
  agent: WorldAgent,
  group: WorldGroup,
  received: ReadonlyMap<string, number> | undefined,
): string | undefined {
  const day = group.day ?? round.businessDay;
  const facts: readonly (readonly [string, number | null | undefined, number | null])[] = [
    ['assigned today', round.assignedToday[at], assignedOn(agent, day)],
    ['handicap', round.handicaps[at], handicapOn(group.handicaps.get(agent.agentId), day)],
    ['last sequence', round.lastSequences[at], agent.lastSequence],
    ['open tickets', round.openTickets[at], agent.openTickets],
    ['room', round.rooms[at], roomOf(agent, group)],
    ['weight', round.weights?.[at] ?? null, round.policy.strategy === 'WEIGHTED' ? weightOf(agent) : null],
    ['presence', round.presentMs?.[at] ?? null, round.policy.strategy === 'ASSIGNED_PER_HOUR_PRESENT' ? presentMsOn(agent, group, microsOf(round.time)) : null],
    ['received', round.received[at], received?.get(agent.agentId) ?? 0],
  ];
  const wrong = facts.find(([, said, is]) => said !== is);
  return wrong && `it has ${wrong[0]} of ${agent.agentId} as ${wrong[1]}, in fact it was ${wrong[2]}`;
}
