import type { MessageInitShape } from '@bufbuild/protobuf';
import type { WorkloadSchema } from '../../../gen/ticketing/v1/workload_pb.ts';
import type { Instant } from '../../foundation/clock.ts';
import type { Sql } from '../../foundation/database/sql.ts';
import { assertStillKept, hiddenInstant, pastRow, pastRows } from '../audit/index.ts';
import type { Viewer } from '../groups/index.ts';
import { AgentNotFound } from './errors.ts';
import { pastScopeOn, readMembershipsAt } from './past.ts';
import { readCountsAt } from './past-counts.ts';
import { toWorkload, type WorkloadRow } from './workload.ts';

interface Held {
  readonly group_id: string;
  readonly status: number;
  readonly priority: number;
  readonly count: number;
}

// What lay on a desk then lies there still, or was taken from it since: by a release, or past Docket. A release carries the time that its unit of work began with, a
// little before the entry: so by its day, not by its time.
const HELD = `
  SELECT t.group_id, t.status, t.priority, count(*)::integer AS count
  FROM (
    SELECT ticket_id FROM tickets WHERE agent_id = $2 AND status <= 3
    UNION SELECT ticket_id FROM assignment_releases WHERE agent_id = $2 AND business_day >= ($1::timestamptz AT TIME ZONE 'UTC')::date - 1
    UNION SELECT e.entity_id::uuid FROM audit_entries e
      WHERE e.entity_type = 'ticket' AND e.time > ${hiddenInstant(1)} AND (e.operation = 'DELETE' OR (e.operation = 'UPDATE' AND e.actor_kind = 'DATABASE'))
  ) known
  LEFT JOIN tickets present ON present.ticket_id = known.ticket_id
  ${pastRow('tickets', { id: 'known.ticket_id::text', present: 'present', at: hiddenInstant(1), as: 't' })}
  WHERE t.agent_id = $2 AND t.status <= 3 AND t.create_time <= $1 GROUP BY 1, 2, 3`;

const GROUPS = `
  SELECT shown.group_id AS "groupId", g.max_open_per_agent AS "maxOpenPerAgent",
    (SELECT count(*)::integer FROM assignment_decisions d WHERE d.agent_id = $2 AND d.business_day = $4 AND d.time <= $1 AND d.group_id = shown.group_id) AS "assignedToday",
    (SELECT count(*)::integer FROM assignment_releases r
     WHERE r.agent_id = $2 AND r.business_day = $4 AND r.time <= $1 AND r.resolved AND r.group_id = shown.group_id) AS "resolvedToday"
  FROM unnest($3::uuid[]) shown(group_id)
  LEFT JOIN groups present ON present.group_id = shown.group_id
  ${pastRow('groups', { id: 'shown.group_id::text', present: 'present', at: hiddenInstant(1), as: 'g' })}
  ORDER BY 1`;

/**
 * What an agent had on his hands at an instant that is settled, told by the groups that the caller may see. Throws `AgentNotFound` for one whom the caller does not
 * meet now or did not meet then, HistoryDropped.
 */
export async function getVisibleWorkloadAt(viewer: Viewer, agentId: string, at: Instant): Promise<MessageInitShape<typeof WorkloadSchema>> {
  const { sql } = viewer;
  const scope = await pastScopeOn(viewer, agentId, at);
  const [agent] = await sql<Pick<WorkloadRow, 'maxOpenTickets'>>(
    `SELECT a.max_open_tickets AS "maxOpenTickets"
     FROM ${pastRows('agents', { at: hiddenInstant(1), as: 'a', where: 'q.agent_id = $2' })} WHERE a.agent_id IS NOT NULL`,
    [at, agentId],
  );
  const [counts] = agent ? (await readCountsAt(sql, [agentId], at)).values() : [];
  const held = counts ? await sql<Held>(HELD, [at, agentId]) : [];
  const groups = counts ? await readGroups(sql, { agentId, at, held, day: counts.businessDay }) : [];
  await assertStillKept(sql, at);
  if (!agent || !counts) throw new AgentNotFound(agentId);
  return toWorkload({
    ...counts,
    agentId,
    maxOpenTickets: agent.maxOpenTickets,
    openTickets: sumOf(held),
    held,
    groups: groups.filter(({ groupId }) => scope === 'all' || scope.includes(groupId)),
  });
}

const sumOf = (held: readonly Held[]): number => held.reduce((sum, { count }) => sum + count, 0);

async function readGroups(
  sql: Sql,
  { agentId, at, held, day }: { readonly agentId: string; readonly at: Instant; readonly held: readonly Held[]; readonly day: string },
): Promise<WorkloadRow['groups']> {
  const members = (await readMembershipsAt(sql, [agentId], at)).filter(({ deleted }) => !deleted).map(({ groupId }) => groupId);
  const shown = [...new Set([...members, ...held.map(({ group_id }) => group_id)])];
  const rows = await sql<Omit<WorkloadRow['groups'][number], 'openTickets'>>(GROUPS, [at, agentId, shown, day]);
  return rows.map((row) => ({ ...row, openTickets: sumOf(held.filter(({ group_id }) => group_id === row.groupId)) }));
}
