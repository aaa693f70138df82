import { RemoveGroupMembersResponseSchema } from '../../../../gen/ticketing/v1/group_service_pb.ts';
import { assertPoolsHeld, loneCommand } from '../../../foundation/commands/lone.ts';
import { assertEtag } from '../../../foundation/etag.ts';
import { findPools, GroupDeleted, lockGroupToChange, toGroupMessage } from '../../groups/index.ts';
import { AgentNotFound } from '../errors.ts';
import { dealOutOfGroup } from '../leaving.ts';
import { deleteMemberships, touchAgents } from '../membership.ts';
import { findMemberships, lockAgents } from '../queries.ts';
import { agentReach, isVisible } from '../reach.ts';
import type { GroupMembersInput } from './add-group-members.ts';

/** Takes agents out of a group and has their tickets of the group dealt out. Deleted members can be taken out too; who is no member is passed over. */
export const removeGroupMembers = loneCommand<GroupMembersInput, typeof RemoveGroupMembersResponseSchema>({
  name: 'RemoveGroupMembers',
  answer: RemoveGroupMembersResponseSchema,
  pools: (sql, inputs) =>
    findPools(
      sql,
      inputs.map(({ groupId, agentIds }) => ({ groupIds: [groupId], agentIds })),
    ),
  async plan(unit, { caller, groupId, agentIds, etag }) {
    const group = await lockGroupToChange(unit, caller, groupId);
    if (group.deleteTime) throw new GroupDeleted(groupId);
    assertEtag('group', groupId, etag, group.version);
    const agents = await lockAgents(unit, agentIds);
    const memberships = await findMemberships(unit.sql, agentIds);
    const reach = await agentReach({ sql: unit.sql, caller });
    const stranger = agentIds.find((agentId) => !agents.has(agentId) || !isVisible(reach, agentId, memberships.get(agentId) ?? []));
    if (stranger !== undefined) throw new AgentNotFound(stranger);
    const leaving = agentIds.filter((agentId) => memberships.get(agentId)?.some((membership) => membership.groupId === groupId));
    const [poolIds = []] = await findPools(unit.sql, [{ groupIds: [groupId], agentIds: leaving }]);
    assertPoolsHeld(unit, poolIds);
    const answer = { group: toGroupMessage(group), removedAgentIds: leaving };
    if (leaving.length === 0) return { answer };
    return {
      answer,
      async write() {
        await deleteMemberships(
          unit,
          leaving.map((agentId) => ({ groupId, agentId })),
        );
        await touchAgents(unit, leaving);
        await dealOutOfGroup(unit, { groupId, agentIds: leaving });
        return undefined;
      },
    };
  },
});
