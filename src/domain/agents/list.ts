import type { MessageShape } from '@bufbuild/protobuf';
import { AgentSchema } from '../../../gen/ticketing/v1/agent_pb.ts';
import { ListAgentsRequestSchema } from '../../../gen/ticketing/v1/agent_service_pb.ts';
import { GroupMemberSchema } from '../../../gen/ticketing/v1/group_member_pb.ts';
import { ListGroupMembersRequestSchema } from '../../../gen/ticketing/v1/group_service_pb.ts';
import { toTimestamp } from '../../foundation/clock.ts';
import type { Context } from '../../foundation/context.ts';
import { compileFilter, type FilterSchema } from '../../foundation/filter/index.ts';
import { listPage } from '../../foundation/list-page.ts';
import { afterPosition, orderBySql, parseOrderBy, positionSql, type SortFields } from '../../foundation/page/index.ts';
import { canonicalId } from '../../foundation/request.ts';
import { settledInstant } from '../audit/index.ts';
import { getVisibleGroup, inScope, scopeValue, visibleGroups } from '../groups/index.ts';
import type { AvailabilityName } from './entity.ts';
import { type AgentView, availabilityNamed, toAgentMessage, toAvailability } from './message.ts';
import { listAgentsAt } from './past.ts';
import { agentViewFrom, agentViewSql } from './queries.ts';

/** What callers filter agents by. */
const filterFields: FilterSchema = {
  agent_id: { sql: 'a.agent_id', type: 'string' },
  display_name: { sql: 'a.display_name', type: 'string' },
  email: { sql: 'a.email', type: 'string' },
  active: { sql: 'a.active', type: 'bool' },
  availability: { sql: 'a.availability', type: 'enum', constants: { AVAILABLE: 'AVAILABLE', AWAY: 'AWAY', OFFLINE: 'OFFLINE' } },
  skills: { sql: 'a.skills', type: 'json' },
  weight: { sql: 'a.weight', type: 'int' },
  max_open_tickets: { sql: 'a.max_open_tickets', type: 'int', nullable: true },
  time_zone: { sql: 'a.time_zone', type: 'string' },
  create_time: { sql: 'a.create_time', type: 'timestamp' },
  update_time: { sql: 'a.update_time', type: 'timestamp' },
};

const sortFields: SortFields = {
  agent_id: { sql: 'a.agent_id', type: 'text' },
  create_time: { sql: 'a.create_time', type: 'timestamptz' },
};

/** One page of the agents whom the caller may see, himself and members of groups that he may see, as they are or as they were. */
export async function listAgents(ctx: Context, request: MessageShape<typeof ListAgentsRequestSchema>) {
  const order = parseOrderBy(request.orderBy || 'agent_id', sortFields, ['agent_id', 'create_time'], ['agent_id']);
  const visible = await visibleGroups(ctx);
  const at = request.asOf && (await settledInstant(ctx, request.asOf));
  const filterFrom = (firstParameter: number) => compileFilter(request.filter, filterFields, { firstParameter });
  const filter = filterFrom(8);
  const groupId = request.groupId === '' ? null : canonicalId(request.groupId);
  return listPage(ctx, {
    request: [ListAgentsRequestSchema, request],
    order,
    item: [AgentSchema, toAgentMessage],
    read(limit, position) {
      if (at !== undefined) return listAgentsAt(ctx, { request, at, visible, order, filter: filterFrom }, limit, position);
      const after = position && afterPosition(order, position, 8 + filter.values.length);
      return ctx.sql<AgentView & Record<string, unknown>>(
        `${agentViewSql}, ${positionSql(order)} ${agentViewFrom}
         WHERE ($1::uuid[] IS NULL OR a.agent_id = $3 OR EXISTS (SELECT FROM memberships m WHERE m.agent_id = a.agent_id AND m.group_id = ANY ($1)))
           AND ($4::uuid IS NULL OR EXISTS (SELECT FROM memberships m WHERE m.agent_id = a.agent_id AND m.group_id = $4 AND ${inScope('m.group_id', 1)}))
           AND ($5::text IS NULL OR a.availability = $5)
           AND ($6 OR a.delete_time IS NULL)
           AND ${filter.text}${after ? ` AND ${after.text}` : ''}
         ORDER BY ${orderBySql(order)}
         LIMIT $7`,
        [
          scopeValue(visible),
          null,
          ctx.caller.agentId ?? null,
          groupId,
          availabilityNamed(request.availability) ?? null,
          request.showDeleted,
          limit,
          ...filter.values,
          ...(after?.values ?? []),
        ],
      );
    },
  });
}

interface MemberRow extends Record<string, unknown> {
  readonly agentId: string;
  readonly displayName: string;
  readonly availability: AvailabilityName;
  readonly joinTime: string;
  readonly handicap: number;
}

const memberOrder = parseOrderBy('', { agent_id: { sql: 'm.agent_id', type: 'text' } }, [], ['agent_id']);

/** One page of a group's members, deleted agents left out. Throws `GroupNotFound` for a group that the caller may not see. */
export async function listGroupMembers(ctx: Context, request: MessageShape<typeof ListGroupMembersRequestSchema>) {
  const { groupId } = await getVisibleGroup(ctx, canonicalId(request.groupId));
  return listPage(ctx, {
    request: [ListGroupMembersRequestSchema, request],
    order: memberOrder,
    item: [GroupMemberSchema, toMemberMessage],
    read(limit, position) {
      const after = position && afterPosition(memberOrder, position, 3);
      return ctx.sql<MemberRow>(
        `SELECT m.agent_id AS "agentId", a.display_name AS "displayName", a.availability, m.create_time AS "joinTime",
           coalesce(h.handicap, 0) AS handicap, ${positionSql(memberOrder)}
         FROM memberships m
         JOIN agents a USING (agent_id)
         JOIN group_pools USING (group_id)
         JOIN pools USING (pool_id)
         CROSS JOIN (SELECT (docket_now() AT TIME ZONE business_time_zone)::date AS today FROM settings OFFSET 0) day
         LEFT JOIN handicaps h ON h.group_id = m.group_id AND h.agent_id = m.agent_id AND h.business_day = greatest(pools.business_day, day.today)
         WHERE m.group_id = $1 AND a.delete_time IS NULL${after ? ` AND ${after.text}` : ''}
         ORDER BY ${orderBySql(memberOrder)}
         LIMIT $2`,
        [groupId, limit, ...(after?.values ?? [])],
      );
    },
  });
}

const toMemberMessage = (row: MemberRow) => ({
  agentId: row.agentId,
  displayName: row.displayName,
  availability: toAvailability(row.availability),
  joinTime: toTimestamp(row.joinTime),
  handicap: row.handicap,
});
