import type { Agent as AgentMessage } from '../../../../gen/ticketing/v1/agent_pb.ts';
import { CreateAgentResponseSchema } from '../../../../gen/ticketing/v1/agent_service_pb.ts';
import type { Unit } from '../../../foundation/commands/command.ts';
import { assertPoolsHeld, loneCommand } from '../../../foundation/commands/lone.ts';
import type { Caller } from '../../../foundation/context.ts';
import { findPools, lockGroups } from '../../groups/index.ts';
import { Agent, type AgentRow } from '../entity.ts';
import { AgentAlreadyExists, AgentChangeDenied, AgentDeletedExists } from '../errors.ts';
import { membersJoined } from '../events.ts';
import { assertMayJoin, insertMemberships } from '../membership.ts';
import { availabilityNamed, toAgentMessage } from '../message.ts';
import { getAgentView } from '../queries.ts';
import { agentReach } from '../reach.ts';
import { agentChoices } from '../rules.ts';

/** An agent to create. */
export interface CreateAgentInput {
  readonly caller: Caller;
  readonly agent: AgentMessage;
  /** The groups he is to be in, ids ascending, none twice. */
  readonly groupIds: readonly string[];
}

const noCounts = { totalAssigned: '0', totalResolved: '0', assignedToday: 0, resolvedToday: 0, openTickets: 0, lastAssignTime: null };

/** Creates an agent with his groups and counters; what waits there for somebody like him is given to him by those who hear of it. */
export const createAgent = loneCommand<CreateAgentInput, typeof CreateAgentResponseSchema>({
  name: 'CreateAgent',
  answer: CreateAgentResponseSchema,
  pools: (sql, inputs) =>
    findPools(
      sql,
      inputs.map(({ groupIds }) => ({ groupIds })),
    ),
  async plan(unit, { caller, agent: asked, groupIds }) {
    const choices = agentChoices(asked);
    const { agentId } = asked;
    const groups = await lockGroups(unit, groupIds);
    const reach = await agentReach({ sql: unit.sql, caller });
    if (reach.supervised !== 'all' && groupIds.length === 0)
      throw new AgentChangeDenied(agentId, 'supervisors create agents in their own groups, at least one');
    assertMayJoin(reach, groups, groupIds);
    await assertIdFree(unit, agentId);
    const [poolIds = []] = await findPools(unit.sql, [{ groupIds }]);
    assertPoolsHeld(unit, poolIds);
    const row: AgentRow = {
      ...choices,
      agentId,
      availability: availabilityNamed(asked.availability) ?? 'AVAILABLE',
      availabilityUntilTime: null,
      version: 1,
      createTime: unit.now,
      updateTime: unit.now,
      deleteTime: null,
    };
    return {
      answer: { agent: toAgentMessage({ ...row, ...noCounts, groupIds }) },
      async write() {
        unit.em.persist(unit.em.create(Agent, row));
        await unit.em.flush();
        await unit.sql('INSERT INTO agent_counters (agent_id) VALUES ($1)', [agentId]);
        if (groupIds.length === 0) return undefined;
        const memberships = groupIds.map((groupId) => ({ groupId, agentId }));
        await insertMemberships(unit, memberships);
        await unit.announce(membersJoined, { memberships });
        return { agent: toAgentMessage(await getAgentView(unit, agentId)) };
      },
    };
  },
});

/** Two that choose the same id at once: the second runs into the primary key, starts over, and finds the first here. */
async function assertIdFree(unit: Unit, agentId: string): Promise<void> {
  const taken = await unit.em.findOne(Agent, { agentId });
  if (!taken) return;
  throw taken.deleteTime ? new AgentDeletedExists(agentId) : new AgentAlreadyExists(agentId);
}
