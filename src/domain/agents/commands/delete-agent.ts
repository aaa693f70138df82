import { DeleteAgentResponseSchema } from '../../../../gen/ticketing/v1/agent_service_pb.ts';
import { assertPoolsHeld, loneCommand } from '../../../foundation/commands/lone.ts';
import { assertEtag } from '../../../foundation/etag.ts';
import { findPools } from '../../groups/index.ts';
import { AgentDeleted, AgentNotFound } from '../errors.ts';
import { FINISH_LEAVING, planDeletion, takeDeletionStep, type UnfinishedLeave } from '../leaving.ts';
import { toAgentMessage } from '../message.ts';
import { getAgentView, lockAgents } from '../queries.ts';

/**
 * Deletes an agent and has his tickets dealt out in the same step. With more than `TICKETS_PER_STEP` of
 * them he only becomes inactive: a job goes on, and sets the time of deletion with the last.
 * Administrators only, by the contract's permission.
 */
export const deleteAgent = loneCommand<{ readonly agentId: string; readonly etag: string }, typeof DeleteAgentResponseSchema>({
  name: 'DeleteAgent',
  answer: DeleteAgentResponseSchema,
  pools: (sql, inputs) =>
    findPools(
      sql,
      inputs.map(({ agentId }) => ({ agentIds: [agentId] })),
    ),
  async plan(unit, { agentId, etag }) {
    const agent = (await lockAgents(unit, [agentId])).get(agentId);
    if (!agent) throw new AgentNotFound(agentId);
    if (agent.deleteTime) throw new AgentDeleted(agentId);
    assertEtag('agent', agentId, etag, agent.version);
    const [poolIds = []] = await findPools(unit.sql, [{ agentIds: [agentId] }]);
    assertPoolsHeld(unit, poolIds);
    const step = await planDeletion(unit, agent, agent.active);
    const view = await getAgentView(unit, agentId);
    const unfinished: UnfinishedLeave | undefined = step.next.deleteTime ? undefined : { agentId, because: 'deleted', active: agent.active };
    return {
      answer: { agent: toAgentMessage({ ...view, ...step.next }) },
      async write() {
        await takeDeletionStep(unit, agent, step);
        if (unfinished) await unit.enqueue(FINISH_LEAVING, unfinished);
        return { agent: toAgentMessage(await getAgentView(unit, agentId)) };
      },
    };
  },
});
