import { AddGroupMembersResponseSchema } from '../../../../gen/ticketing/v1/group_service_pb.ts';
import { assertPoolsHeld, loneCommand } from '../../../foundation/commands/lone.ts';
import type { Caller } from '../../../foundation/context.ts';
import { assertEtag } from '../../../foundation/etag.ts';
import { findPools, GroupDeleted, lockGroupToChange, toGroupMessage } from '../../groups/index.ts';
import { AgentChangeDenied, AgentDeleted, AgentNotFound } from '../errors.ts';
import { membersJoined } from '../events.ts';
import { insertMemberships, touchAgents } from '../membership.ts';
import { findMemberships, lockAgents } from '../queries.ts';
import { agentReach, isVisible, mayChange } from '../reach.ts';

/** Agents to add to a group, or to take out of it. */
export interface GroupMembersInput {
  readonly caller: Caller;
  readonly groupId: string;
  /** Ids ascending, none twice. */
  readonly agentIds: readonly string[];
  readonly etag: string;
}

/** Adds agents to a group; members stay what they are. What waits there is given to them by those who hear of it. */
export const addGroupMembers = loneCommand<GroupMembersInput, typeof AddGroupMembersResponseSchema>({
  name: 'AddGroupMembers',
  answer: AddGroupMembersResponseSchema,
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
    const joining: string[] = [];
    for (const agentId of agentIds) {
      const agent = agents.get(agentId);
      const memberOf = memberships.get(agentId) ?? [];
      if (!agent || !isVisible(reach, agentId, memberOf)) throw new AgentNotFound(agentId);
      if (agent.deleteTime) throw new AgentDeleted(agentId);
      if (memberOf.some((membership) => membership.groupId === groupId)) continue;
      if (!mayChange(reach, memberOf)) throw new AgentChangeDenied(agentId, 'only administrators add agents of groups that are not yours');
      joining.push(agentId);
    }
    const [poolIds = []] = await findPools(unit.sql, [{ groupIds: [groupId], agentIds: joining }]);
    assertPoolsHeld(unit, poolIds);
    const answer = { group: toGroupMessage(group), addedAgentIds: joining };
    if (joining.length === 0) return { answer };
    return {
      answer,
      async write() {
        const memberships = joining.map((agentId) => ({ groupId, agentId }));
        await insertMemberships(unit, memberships);
        await touchAgents(unit, joining);
        await unit.announce(membersJoined, { memberships });
        return undefined;
      },
    };
  },
});
