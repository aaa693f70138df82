import { UndeleteAgentResponseSchema } from '../../../../gen/ticketing/v1/agent_service_pb.ts';
import { assertPoolsHeld, loneCommand } from '../../../foundation/commands/lone.ts';
import { assertEtag, nextVersion } from '../../../foundation/etag.ts';
import { findPools } from '../../groups/index.ts';
import { AgentNotDeleted, AgentNotFound } from '../errors.ts';
import { agentsBecameCandidates } from '../events.ts';
import { toAgentMessage } from '../message.ts';
import { getAgentView, lockAgents } from '../queries.ts';
import { takesTickets } from '../rules.ts';

/** Brings a deleted agent back as he was, with his groups, counters and availability. Administrators only, by the contract's permission. */
export const undeleteAgent = loneCommand<{ readonly agentId: string; readonly etag: string }, typeof UndeleteAgentResponseSchema>({
  name: 'UndeleteAgent',
  answer: UndeleteAgentResponseSchema,
  pools: (sql, inputs) =>
    findPools(
      sql,
      inputs.map(({ agentId }) => ({ agentIds: [agentId] })),
    ),
  async plan(unit, { agentId, etag }) {
    const agent = (await lockAgents(unit, [agentId])).get(agentId);
    if (!agent) throw new AgentNotFound(agentId);
    if (!agent.deleteTime) throw new AgentNotDeleted(agentId);
    assertEtag('agent', agentId, etag, agent.version);
    const [poolIds = []] = await findPools(unit.sql, [{ agentIds: [agentId] }]);
    assertPoolsHeld(unit, poolIds);
    const changes = { deleteTime: null, ...nextVersion(unit.now, agent) };
    const view = await getAgentView(unit, agentId);
    return {
      answer: { agent: toAgentMessage({ ...view, ...changes }) },
      async write() {
        unit.em.assign(agent, changes);
        await unit.em.flush();
        if (takesTickets(agent)) await unit.announce(agentsBecameCandidates, { agentIds: [agentId] });
        return { agent: toAgentMessage(await getAgentView(unit, agentId)) };
      },
    };
  },
});
