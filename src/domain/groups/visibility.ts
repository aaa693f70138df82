import type { Context } from '../../foundation/context.ts';

/** Who looks, and where to read what he may see; a context is one. */
export type Viewer = Pick<Context, 'sql' | 'caller'>;

/** Ids of groups, or that there is no limit. */
export type GroupScope = 'all' | readonly string[];

/**
 * The groups a caller may see, deleted ones too, over all his roles: every group for administrators,
 * services and auditors; for a supervisor those that name him; for an agent those he is a member of,
 * unless he is deleted. What lies outside answers as if it did not exist.
 */
export async function visibleGroups(viewer: Viewer): Promise<GroupScope> {
  const { caller } = viewer;
  if (caller.roles.has('admin') || caller.roles.has('service') || caller.roles.has('auditor')) return 'all';
  const supervisorNames = caller.roles.has('supervisor') ? namesOf(caller) : [];
  const agentId = caller.roles.has('agent') ? (caller.agentId ?? null) : null;
  if (supervisorNames.length === 0 && agentId === null) return [];
  const rows = await viewer.sql<{ group_id: string }>(
    `SELECT group_id FROM groups WHERE supervisor_ids && $1::text[]
     UNION
     SELECT group_id FROM memberships JOIN agents USING (agent_id) WHERE agent_id = $2 AND delete_time IS NULL`,
    [supervisorNames, agentId],
  );
  return rows.map((row) => row.group_id);
}

/** The groups a caller may change, and whose agents and tickets he may: all for administrators, for a supervisor those that name him. */
export async function supervisedGroups(viewer: Viewer): Promise<GroupScope> {
  const { caller } = viewer;
  if (caller.roles.has('admin')) return 'all';
  if (!caller.roles.has('supervisor')) return [];
  const rows = await viewer.sql<{ group_id: string }>('SELECT group_id FROM groups WHERE supervisor_ids && $1::text[]', [namesOf(caller)]);
  return rows.map((row) => row.group_id);
}

/** Whether all of these groups are within the scope. */
export const coversGroups = (scope: GroupScope, groupIds: readonly string[]): boolean =>
  scope === 'all' || groupIds.every((groupId) => scope.includes(groupId));

/** The condition that a column's group is within the scope, its value being the parameter of that number. */
export const inScope = (column: string, parameter: number): string => `($${parameter}::uuid[] IS NULL OR ${column} = ANY ($${parameter}::uuid[]))`;

/** The value for the parameter of `inScope`. */
export const scopeValue = (scope: GroupScope): readonly string[] | null => (scope === 'all' ? null : scope);

/** A group names its supervisors by what their tokens call them: the actor, or the agent that he is. */
function namesOf(caller: Viewer['caller']): string[] {
  return caller.agentId === undefined ? [caller.actor] : [caller.actor, caller.agentId];
}
