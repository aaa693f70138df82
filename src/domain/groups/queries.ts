import { type EntityManager, LockMode } from '@mikro-orm/postgresql';
import type { Unit } from '../../foundation/commands/command.ts';
import type { Caller } from '../../foundation/context.ts';
import type { Sql } from '../../foundation/database/sql.ts';
import { Group } from './entity.ts';
import { GroupChangeDenied, GroupNotFound } from './errors.ts';
import { coversGroups, inScope, scopeValue, supervisedGroups, type Viewer, visibleGroups } from './visibility.ts';

/** A group that the caller may see, deleted or not. Throws `GroupNotFound` for every other one. */
export async function getVisibleGroup(viewer: Viewer & { readonly em: EntityManager }, groupId: string): Promise<Group> {
  const visible = await visibleGroups(viewer);
  const group = coversGroups(visible, [groupId]) ? await viewer.em.findOne(Group, { groupId }) : null;
  if (!group) throw new GroupNotFound(groupId);
  return group;
}

/** The groups of these ids that are there, deleted or not, their rows locked in order of their ids (in a dry unit: only read). */
export async function lockGroups(unit: Unit, groupIds: readonly string[]): Promise<ReadonlyMap<string, Group>> {
  if (groupIds.length === 0) return new Map();
  const rows = await unit.em.find(
    Group,
    { groupId: { $in: [...new Set(groupIds)] } },
    { orderBy: { groupId: 'asc' }, refresh: true, ...(unit.dryRun ? {} : { lockMode: LockMode.PESSIMISTIC_WRITE }) },
  );
  return new Map(rows.map((group) => [group.groupId, group]));
}

/** A group that the caller may change, deleted or not, with its row locked. Throws `GroupNotFound`, or `GroupChangeDenied` when he may only see it. */
export async function lockGroupToChange(unit: Unit, caller: Caller, groupId: string): Promise<Group> {
  const group = (await lockGroups(unit, [groupId])).get(groupId);
  const viewer = { sql: unit.sql, caller };
  if (!group || !coversGroups(await visibleGroups(viewer), [groupId])) throw new GroupNotFound(groupId);
  if (!coversGroups(await supervisedGroups(viewer), [groupId])) throw new GroupChangeDenied(groupId, 'only its supervisors and administrators change it');
  return group;
}

/** How many pending tickets a group has. Exact while its pool is held. */
export async function countPendingTickets(sql: Sql, groupId: string): Promise<number> {
  const [row] = await sql<{ pending: number }>('SELECT count(*)::integer AS pending FROM tickets WHERE group_id = $1 AND status <= 3', [groupId]);
  return row?.pending ?? 0;
}

/** What files can call the groups by that a caller may see; deleted ones too, since their keys are never free again. */
export async function listGroupNames(viewer: Viewer): Promise<{ groupId: string; key: string; name: string; deleted: boolean }[]> {
  const rows = await viewer.sql<{ group_id: string; key: string; name: string; deleted: boolean }>(
    `SELECT group_id, key, name, delete_time IS NOT NULL AS deleted FROM groups WHERE ${inScope('group_id', 1)} ORDER BY key`,
    [scopeValue(await visibleGroups(viewer))],
  );
  return rows.map(({ group_id: groupId, ...names }) => ({ groupId, ...names }));
}
