import { LockMode } from '@mikro-orm/postgresql';
import type { Day } from '../../foundation/clock.ts';
import type { Unit } from '../../foundation/commands/command.ts';
import type { Sql } from '../../foundation/database/sql.ts';
import { type GroupScope, inScope, scopeValue } from '../groups/index.ts';
import { Agent } from './entity.ts';
import type { AgentView } from './message.ts';

/** The columns of an agent called `a`. */
export const AGENT_COLUMNS = `a.agent_id AS "agentId", a.display_name AS "displayName", a.email, a.active, a.availability,
    a.availability_until_time AS "availabilityUntilTime", a.skills, a.weight, a.max_open_tickets AS "maxOpenTickets",
    a.time_zone AS "timeZone", a.version::float8 AS version, a.create_time AS "createTime", a.update_time AS "updateTime", a.delete_time AS "deleteTime"`;

/**
 * What an `AgentView` is read with: parameter 1 is the scope of groups that are shown, parameter 2 the
 * business day, or NULL for that of the database's clock. `a` is the agent.
 */
export const agentViewSql = `
  SELECT ${AGENT_COLUMNS},
    c.total_assigned AS "totalAssigned", c.total_resolved AS "totalResolved", c.open_tickets AS "openTickets", c.last_assign_time AS "lastAssignTime",
    CASE WHEN c.business_day >= day.today THEN c.assigned_today ELSE 0 END AS "assignedToday",
    CASE WHEN c.business_day >= day.today THEN c.resolved_today ELSE 0 END AS "resolvedToday",
    (SELECT coalesce(jsonb_agg(m.group_id ORDER BY m.group_id), '[]') FROM memberships m JOIN groups g USING (group_id)
     WHERE m.agent_id = a.agent_id AND g.delete_time IS NULL AND ${inScope('m.group_id', 1)}) AS "groupIds"`;

/** The tables of `agentViewSql`. */
export const agentViewFrom = `
  FROM agents a
  JOIN agent_counters c USING (agent_id)
  CROSS JOIN (SELECT coalesce($2::date, (docket_now() AT TIME ZONE business_time_zone)::date) AS today FROM settings OFFSET 0) day`;

/** An agent with his groups of that scope and his counters, deleted or not. */
export async function findAgentView(sql: Sql, agentId: string, scope: GroupScope, today: Day | null = null): Promise<AgentView | undefined> {
  const [view] = await sql<AgentView>(`${agentViewSql} ${agentViewFrom} WHERE a.agent_id = $3`, [scopeValue(scope), today, agentId]);
  return view;
}

/** The same inside a unit of work, of an agent that is there, with all his groups. */
export async function getAgentView(unit: Unit, agentId: string): Promise<AgentView> {
  const view = await findAgentView(unit.sql, agentId, 'all', unit.today);
  if (!view) throw new Error(`the agent ${agentId} has no counters`);
  return view;
}

/** The agents of these ids that are there, deleted or not, their rows locked in order of their ids (in a dry unit: only read). */
export async function lockAgents(unit: Unit, agentIds: readonly string[]): Promise<ReadonlyMap<string, Agent>> {
  if (agentIds.length === 0) return new Map();
  const rows = await unit.em.find(
    Agent,
    { agentId: { $in: [...agentIds] } },
    { orderBy: { agentId: 'asc' }, refresh: true, ...(unit.dryRun ? {} : { lockMode: LockMode.PESSIMISTIC_WRITE }) },
  );
  return new Map(rows.map((agent) => [agent.agentId, agent]));
}

/** The groups that an agent is a member of. */
export interface MemberOf {
  readonly groupId: string;
  /** A deleted group keeps its members, for the day it is brought back, but does not count among theirs. */
  readonly deleted: boolean;
}

/** The groups of each of these agents, by id; agents without any are missing. */
export async function findMemberships(sql: Sql, agentIds: readonly string[]): Promise<ReadonlyMap<string, readonly MemberOf[]>> {
  const rows = await sql<{ agentId: string } & MemberOf>(
    `SELECT m.agent_id AS "agentId", m.group_id AS "groupId", g.delete_time IS NOT NULL AS deleted
     FROM memberships m JOIN groups g USING (group_id) WHERE m.agent_id = ANY ($1::text[]) ORDER BY m.agent_id, m.group_id`,
    [agentIds],
  );
  return Map.groupBy(rows, (row) => row.agentId);
}

/** How many pending tickets an agent holds, over all groups. Exact while his pools are held. */
export async function countHeldTickets(sql: Sql, agentId: string): Promise<number> {
  const [row] = await sql<{ held: number }>('SELECT count(*)::integer AS held FROM tickets WHERE agent_id = $1 AND status <= 3', [agentId]);
  return row?.held ?? 0;
}
