import { Int32ValueSchema } from '@bufbuild/protobuf/wkt';
import { assertPoolsHeld, loneCommand } from '../../../foundation/commands/lone.ts';
import { findPools } from '../../groups/index.ts';
import type { Agent } from '../entity.ts';
import { agentsLeft, membersRemoved, NOT_DEALT_OUT } from '../events.ts';
import { planDeletion, takeDeletionStep, type UnfinishedLeave, type UnfinishedRemoval } from '../leaving.ts';
import { findMemberships, lockAgents } from '../queries.ts';

/**
 * One more step of an agent's leave; answers how many tickets he still holds, 0 when there is nothing to
 * go on with: he is deleted, or came back meanwhile. Safe to repeat.
 */
export const continueLeaving = loneCommand<UnfinishedLeave, typeof Int32ValueSchema>({
  name: 'ContinueLeaving',
  answer: Int32ValueSchema,
  pools: (sql, inputs) =>
    findPools(
      sql,
      inputs.map(({ agentId }) => ({ agentIds: [agentId] })),
    ),
  async plan(unit, leave) {
    const { agentId } = leave;
    const agent = (await lockAgents(unit, [agentId])).get(agentId);
    if (!agent || !isStillLeaving(agent, leave)) return { answer: { value: 0 } };
    const [poolIds = []] = await findPools(unit.sql, [{ agentIds: [agentId] }]);
    assertPoolsHeld(unit, poolIds);
    if (leave.because === 'deleted') {
      const step = await planDeletion(unit, agent, leave.active);
      return { answer: { value: step.held }, write: async () => ({ value: await takeDeletionStep(unit, agent, step) }) };
    }
    return {
      answer: { value: 0 },
      async write() {
        const fact = { ...NOT_DEALT_OUT, agentIds: [agentId] };
        await unit.announce(agentsLeft, fact);
        return { value: fact.left };
      },
    };
  },
});

/** One more step of dealing out what removed members hold of a group; those who joined it again keep theirs. Safe to repeat. */
export const continueRemovingMembers = loneCommand<UnfinishedRemoval, typeof Int32ValueSchema>({
  name: 'ContinueRemovingMembers',
  answer: Int32ValueSchema,
  pools: (sql, inputs) =>
    findPools(
      sql,
      inputs.map(({ groupId, agentIds }) => ({ groupIds: [groupId], agentIds })),
    ),
  async plan(unit, { groupId, agentIds }) {
    await lockAgents(unit, agentIds);
    const memberships = await findMemberships(unit.sql, agentIds);
    const gone = agentIds.filter((agentId) => !memberships.get(agentId)?.some((membership) => membership.groupId === groupId));
    const [poolIds = []] = await findPools(unit.sql, [{ groupIds: [groupId], agentIds: gone }]);
    assertPoolsHeld(unit, poolIds);
    if (gone.length === 0) return { answer: { value: 0 } };
    return {
      answer: { value: 0 },
      async write() {
        const fact = { groupId, agentIds: gone, left: 0 };
        await unit.announce(membersRemoved, fact);
        return { value: fact.left };
      },
    };
  },
});

function isStillLeaving(agent: Agent, { because }: UnfinishedLeave): boolean {
  if (agent.deleteTime) return false;
  if (because === 'inactive') return !agent.active;
  return because === 'deleted' || agent.availability !== 'AVAILABLE';
}
