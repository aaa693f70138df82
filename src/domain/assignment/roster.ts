import type { Day, Instant } from '../../foundation/clock.ts';
import type { Unit } from '../../foundation/commands/command.ts';
import type { Strategy } from '../groups/index.ts';
import { loadPresence, type Presence, presentMsAt } from './presence.ts';
import { type CandidateFacts, STRATEGIES } from './strategies.ts';

/** An agent as the engine sees him; counters move while a plan is made. */
export interface RosterAgent {
  readonly agentId: string;
  readonly active: boolean;
  /** A deleted agent is nobody's member any more, but may still have to hand in tickets. */
  readonly deleted: boolean;
  readonly availability: 'AVAILABLE' | 'AWAY' | 'OFFLINE';
  readonly skills: Readonly<Record<string, number>>;
  readonly weight: number;
  readonly maxOpenTickets: number | null;
  /** Known where a group of his ranks by time present. */
  presence: Presence | undefined;
  /** Groups of the loaded pools that he is a member of. */
  readonly groups: RosterGroup[];
  /** Counted on the pool's business day; yesterday's counts are loaded as zero. */
  assignedToday: number;
  resolvedToday: number;
  totalAssigned: number;
  totalResolved: number;
  openTickets: number;
  /** Number of the last decision he won, 0 for none. */
  lastAssignedSequence: number;
  lastAssignTime: Instant | null;
  readonly businessDay: Day;
}

/** A group as the engine sees it. */
export interface RosterGroup {
  readonly groupId: string;
  readonly key: string;
  readonly poolId: string;
  readonly businessDay: Day;
  readonly active: boolean;
  readonly deleted: boolean;
  readonly policy: Policy;
  /** Undeleted members, ordered by id. */
  readonly members: RosterAgent[];
  /** Today's handicaps by agent id; absent means 0. */
  readonly handicaps: Map<string, number>;
  lastTicketNumber: number;
}

/** The rule by which a group gives out work. */
export interface Policy {
  readonly strategy: Strategy;
  readonly version: number;
  readonly catchUpLimit: number | null;
  readonly maxOpenPerAgent: number | null;
  readonly requiredSkills: Readonly<Record<string, number>>;
  readonly preferPreviousAgent: boolean;
}

/** All groups of some pools with their members. */
export interface Roster {
  readonly groups: ReadonlyMap<string, RosterGroup>;
  readonly agents: ReadonlyMap<string, RosterAgent>;
}

interface GroupRow {
  group_id: string;
  pool_id: string;
  key: string;
  active: boolean;
  deleted: boolean;
  strategy: Policy['strategy'];
  policy_version: number;
  catch_up_limit: number | null;
  max_open_per_agent: number | null;
  required_skills: Record<string, number>;
  prefer_previous_agent: boolean;
  last_ticket_number: string;
}

interface AgentRow {
  agent_id: string;
  active: boolean;
  deleted: boolean;
  availability: RosterAgent['availability'];
  skills: Record<string, number>;
  weight: number;
  max_open_tickets: number | null;
  counted_day: Day;
  assigned_today: number;
  resolved_today: number;
  total_assigned: string;
  total_resolved: string;
  open_tickets: number;
  last_assigned_sequence: string;
  last_assign_time: Instant | null;
  /** Groups he is a member of, with today's handicap in each (0 for none), in parallel. */
  group_ids: string[] | null;
  handicaps: number[] | null;
}

/**
 * Loads the groups and members of the pools that the unit holds, and agents who just left them, by
 * statements that begin after the lock was had: counters read earlier could be old.
 */
export async function loadRoster(unit: Pick<Unit, 'sql' | 'pools' | 'today'>, leavers: readonly string[] = []): Promise<Roster> {
  if (unit.pools.size === 0 && leavers.length === 0) return { groups: new Map(), agents: new Map() };
  const groupRows = await unit.sql<GroupRow>(
    `SELECT g.group_id, p.pool_id, g.key, g.active, g.delete_time IS NOT NULL AS deleted, g.strategy, g.policy_version,
       g.catch_up_limit, g.max_open_per_agent, g.required_skills, g.prefer_previous_agent, c.last_ticket_number
     FROM group_pools p JOIN groups g USING (group_id) JOIN group_counters c USING (group_id)
     WHERE p.pool_id = ANY ($1::bigint[])`,
    [[...unit.pools.keys()]],
  );
  const days = groupRows.map((row) => unit.pools.get(row.pool_id)?.businessDay ?? unit.today);
  const groups = new Map<string, RosterGroup>();
  groupRows.forEach((row, at) => {
    groups.set(row.group_id, toGroup(row, days[at] as Day));
  });
  const agentRows = await unit.sql<AgentRow>(
    `SELECT a.agent_id, a.active, a.delete_time IS NOT NULL AS deleted, a.availability, a.skills, a.weight, a.max_open_tickets, c.business_day::text AS counted_day,
       c.assigned_today, c.resolved_today, c.total_assigned, c.total_resolved, c.open_tickets, c.last_assigned_sequence, c.last_assign_time,
       m.group_ids, m.handicaps
     FROM (
       SELECT agent_id, array_agg(group_id::text) FILTER (WHERE group_id IS NOT NULL) AS group_ids, array_agg(handicap) FILTER (WHERE group_id IS NOT NULL) AS handicaps
       FROM (
         SELECT m.agent_id, m.group_id, coalesce(h.handicap, 0) AS handicap
         FROM unnest($1::uuid[], $2::date[]) AS pooled(group_id, business_day)
         JOIN memberships m USING (group_id)
         LEFT JOIN handicaps h ON h.group_id = m.group_id AND h.agent_id = m.agent_id AND h.business_day = pooled.business_day
         UNION ALL SELECT leaver, NULL, NULL FROM unnest($3::text[]) AS leaver
       ) every
       GROUP BY agent_id
     ) m
     JOIN agents a USING (agent_id) JOIN agent_counters c USING (agent_id)
     ORDER BY a.agent_id`,
    [groupRows.map((row) => row.group_id), days, leavers],
  );
  const agents = new Map(agentRows.map((row) => [row.agent_id, toAgent(row, groups, unit.today)]));
  await addPresence(unit, groups);
  return { groups, agents };
}

async function addPresence(unit: Pick<Unit, 'sql' | 'pools'>, groups: ReadonlyMap<string, RosterGroup>): Promise<void> {
  const timed = [...groups.values()].filter((group) => STRATEGIES[group.policy.strategy].dependsOnTime);
  const dayStarts = new Map(timed.flatMap((group) => group.members.map((agent) => [agent, unit.pools.get(group.poolId)?.dayStart ?? '-infinity'] as const)));
  const presence = await loadPresence(
    unit.sql,
    [...dayStarts].map(([agent, dayStart]) => ({ agentId: agent.agentId, dayStart })),
  );
  for (const agent of dayStarts.keys()) agent.presence = presence.get(agent.agentId);
}

/** What strategies look at in a member, at an instant in microseconds since 1970. */
export function factsOf(agent: RosterAgent, group: RosterGroup, nowMicros: number): CandidateFacts {
  const rule = STRATEGIES[group.policy.strategy];
  return {
    assignedToday: agent.assignedToday,
    handicap: group.handicaps.get(agent.agentId) ?? 0,
    lastSequence: agent.lastAssignedSequence,
    openTickets: agent.openTickets,
    weight: rule.weighs ? agent.weight : 1,
    presentMs: rule.dependsOnTime ? presentMsAt(agent.presence, nowMicros) : 0,
  };
}

function toGroup(row: GroupRow, businessDay: Day): RosterGroup {
  return {
    groupId: row.group_id,
    key: row.key,
    poolId: row.pool_id,
    businessDay,
    active: row.active,
    deleted: row.deleted,
    policy: {
      strategy: row.strategy,
      version: row.policy_version,
      catchUpLimit: row.catch_up_limit,
      maxOpenPerAgent: row.max_open_per_agent,
      requiredSkills: row.required_skills,
      preferPreviousAgent: row.prefer_previous_agent,
    },
    members: [],
    handicaps: new Map(),
    lastTicketNumber: Number(row.last_ticket_number),
  };
}

function toAgent(row: AgentRow, groups: ReadonlyMap<string, RosterGroup>, today: Day): RosterAgent {
  const own = (row.group_ids ?? []).map((groupId) => groups.get(groupId) as RosterGroup);
  const businessDay = own[0]?.businessDay ?? today;
  const counted = row.counted_day === businessDay;
  const agent: RosterAgent = {
    agentId: row.agent_id,
    active: row.active,
    deleted: row.deleted,
    availability: row.availability,
    skills: row.skills,
    weight: row.weight,
    presence: undefined,
    maxOpenTickets: row.max_open_tickets,
    groups: own,
    assignedToday: counted ? row.assigned_today : 0,
    resolvedToday: counted ? row.resolved_today : 0,
    totalAssigned: Number(row.total_assigned),
    totalResolved: Number(row.total_resolved),
    openTickets: row.open_tickets,
    lastAssignedSequence: Number(row.last_assigned_sequence),
    lastAssignTime: row.last_assign_time,
    businessDay,
  };
  own.forEach((group, at) => {
    if (agent.deleted) return;
    group.members.push(agent);
    const handicap = row.handicaps?.[at] ?? 0;
    if (handicap > 0) group.handicaps.set(agent.agentId, handicap);
  });
  return agent;
}
