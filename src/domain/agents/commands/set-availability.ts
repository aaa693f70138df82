import { SetAvailabilityResponseSchema } from '../../../../gen/ticketing/v1/agent_service_pb.ts';
import type { Instant } from '../../../foundation/clock.ts';
import type { Unit } from '../../../foundation/commands/command.ts';
import { assertPoolsHeld, loneCommand } from '../../../foundation/commands/lone.ts';
import type { Caller } from '../../../foundation/context.ts';
import { InvalidField } from '../../../foundation/errors.ts';
import { assertEtag, nextVersion } from '../../../foundation/etag.ts';
import { findPools } from '../../groups/index.ts';
import type { Agent, AvailabilityName } from '../entity.ts';
import { AgentChangeDenied, AgentDeleted, AgentNotFound } from '../errors.ts';
import { agentsBecameCandidates, NOT_DEALT_OUT } from '../events.ts';
import { dealOutAll } from '../leaving.ts';
import { toAgentMessage } from '../message.ts';
import { findMemberships, getAgentView, lockAgents } from '../queries.ts';
import { agentReach, isVisible, mayChange } from '../reach.ts';
import { compareInstants, isSameInstant, takesTickets } from '../rules.ts';

/** Whether an agent takes tickets from now on. */
export interface SetAvailabilityInput {
  readonly caller: Caller;
  readonly agentId: string;
  readonly availability: AvailabilityName;
  readonly reassignPending: boolean;
  readonly until: Instant | undefined;
  readonly etag: string;
}

/** An availability with an end, and that end as it was set: a later setting makes it void. */
export interface TimedAvailability {
  readonly agentId: string;
  readonly untilTime: Instant;
}

/** Name of the job that ends an availability when its time is over. */
export const END_AVAILABILITY = 'end-availability';

/** Sets an agent's availability. Who comes back is given what waits; who goes has his tickets dealt out if the caller asks for that. */
export const setAvailability = loneCommand<SetAvailabilityInput, typeof SetAvailabilityResponseSchema>({
  name: 'SetAvailability',
  answer: SetAvailabilityResponseSchema,
  pools: (sql, inputs) =>
    findPools(
      sql,
      inputs.map(({ agentId }) => ({ agentIds: [agentId] })),
    ),
  async plan(unit, input) {
    const { agentId, availability, until } = input;
    const agent = await lockAgentToSet(unit, input.caller, agentId);
    if (agent.deleteTime) throw new AgentDeleted(agentId);
    assertEtag('agent', agentId, input.etag, agent.version);
    if (until && compareInstants(until, unit.now) <= 0) throw new InvalidField('until', 'must be in the future');
    const [poolIds = []] = await findPools(unit.sql, [{ agentIds: [agentId] }]);
    assertPoolsHeld(unit, poolIds);
    const view = await getAgentView(unit, agentId);
    const isNew = agent.availability !== availability || !isSameInstant(agent.availabilityUntilTime, until);
    const changes = isNew ? { availability, availabilityUntilTime: until ?? null, ...nextVersion(unit.now, agent) } : {};
    return {
      answer: { agent: toAgentMessage({ ...view, ...changes }) },
      async write() {
        const before = takesTickets(agent);
        unit.em.assign(agent, changes);
        await unit.em.flush();
        if (isNew && until) await unit.enqueue(END_AVAILABILITY, { agentId, untilTime: until } satisfies TimedAvailability, { startAfter: until });
        const deals = availability !== 'AVAILABLE' && input.reassignPending;
        const dealt = deals ? await dealOutAll(unit, { agentId, because: 'unavailable' }) : NOT_DEALT_OUT;
        if (!before && takesTickets(agent)) await unit.announce(agentsBecameCandidates, { agentIds: [agentId] });
        return { agent: toAgentMessage(await getAgentView(unit, agentId)), reassignedCount: dealt.reassigned, waitingCount: dealt.waiting };
      },
    };
  },
});

/** Administrators, the supervisor of all his groups, and the agent himself. */
async function lockAgentToSet(unit: Unit, caller: Caller, agentId: string): Promise<Agent> {
  const agent = (await lockAgents(unit, [agentId])).get(agentId);
  const memberOf = (await findMemberships(unit.sql, [agentId])).get(agentId) ?? [];
  const reach = await agentReach({ sql: unit.sql, caller });
  if (!agent || !isVisible(reach, agentId, memberOf)) throw new AgentNotFound(agentId);
  const himself = caller.roles.has('agent') && caller.agentId === agentId;
  if (!himself && !mayChange(reach, memberOf))
    throw new AgentChangeDenied(agentId, 'his availability is set by himself, administrators and the supervisor of all his groups');
  return agent;
}
