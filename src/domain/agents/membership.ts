import type { Unit } from '../../foundation/commands/command.ts';
import type { Group } from '../groups/index.ts';
import { coversGroups, GroupChangeDenied, GroupDeleted, GroupNotFound, mergePools } from '../groups/index.ts';
import type { AgentReach } from './reach.ts';

/** One agent in one group. */
export interface MembershipKey {
  readonly groupId: string;
  readonly agentId: string;
}

/** Throws unless the caller may bring agents into these groups: they are there, undeleted, seen and supervised by him. */
export function assertMayJoin(reach: AgentReach, groups: ReadonlyMap<string, Group>, groupIds: readonly string[]): void {
  for (const groupId of groupIds) {
    const group = groups.get(groupId);
    if (!group || !coversGroups(reach.visible, [groupId])) throw new GroupNotFound(groupId);
    if (!coversGroups(reach.supervised, [groupId])) throw new GroupChangeDenied(groupId, 'only its supervisors and administrators add members');
    if (group.deleteTime) throw new GroupDeleted(groupId);
  }
}

/** Writes new memberships, making one pool of the pools that they connect. */
export async function insertMemberships(unit: Unit, memberships: readonly MembershipKey[]): Promise<void> {
  if (memberships.length === 0) return;
  const groupIds = memberships.map((membership) => membership.groupId);
  const agentIds = memberships.map((membership) => membership.agentId);
  await mergePools(unit, { groupIds, agentIds });
  await unit.sql(
    `INSERT INTO memberships (group_id, agent_id, create_time, update_time)
     SELECT group_id, agent_id, $3, $3 FROM unnest($1::uuid[], $2::text[]) AS new(group_id, agent_id) ORDER BY 1, 2`,
    [groupIds, agentIds, unit.now],
  );
}

/** Takes memberships away. Pools stay together: they are split by maintenance alone. */
export async function deleteMemberships(unit: Unit, memberships: readonly MembershipKey[]): Promise<void> {
  if (memberships.length === 0) return;
  await unit.sql('DELETE FROM memberships WHERE (group_id, agent_id) IN (SELECT * FROM unnest($1::uuid[], $2::text[]))', [
    memberships.map((membership) => membership.groupId),
    memberships.map((membership) => membership.agentId),
  ]);
}

/** Raises the version of agents whose groups changed: their groups are part of what their etag stands for. */
export async function touchAgents(unit: Unit, agentIds: readonly string[]): Promise<void> {
  if (agentIds.length === 0) return;
  await unit.sql(`UPDATE agents SET update_time = greatest($2, update_time + interval '1 microsecond') WHERE agent_id = ANY ($1::text[])`, [
    agentIds,
    unit.now,
  ]);
}
