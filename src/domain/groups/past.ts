import type { Instant } from '../../foundation/clock.ts';
import { assertStillKept, hiddenInstant, pastRows } from '../audit/index.ts';
import type { GroupRow } from './entity.ts';
import { GroupNotFound } from './errors.ts';
import { GROUP_COLUMNS } from './list.ts';
import { coversGroups, type Viewer, visibleGroups } from './visibility.ts';

/** A group that the caller may see, deleted or not, as it was at an instant that is settled. Throws `GroupNotFound` for every other one, HistoryDropped. */
export async function getVisibleGroupAt(viewer: Viewer, groupId: string, at: Instant): Promise<GroupRow> {
  const visible = await visibleGroups(viewer);
  const [group] = await viewer.sql<GroupRow>(
    `SELECT ${GROUP_COLUMNS} FROM ${pastRows('groups', { at: hiddenInstant(1), as: 'g', where: 'q.group_id = $2::uuid' })} WHERE g.group_id IS NOT NULL`,
    [at, groupId],
  );
  await assertStillKept(viewer.sql, at);
  if (!group || !coversGroups(visible, [groupId])) throw new GroupNotFound(groupId);
  return group;
}
