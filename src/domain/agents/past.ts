import type { MessageShape } from '@bufbuild/protobuf';
import type { ListAgentsRequestSchema } from '../../../gen/ticketing/v1/agent_service_pb.ts';
import type { Instant } from '../../foundation/clock.ts';
import type { Sql } from '../../foundation/database/sql.ts';
import { afterPosition, type Order, orderBySql, type Position, positionSql } from '../../foundation/page/index.ts';
import { canonicalId } from '../../foundation/request.ts';
import { assertStillKept, hiddenInstant, pastRow, pastRows } from '../audit/index.ts';
import { type GroupScope, inScope, scopeValue, type Viewer, visibleGroups } from '../groups/index.ts';
import type { AgentRow } from './entity.ts';
import { AgentNotFound } from './errors.ts';
import { type AgentView, availabilityNamed } from './message.ts';
import { readCountsAt } from './past-counts.ts';
import { AGENT_COLUMNS, findMemberships } from './queries.ts';
import { isVisible } from './reach.ts';

/** An agent whom the caller meets now and met at an instant that is settled, as he was then. Throws `AgentNotFound` for every other one, HistoryDropped. */
export async function getVisibleAgentAt(viewer: Viewer, agentId: string, at: Instant): Promise<AgentView> {
  const scope = await pastScopeOn(viewer, agentId, at);
  const [agent] = await viewer.sql<AgentRow>(
    `SELECT ${AGENT_COLUMNS} FROM ${pastRows('agents', { at: hiddenInstant(1), as: 'a', where: 'q.agent_id = $2' })} WHERE a.agent_id IS NOT NULL`,
    [at, agentId],
  );
  const [view] = await viewsOf(viewer.sql, agent ? [agent] : [], scope, at);
  await assertStillKept(viewer.sql, at);
  if (!view) throw new AgentNotFound(agentId);
  return view;
}

/** The groups that the caller may see, provided that he meets this agent now and met him then. */
export async function pastScopeOn(viewer: Viewer, agentId: string, at: Instant): Promise<GroupScope> {
  const reach = { caller: viewer.caller, visible: await visibleGroups(viewer), supervised: [] };
  if (reach.visible === 'all') return 'all';
  const now = (await findMemberships(viewer.sql, [agentId])).get(agentId) ?? [];
  const then = (await readMembershipsAt(viewer.sql, [agentId], at)).map(({ groupId, deleted }) => ({ groupId, deleted }));
  if (![now, then].every((memberOf) => isVisible(reach, agentId, memberOf))) throw new AgentNotFound(agentId);
  return reach.visible;
}

interface PastMembership {
  readonly agentId: string;
  readonly groupId: string;
  /** Whether the group was deleted then. */
  readonly deleted: boolean;
}

/** The memberships that agents had at an instant, in order of the groups' ids. */
export function readMembershipsAt(sql: Sql, agentIds: readonly string[], at: Instant): Promise<PastMembership[]> {
  return sql<PastMembership>(
    `SELECT m.agent_id AS "agentId", m.group_id AS "groupId", g.delete_time IS NOT NULL AS deleted
     FROM ${pastRows('memberships', { at: hiddenInstant(1), as: 'm', where: 'q.agent_id = ANY ($2::text[])' })}
     LEFT JOIN groups now ON now.group_id = m.group_id
     ${pastRow('groups', { id: 'm.group_id::text', present: 'now', at: hiddenInstant(1), as: 'g' })}
     WHERE m.group_id IS NOT NULL ORDER BY 1, 2`,
    [at, agentIds],
  );
}

async function viewsOf<Row extends AgentRow>(sql: Sql, agents: readonly Row[], scope: GroupScope, at: Instant): Promise<(Row & AgentView)[]> {
  const agentIds = agents.map(({ agentId }) => agentId);
  const memberships = Map.groupBy(await readMembershipsAt(sql, agentIds, at), ({ agentId }) => agentId);
  const counts = await readCountsAt(sql, agentIds, at);
  return agents.flatMap((agent) => {
    const counted = counts.get(agent.agentId);
    const shown = (memberships.get(agent.agentId) ?? []).filter(({ groupId, deleted }) => !deleted && (scope === 'all' || scope.includes(groupId)));
    return counted ? [{ ...agent, ...counted, groupIds: shown.map(({ groupId }) => groupId) }] : [];
  });
}

/** A condition and the values of its placeholders, numbered from a first one on. */
type Condition = (firstParameter: number) => { readonly text: string; readonly values: readonly unknown[] };

/** At most `limit` of the agents whom the caller meets now and met then, as they were at an instant that is settled. Throws HistoryDropped. */
export async function listAgentsAt(
  viewer: Viewer,
  wanted: {
    readonly request: MessageShape<typeof ListAgentsRequestSchema>;
    readonly at: Instant;
    readonly visible: GroupScope;
    readonly order: Order;
    readonly filter: Condition;
  },
  limit: number,
  position: Position | undefined,
): Promise<readonly AgentView[]> {
  const { request, at, visible, order } = wanted;
  const given = [scopeValue(visible), at, viewer.caller.agentId ?? null, request.groupId === '' ? null : canonicalId(request.groupId)];
  const values: unknown[] = [...given, availabilityNamed(request.availability) ?? null, request.showDeleted];
  const filter = wanted.filter(values.length + 1);
  values.push(...filter.values);
  const after = position && afterPosition(order, position, values.length + 1);
  const members = (groups: string) =>
    `SELECT m.agent_id FROM ${pastRows('memberships', { at: hiddenInstant(2), as: 'm', where: groups })} WHERE m.group_id IS NOT NULL`;
  const rows = await viewer.sql<AgentRow & Record<string, unknown>>(
    `SELECT ${AGENT_COLUMNS}, ${positionSql(order)} FROM ${pastRows('agents', { at: hiddenInstant(2), as: 'a' })}
     WHERE a.agent_id IS NOT NULL
       AND ($1::uuid[] IS NULL OR a.agent_id = $3 OR (a.agent_id IN (SELECT agent_id FROM memberships WHERE group_id = ANY ($1)) AND a.agent_id IN (${members('q.group_id = ANY ($1)')})))
       AND ($4::uuid IS NULL OR (${inScope('$4', 1)} AND a.agent_id IN (${members('q.group_id = $4')})))
       AND ($5::text IS NULL OR a.availability = $5)
       AND ($6 OR a.delete_time IS NULL)
       AND ${filter.text}${after ? ` AND ${after.text}` : ''}
     ORDER BY ${orderBySql(order)} LIMIT ${limit}`,
    [...values, ...(after?.values ?? [])],
  );
  const views = await viewsOf(viewer.sql, rows, visible, at);
  await assertStillKept(viewer.sql, at);
  return views;
}

/** A version of an agent: the entry that made it, and when. */
export interface AgentVersion {
  readonly entryId: string;
  readonly time: Instant;
}

/**
 * Of versions of an agent those during which he was a member of one of these groups, at the beginning or until the end, by the ids of their entries: whether he was
 * one just before too. A version that ended as he joined is none of them.
 */
export async function findMetVersions(
  sql: Sql,
  agentId: string,
  groupIds: readonly string[],
  versions: readonly AgentVersion[],
): Promise<ReadonlyMap<string, boolean>> {
  const member = (at: string) =>
    `EXISTS (SELECT FROM ${pastRows('memberships', { at, as: 'm', where: 'q.agent_id = $3 AND q.group_id = ANY ($4::uuid[])' })} WHERE m.group_id IS NOT NULL)`;
  const justBefore = (time: string) => `${time} - interval '1 microsecond'`;
  const rows = await sql<{ entry_id: string; before: boolean; at_start: boolean; at_end: boolean }>(
    `SELECT v.entry_id, ${member(justBefore('v.time'))} AS before, ${member('v.time')} AS at_start, ${member(justBefore('ended.time'))} AS at_end FROM unnest($1::bigint[], $2::timestamptz[]) v(entry_id, time)
     CROSS JOIN LATERAL (
       SELECT coalesce(min(e.time), docket_now()) AS time FROM audit_entries e WHERE e.entity_type = 'agent' AND e.entity_id = $3 AND e.entry_id > v.entry_id
     ) ended`,
    [versions.map(({ entryId }) => entryId), versions.map(({ time }) => time), agentId, groupIds],
  );
  return new Map(rows.filter((row) => row.at_start || row.at_end).map((row) => [row.entry_id, row.before]));
}
