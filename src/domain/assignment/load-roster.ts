import { type Day, type Instant, microsOf } from '../../foundation/clock.ts';
import type { Unit } from '../../foundation/commands/command.ts';
import type { LockedPool } from '../../foundation/database/pools.ts';
import { prepared } from '../../foundation/database/prepared.ts';
import { openRounds } from './open-rounds.ts';
import { loadPresence } from './presence.ts';
import type { Policy, Roster, RosterAgent, RosterGroup } from './roster.ts';
import { STRATEGIES } from './strategies.ts';

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
  skill_relaxation_seconds: number | null;
  effective_time: Instant | null;
  prefer_previous_agent: boolean;
  last_ticket_number: string;
}

interface CountersRow {
  agent_id: string;
  counted_day: Day;
  assigned_today: number;
  resolved_today: number;
  total_assigned: string;
  total_resolved: string;
  open_tickets: number;
  last_assigned_sequence: string;
  last_assign_time: Instant | null;
}

interface AgentRow extends CountersRow {
  active: boolean;
  deleted: boolean;
  availability: RosterAgent['availability'];
  skills: Record<string, number>;
  weight: number;
  max_open_tickets: number | null;
  /** Groups he is a member of, with today's handicap in each (0 for none), in parallel. */
  group_ids: string[];
  handicaps: number[];
}

const COUNTERS = `c.business_day::text AS counted_day,
  c.assigned_today, c.resolved_today, c.total_assigned, c.total_resolved, c.open_tickets, c.last_assigned_sequence, c.last_assign_time`;
const AGENT_COLUMNS = `a.agent_id, a.active, a.delete_time IS NOT NULL AS deleted, a.availability, a.skills, a.weight, a.max_open_tickets, ${COUNTERS}`;

const LOAD_GROUPS = prepared(
  `SELECT g.group_id, p.pool_id, g.key, g.active, g.delete_time IS NOT NULL AS deleted, g.strategy, g.policy_version,
     g.catch_up_limit, g.max_open_per_agent, g.required_skills, g.skill_relaxation_seconds, g.prefer_previous_agent,
     r.effective_time, c.last_ticket_number
   FROM group_pools p JOIN groups g USING (group_id) JOIN group_counters c USING (group_id) LEFT JOIN group_relaxations r USING (group_id)
   WHERE p.pool_id = ANY ($1::bigint[])`,
);

const LOAD_MEMBERS = prepared(
  `SELECT ${AGENT_COLUMNS}, m.group_ids, m.handicaps
   FROM (
     SELECT m.agent_id, array_agg(m.group_id::text) AS group_ids, array_agg(coalesce(h.handicap, 0)) AS handicaps
     FROM unnest($1::bigint[], $2::date[]) AS held(pool_id, business_day)
     JOIN group_pools p USING (pool_id) JOIN memberships m USING (group_id)
     LEFT JOIN handicaps h ON h.group_id = m.group_id AND h.agent_id = m.agent_id AND h.business_day = held.business_day
     GROUP BY m.agent_id
   ) m
   JOIN agents a USING (agent_id) JOIN agent_counters c USING (agent_id)
   ORDER BY a.agent_id`,
);

const LOAD_LEAVERS = prepared(
  `SELECT ${AGENT_COLUMNS}, '{}'::text[] AS group_ids, '{}'::integer[] AS handicaps
   FROM agents a JOIN agent_counters c USING (agent_id) WHERE a.agent_id = ANY ($1::text[])`,
);

const LOAD_TICKET_NUMBERS = prepared('SELECT group_id, last_ticket_number FROM group_counters WHERE group_id = ANY ($1::uuid[])');

const LOAD_COUNTERS = prepared(`SELECT c.agent_id, ${COUNTERS} FROM agent_counters c WHERE c.agent_id = ANY ($1::text[])`);

/** The unit that a roster is loaded in. */
type RosterUnit = Pick<Unit, 'sql' | 'pools' | 'today' | 'memory'>;

/**
 * The groups and members of the pools that the unit holds, and agents who have just left them. What the process
 * remembers of a pool is used as it is, but for counters that others have moved since; the rest is read by
 * statements that begin after the lock was had: counters read earlier could be old.
 */
export async function loadRoster(unit: RosterUnit, leavers: readonly string[] = []): Promise<Roster> {
  const parts = new Map<string, Roster>();
  const old: Roster[] = [];
  for (const poolId of unit.pools.keys()) {
    const recalled = unit.memory.recall(poolId);
    if (!recalled) continue;
    const part = recalled.value as Roster;
    parts.set(poolId, part);
    if (!recalled.isCurrent) old.push(part);
  }
  if (old.length > 0) await readCounters(unit, old);
  const missing = [...unit.pools.values()].filter((pool) => !parts.has(pool.poolId));
  if (missing.length > 0) for (const [poolId, part] of await readPools(unit, missing)) parts.set(poolId, part);
  for (const [poolId, part] of parts) unit.memory.remember(poolId, { value: part, weight: part.agents.size + 1, groupIds: [...part.groups.keys()] });
  const roster = joinRosters([...parts.values()]);
  const gone = leavers.filter((agentId) => !roster.agents.has(agentId));
  if (gone.length === 0) return roster;
  const rows = await unit.sql<AgentRow>(LOAD_LEAVERS, [gone]);
  return { groups: roster.groups, agents: new Map([...roster.agents, ...rows.map((row) => [row.agent_id, toAgent(row, roster.groups, unit.today)] as const)]) };
}

/** Brings the counters of remembered pools up to date, where units of work of others came between. */
async function readCounters(unit: RosterUnit, parts: readonly Roster[]): Promise<void> {
  const { groups, agents } = joinRosters(parts);
  const [numbers, counters] = await Promise.all([
    unit.sql<Pick<GroupRow, 'group_id' | 'last_ticket_number'>>(LOAD_TICKET_NUMBERS, [[...groups.keys()]]),
    unit.sql<CountersRow>(LOAD_COUNTERS, [[...agents.keys()]]),
  ]);
  // They explain no choice from here on: what others gave out came between.
  for (const group of groups.values()) openRounds.delete(group);
  for (const row of numbers) {
    const group = groups.get(row.group_id);
    if (group) group.lastTicketNumber = Number(row.last_ticket_number);
  }
  for (const row of counters) {
    const agent = agents.get(row.agent_id);
    if (agent) Object.assign(agent, countersOf(row, agent.businessDay));
  }
}

async function readPools(unit: RosterUnit, pools: readonly LockedPool[]): Promise<Map<string, Roster>> {
  const poolIds = pools.map((pool) => pool.poolId);
  const [groupRows, agentRows] = await Promise.all([
    unit.sql<GroupRow>(LOAD_GROUPS, [poolIds]),
    unit.sql<AgentRow>(LOAD_MEMBERS, [poolIds, pools.map((pool) => pool.businessDay)]),
  ]);
  const parts = new Map(poolIds.map((poolId) => [poolId, { groups: new Map<string, RosterGroup>(), agents: new Map<string, RosterAgent>() }]));
  const groups = new Map<string, RosterGroup>();
  for (const row of groupRows) {
    const group = toGroup(row, unit.pools.get(row.pool_id)?.businessDay ?? unit.today);
    groups.set(row.group_id, group);
    parts.get(row.pool_id)?.groups.set(row.group_id, group);
  }
  for (const row of agentRows) {
    const agent = toAgent(row, groups, unit.today);
    parts.get(agent.groups[0]?.poolId ?? '')?.agents.set(agent.agentId, agent);
  }
  await addPresence(unit, groups);
  return parts;
}

function joinRosters(parts: readonly Roster[]): Roster {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  return { groups: new Map(parts.flatMap((part) => [...part.groups])), agents: new Map(parts.flatMap((part) => [...part.agents])) };
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
      skillRelaxationSeconds: row.skill_relaxation_seconds,
      preferPreviousAgent: row.prefer_previous_agent,
    },
    members: [],
    handicaps: new Map(),
    relaxedMicros: row.effective_time === null ? -Infinity : microsOf(row.effective_time),
    lastTicketNumber: Number(row.last_ticket_number),
  };
}

function countersOf(row: CountersRow, businessDay: Day) {
  const counted = row.counted_day === businessDay;
  return {
    assignedToday: counted ? row.assigned_today : 0,
    resolvedToday: counted ? row.resolved_today : 0,
    totalAssigned: Number(row.total_assigned),
    totalResolved: Number(row.total_resolved),
    openTickets: row.open_tickets,
    lastAssignedSequence: Number(row.last_assigned_sequence),
    lastAssignTime: row.last_assign_time,
  };
}

function toAgent(row: AgentRow, groups: ReadonlyMap<string, RosterGroup>, today: Day): RosterAgent {
  const own = row.group_ids.map((groupId) => groups.get(groupId) as RosterGroup);
  const businessDay = own[0]?.businessDay ?? today;
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
    ...countersOf(row, businessDay),
    businessDay,
  };
  own.forEach((group, at) => {
    if (agent.deleted) return;
    group.members.push(agent);
    const handicap = row.handicaps[at] ?? 0;
    if (handicap > 0) group.handicaps.set(agent.agentId, handicap);
  });
  return agent;
}
