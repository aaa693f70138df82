import { supervisedGroups, type Viewer, visibleGroups } from '../groups/index.ts';

/** Groups a caller may do something in. */
export type Groups = 'all' | ReadonlySet<string>;

/** What a caller may see and change, settled before the change is queued. */
export interface Reach {
  readonly visible: Groups;
  /** Groups whose tickets he may change in every way. */
  readonly managed: Groups;
  /** The agent he is: may change his own tickets and claim waiting ones. */
  readonly agentId: string | undefined;
}

/** What the caller may see and change: services report outcomes anywhere, supervisors manage their groups. */
export async function reachOf(viewer: Viewer): Promise<Reach> {
  const { roles, agentId } = viewer.caller;
  const visible = await visibleGroups(viewer);
  const managed = roles.has('service') ? 'all' : await supervisedGroups(viewer);
  return {
    visible: toGroups(visible),
    managed: toGroups(managed),
    agentId: roles.has('agent') ? agentId : undefined,
  };
}

/** Whether a group is among the given ones. */
export const includesGroup = (groups: Groups, groupId: string): boolean => groups === 'all' || groups.has(groupId);

const toGroups = (groups: 'all' | readonly string[]): Groups => (groups === 'all' ? 'all' : new Set(groups));
