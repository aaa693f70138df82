import type { MessageShape } from '@bufbuild/protobuf';
import { GroupSchema } from '../../../gen/ticketing/v1/group_pb.ts';
import { ListGroupsRequestSchema } from '../../../gen/ticketing/v1/group_service_pb.ts';
import type { Context } from '../../foundation/context.ts';
import { compileFilter, type FilterSchema } from '../../foundation/filter/index.ts';
import { listPage } from '../../foundation/list-page.ts';
import { afterPosition, orderBySql, parseOrderBy, positionSql, type SortFields } from '../../foundation/page/index.ts';
import { assertStillKept, hiddenInstant, pastRows, settledInstant } from '../audit/index.ts';
import type { GroupRow } from './entity.ts';
import { toGroupMessage } from './message.ts';
import { inScope, scopeValue, visibleGroups } from './visibility.ts';

/** What to select from groups called `g` to get a `GroupRow`. */
export const GROUP_COLUMNS = `g.group_id AS "groupId", g.key, g.name, g.description, g.active, g.time_zone AS "timeZone", g.strategy,
  g.catch_up_limit AS "catchUpLimit", g.max_open_per_agent AS "maxOpenPerAgent", g.required_skills AS "requiredSkills",
  g.skill_relaxation_seconds AS "skillRelaxationSeconds",
  g.prefer_previous_agent AS "preferPreviousAgent", g.policy_version AS "policyVersion", to_jsonb(g.supervisor_ids) AS "supervisorIds",
  g.version::float8 AS version, g.create_time AS "createTime", g.update_time AS "updateTime", g.delete_time AS "deleteTime"`;

/** What callers filter groups by. */
const filterFields: FilterSchema = {
  group_id: { sql: 'g.group_id', type: 'uuid' },
  key: { sql: 'g.key', type: 'string' },
  name: { sql: 'g.name', type: 'string' },
  description: { sql: 'g.description', type: 'string' },
  active: { sql: 'g.active', type: 'bool' },
  time_zone: { sql: 'g.time_zone', type: 'string' },
  create_time: { sql: 'g.create_time', type: 'timestamp' },
  update_time: { sql: 'g.update_time', type: 'timestamp' },
};

const sortFields: SortFields = {
  group_id: { sql: 'g.group_id', type: 'uuid' },
  key: { sql: 'g.key', type: 'text' },
  create_time: { sql: 'g.create_time', type: 'timestamptz' },
};

/** One page of the groups that the caller may see, as they are or as they were. Throws FilterError, OrderByError, HistoryDropped. */
export async function listGroups(ctx: Context, request: MessageShape<typeof ListGroupsRequestSchema>) {
  const order = parseOrderBy(request.orderBy || 'key', sortFields, ['key', 'create_time'], ['group_id']);
  const visible = await visibleGroups(ctx);
  const at = request.asOf && (await settledInstant(ctx, request.asOf));
  const own = [scopeValue(visible), request.showDeleted];
  const given = at === undefined ? own : [...own, at];
  const from = at === undefined ? 'groups g' : pastRows('groups', { at: hiddenInstant(3), as: 'g' });
  const filter = compileFilter(request.filter, filterFields, { firstParameter: given.length + 1 });
  return listPage(ctx, {
    request: [ListGroupsRequestSchema, request],
    order,
    item: [GroupSchema, toGroupMessage],
    async read(limit, position) {
      const after = position && afterPosition(order, position, 1 + given.length + filter.values.length);
      const rows = await ctx.sql<GroupRow & Record<string, unknown>>(
        `SELECT ${GROUP_COLUMNS}, ${positionSql(order)}
         FROM ${from}
         WHERE g.group_id IS NOT NULL AND ${inScope('g.group_id', 1)} AND ($2 OR g.delete_time IS NULL) AND ${filter.text}${after ? ` AND ${after.text}` : ''}
         ORDER BY ${orderBySql(order)}
         LIMIT ${limit}`,
        [...given, ...filter.values, ...(after?.values ?? [])],
      );
      if (at !== undefined) await assertStillKept(ctx.sql, at);
      return rows;
    },
  });
}
