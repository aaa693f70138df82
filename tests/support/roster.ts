import type { Numbers, Policy, Roster, RosterAgent, RosterGroup } from '../../src/domain/assignment/index.ts';

const DAY = '2026-03-02';

/** The rule as asked for: least assigned today, and no limits. */
export const plainPolicy: Policy = {
  strategy: 'LEAST_ASSIGNED_TODAY',
  version: 1,
  catchUpLimit: null,
  maxOpenPerAgent: null,
  requiredSkills: {},
  skillRelaxationSeconds: null,
  preferPreviousAgent: true,
};

/** An agent in memory; what is not given is usual. */
export function rosterAgent(agentId: string, more: Partial<RosterAgent> = {}): RosterAgent {
  return {
    agentId,
    active: true,
    deleted: false,
    availability: 'AVAILABLE',
    skills: {},
    weight: 1,
    presence: undefined,
    maxOpenTickets: null,
    groups: [],
    assignedToday: 0,
    resolvedToday: 0,
    totalAssigned: 0,
    totalResolved: 0,
    openTickets: 0,
    lastAssignedSequence: 0,
    lastAssignTime: null,
    businessDay: DAY,
    ...more,
  };
}

/** A group in memory with these members, who learn that they are. */
export function rosterGroup(
  groupId: string,
  members: readonly RosterAgent[],
  more: Partial<Omit<RosterGroup, 'policy'>> & { readonly policy?: Partial<Policy> } = {},
): RosterGroup {
  const ordered = [...members].sort((a, b) => (a.agentId < b.agentId ? -1 : 1));
  const { policy, ...rest } = more;
  const group: RosterGroup = {
    groupId,
    key: groupId.toUpperCase(),
    poolId: '1',
    businessDay: DAY,
    active: true,
    deleted: false,
    members: ordered,
    handicaps: new Map(),
    relaxedMicros: -Infinity,
    lastTicketNumber: 0,
    ...rest,
    policy: { ...plainPolicy, ...policy },
  };
  for (const agent of ordered) agent.groups.push(group);
  return group;
}

/** A roster of these groups and everybody in them. */
export function rosterOf(groups: readonly RosterGroup[]): Roster {
  return {
    groups: new Map(groups.map((group) => [group.groupId, group])),
    agents: new Map(groups.flatMap((group) => group.members).map((agent) => [agent.agentId, agent])),
  };
}

/** Numbers from 1 on. */
export function countingNumbers(): Numbers {
  let upcoming = 1;
  return {
    next: () => upcoming++,
    get upcoming() {
      return upcoming;
    },
  };
}
