import type { AgentState, EligibilityChange, Report } from './history.ts';
import { handicapOfNewcomer, isPresent } from './rules.ts';
import { handicapOn, notePresence, type World, type WorldAgent, type WorldGroup } from './world.ts';

/** Takes a change of eligibility into the world; answers the groups whose candidates or rule it may have changed. */
export function applyChange(world: World, change: EligibilityChange, report: Report): Iterable<WorldGroup> {
  switch (change.type) {
    case 'AGENT':
      return changeAgent(world.agent(change.agentId), change.state, change.time);
    case 'GROUP': {
      const group = world.group(change.groupId);
      group.state = change.state;
      return [group];
    }
    case 'MEMBERSHIP':
      return changeMembership(world.agent(change.agentId), world.group(change.groupId), change.member);
    case 'HANDICAP':
      return recordHandicap(world.group(change.groupId), change, report);
    case 'RELAXATION':
      world.group(change.groupId).relaxedMicros = change.effectiveMicros;
      return [];
    case 'DAY':
      return change.groupIds.map((groupId) => turnGroupDay(world.group(groupId), change, report));
  }
}

/**
 * Reports the newcomers of a group whose handicap was not recorded as the rule gives it, and goes on with
 * what was recorded: every decision of the group must find the two equal.
 */
export function settleHandicaps(group: WorldGroup, sequence: number, report: Report): void {
  for (const agentId of group.unrecorded) {
    const given = handicapOn(group.handicaps.get(agentId), group.day);
    const recorded = handicapOn(group.recordedHandicaps.get(agentId), group.day);
    report(
      'I4',
      `before ${sequence}: agent ${agentId} became a candidate of group ${group.groupId} with handicap ${given} by the rule, but ${recorded} is on record`,
    );
    group.handicaps.set(agentId, { day: group.day, value: recorded });
  }
  group.unrecorded.clear();
}

function changeAgent(agent: WorldAgent, state: AgentState, time: string): Iterable<WorldGroup> {
  const wasPresent = isPresent(agent);
  agent.state = state;
  notePresence(agent, isPresent(agent), time);
  if (!wasPresent && isPresent(agent)) for (const group of agent.groups) chargeNewcomer(agent, group);
  return agent.groups;
}

function changeMembership(agent: WorldAgent, group: WorldGroup, member: boolean): Iterable<WorldGroup> {
  if (member) {
    group.members.set(agent.agentId, agent);
    agent.groups.add(group);
    if (isPresent(agent)) chargeNewcomer(agent, group);
  } else {
    group.members.delete(agent.agentId);
    agent.groups.delete(group);
    group.unrecorded.delete(agent.agentId);
  }
  return [group];
}

function chargeNewcomer(agent: WorldAgent, group: WorldGroup): void {
  const value = handicapOfNewcomer(agent, group);
  group.handicaps.set(agent.agentId, { day: group.day, value });
  const recorded = handicapOn(group.recordedHandicaps.get(agent.agentId), group.day);
  if (value === recorded) group.unrecorded.delete(agent.agentId);
  else group.unrecorded.add(agent.agentId);
}

function recordHandicap(group: WorldGroup, change: Extract<EligibilityChange, { type: 'HANDICAP' }>, report: Report): Iterable<WorldGroup> {
  const { agentId, businessDay, handicap, sequence } = change;
  group.recordedHandicaps.set(agentId, { day: businessDay, value: handicap });
  const given = handicapOn(group.handicaps.get(agentId), group.day);
  const recorded = handicapOn(group.recordedHandicaps.get(agentId), group.day);
  group.unrecorded.delete(agentId);
  if (given !== recorded || (handicap > 0 && businessDay !== group.day)) {
    report(
      'I4',
      `change ${sequence}: handicap ${handicap} for ${businessDay} is recorded for agent ${agentId} in group ${group.groupId}, the rule gives ${given} for ${group.day ?? 'no day yet'}`,
    );
    group.handicaps.set(agentId, { day: businessDay, value: handicap });
  }
  return [group];
}

function turnGroupDay(group: WorldGroup, { businessDay, startMicros, sequence }: Extract<EligibilityChange, { type: 'DAY' }>, report: Report): WorldGroup {
  settleHandicaps(group, sequence, report);
  if (group.day !== undefined && businessDay < group.day) {
    report('I8', `change ${sequence}: the business day of group ${group.groupId} goes back from ${group.day} to ${businessDay}`);
  }
  group.day = businessDay;
  group.dayStart = startMicros ?? -Infinity;
  return group;
}
