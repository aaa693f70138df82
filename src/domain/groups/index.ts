export { Group, type GroupRow, Membership, type Strategy } from './entity.ts';
export { GroupAlreadyExists, GroupChangeDenied, GroupDeleted, GroupDeletedExists, GroupInactive, GroupNotDeleted, GroupNotFound } from './errors.ts';
export { type Disposal, type GroupClosed, type GroupRulesChanged, groupClosed, groupRulesChanged, TICKETS_PER_STEP } from './events.ts';
export { finishDeletingGroup, splitPools } from './jobs.ts';
export { strategyOf, toGroupMessage } from './message.ts';
export { findPools, mergePools, type PoolNeed } from './pools.ts';
export { getVisibleGroup, lockGroups, lockGroupToChange } from './queries.ts';
export { groupHandlers } from './rpc.ts';
export { coversGroups, type GroupScope, inScope, scopeValue, supervisedGroups, type Viewer, visibleGroups } from './visibility.ts';
