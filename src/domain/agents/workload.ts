import type { MessageInitShape } from '@bufbuild/protobuf';
import type { WorkloadSchema } from '../../../gen/ticketing/v1/workload_pb.ts';
import type { Sql } from '../../foundation/database/sql.ts';
import { type GroupScope, inScope, scopeValue } from '../groups/index.ts';

/** The statuses of pending tickets: OPEN, IN_PROGRESS, ON_HOLD, as they are kept and as callers see them. */
const PENDING_STATUSES = [1, 2, 3] as const;
/** LOW to URGENT, likewise. */
const PRIORITIES = [1, 2, 3, 4] as const;

/** What a workload is told from. */
export interface WorkloadRow {
  readonly agentId: string;
  readonly businessDay: string;
  readonly maxOpenTickets: number | null;
  readonly openTickets: number;
  readonly assignedToday: number;
  readonly resolvedToday: number;
  readonly held: readonly { readonly status: number; readonly priority: number; readonly count: number }[];
  readonly groups: readonly GroupRow[];
}

interface GroupRow {
  readonly groupId: string;
  readonly maxOpenPerAgent: number | null;
  readonly openTickets: number;
  readonly assignedToday: number;
  readonly resolvedToday: number;
}

// One statement, so that the counts belong to one moment. Today is the day of his counters if that is further on.
const workloadSql = `
  WITH agent AS (
    SELECT a.agent_id, a.max_open_tickets, c.open_tickets, greatest(c.business_day, day.today) AS business_day,
      CASE WHEN c.business_day >= day.today THEN c.assigned_today ELSE 0 END AS assigned_today,
      CASE WHEN c.business_day >= day.today THEN c.resolved_today ELSE 0 END AS resolved_today
    FROM agents a
    JOIN agent_counters c USING (agent_id)
    CROSS JOIN (SELECT (docket_now() AT TIME ZONE business_time_zone)::date AS today FROM settings OFFSET 0) day
    WHERE a.agent_id = $2
  ), held AS (
    SELECT group_id, status, priority, count(*)::integer AS count FROM tickets WHERE agent_id = $2 AND status <= 3 GROUP BY 1, 2, 3
  ), given AS (
    SELECT d.group_id, count(*)::integer AS count FROM assignment_decisions d JOIN agent USING (agent_id, business_day) GROUP BY 1
  ), resolved AS (
    SELECT r.group_id, count(*)::integer AS count FROM assignment_releases r JOIN agent USING (agent_id, business_day) WHERE r.resolved GROUP BY 1
  ), shown AS (
    SELECT m.group_id FROM memberships m JOIN groups g USING (group_id) WHERE m.agent_id = $2 AND g.delete_time IS NULL
    UNION
    SELECT group_id FROM held
  ), load AS (
    SELECT g.group_id AS "groupId", g.max_open_per_agent AS "maxOpenPerAgent",
      (SELECT coalesce(sum(count), 0)::integer FROM held WHERE held.group_id = g.group_id) AS "openTickets",
      coalesce(given.count, 0) AS "assignedToday", coalesce(resolved.count, 0) AS "resolvedToday"
    FROM shown JOIN groups g USING (group_id) LEFT JOIN given USING (group_id) LEFT JOIN resolved USING (group_id)
    WHERE ${inScope('g.group_id', 1)}
  )
  SELECT agent_id AS "agentId", business_day::text AS "businessDay", max_open_tickets AS "maxOpenTickets", open_tickets AS "openTickets",
    assigned_today AS "assignedToday", resolved_today AS "resolvedToday",
    (SELECT coalesce(jsonb_agg(held), '[]') FROM held) AS held,
    (SELECT coalesce(jsonb_agg(load ORDER BY load."groupId"), '[]') FROM load) AS groups
  FROM agent`;

/** What an agent has on his hands, told by the groups of that scope; the totals are over all groups. Undefined when he is not there. */
export async function findWorkload(sql: Sql, agentId: string, scope: GroupScope): Promise<MessageInitShape<typeof WorkloadSchema> | undefined> {
  const [row] = await sql<WorkloadRow>(workloadSql, [scopeValue(scope), agentId]);
  return row && toWorkload(row);
}

/** A workload as callers see it. */
export function toWorkload(row: WorkloadRow): MessageInitShape<typeof WorkloadSchema> {
  return {
    agentId: row.agentId,
    openTickets: row.openTickets,
    statuses: PENDING_STATUSES.map((status) => ({ status, count: countOf(row, (held) => held.status === status) })),
    priorities: PRIORITIES.map((priority) => ({ priority, count: countOf(row, (held) => held.priority === priority) })),
    groups: row.groups.map((group) => ({
      groupId: group.groupId,
      openTickets: group.openTickets,
      ticketsAssignedToday: group.assignedToday,
      ticketsResolvedToday: group.resolvedToday,
      ...roomOf([row.maxOpenTickets, group.maxOpenPerAgent], row.openTickets),
    })),
    ticketsAssignedToday: row.assignedToday,
    ticketsResolvedToday: row.resolvedToday,
    businessDay: row.businessDay,
    ...roomOf([row.maxOpenTickets], row.openTickets),
  };
}

const countOf = (row: WorkloadRow, matches: (held: WorkloadRow['held'][number]) => boolean): number =>
  row.held.filter(matches).reduce((sum, held) => sum + held.count, 0);

/** How many more fit below the lowest of the limits; nothing when there is none. */
function roomOf(limits: readonly (number | null)[], openTickets: number): { remainingRoom?: number } {
  const set = limits.filter((limit) => limit !== null);
  return set.length === 0 ? {} : { remainingRoom: Math.max(0, Math.min(...set) - openTickets) };
}
