import type { Agent as AgentMessage } from '../../../../gen/ticketing/v1/agent_pb.ts';
import { UpdateAgentResponseSchema } from '../../../../gen/ticketing/v1/agent_service_pb.ts';
import type { Unit } from '../../../foundation/commands/command.ts';
import { assertPoolsHeld, loneCommand } from '../../../foundation/commands/lone.ts';
import type { Caller } from '../../../foundation/context.ts';
import { InvalidField } from '../../../foundation/errors.ts';
import { assertEtag, nextVersion } from '../../../foundation/etag.ts';
import { findPools, lockGroups } from '../../groups/index.ts';
import type { Agent } from '../entity.ts';
import { AgentDeleted, AgentNotFound } from '../errors.ts';
import { agentLimitsChanged, agentsBecameCandidates, membersJoined } from '../events.ts';
import { dealOutAll, dealOutOfGroup } from '../leaving.ts';
import { assertMayJoin, deleteMemberships, insertMemberships } from '../membership.ts';
import { availabilityNamed, toAgentMessage } from '../message.ts';
import { findMemberships, getAgentView, lockAgents, type MemberOf } from '../queries.ts';
import { agentReach, assertMayChange } from '../reach.ts';
import { type AgentChoices, agentChanges, agentChoices, takesTickets, touchesAssignment } from '../rules.ts';

/** An agent with new values. */
export interface UpdateAgentInput {
  readonly caller: Caller;
  readonly agent: AgentMessage;
  /** The groups that he is to be in, ids ascending, none twice. */
  readonly groupIds: readonly string[];
  /** The fields to change, as `selectedFields` gives them. */
  readonly fields: ReadonlySet<string>;
  /** Whether the caller named the fields one by one, and so means nothing by the others. */
  readonly named: boolean;
}

interface Changes {
  readonly choices: Partial<AgentChoices>;
  readonly joining: readonly string[];
  readonly leaving: readonly string[];
}

/** Changes the chosen fields of an agent. What he loses by it is dealt out, what he may now take is given to him, by those who hear of it. */
export const updateAgent = loneCommand<UpdateAgentInput, typeof UpdateAgentResponseSchema>({
  name: 'UpdateAgent',
  answer: UpdateAgentResponseSchema,
  pools: (sql, inputs) =>
    findPools(
      sql,
      inputs.map(({ agent, groupIds, fields }) => (touchesAssignment(fields) ? { agentIds: [agent.agentId], groupIds } : {})),
    ),
  async plan(unit, { caller, agent: asked, groupIds, fields, named }) {
    const { agentId } = asked;
    const memberOf = (await findMemberships(unit.sql, [agentId])).get(agentId) ?? [];
    const moves = fields.has('group_ids') ? groupMoves(memberOf, groupIds) : { joining: [], leaving: [] };
    const groups = await lockGroups(unit, [...moves.joining, ...moves.leaving]);
    const agent = (await lockAgents(unit, [agentId])).get(agentId);
    const reach = await agentReach({ sql: unit.sql, caller });
    if (!agent) throw new AgentNotFound(agentId);
    assertMayChange(reach, agentId, memberOf);
    if (agent.deleteTime) throw new AgentDeleted(agentId);
    assertEtag('agent', agentId, asked.etag, agent.version);
    const availability = availabilityNamed(asked.availability);
    if (!named && availability && availability !== agent.availability) throw new InvalidField('agent.availability', 'is changed by SetAvailability');
    assertMayJoin(reach, groups, moves.joining);
    if (touchesAssignment(fields)) {
      // The memberships were read before the row was locked: they hold if all their pools are held.
      const [poolIds = []] = await findPools(unit.sql, [{ agentIds: [agentId], groupIds: moves.joining }]);
      assertPoolsHeld(unit, poolIds);
    }
    const changes: Changes = { choices: agentChanges(agent, agentChoices(asked), fields), ...moves };
    const view = await getAgentView(unit, agentId);
    if (Object.keys(changes.choices).length + moves.joining.length + moves.leaving.length === 0) return { answer: { agent: toAgentMessage(view) } };
    const raised = { ...changes.choices, ...nextVersion(unit.now, agent) };
    return {
      answer: { agent: toAgentMessage({ ...view, ...raised, groupIds: fields.has('group_ids') ? groupIds : view.groupIds }) },
      async write() {
        await applyChanges(unit, agent, raised, changes);
        return { agent: toAgentMessage(await getAgentView(unit, agentId)) };
      },
    };
  },
});

/** Which groups he joins and which he leaves. A deleted group keeps him, since no caller sees it among his groups. */
function groupMoves(memberOf: readonly MemberOf[], groupIds: readonly string[]): { joining: string[]; leaving: string[] } {
  const present = memberOf.filter((membership) => !membership.deleted).map((membership) => membership.groupId);
  return { joining: groupIds.filter((id) => !present.includes(id)), leaving: present.filter((id) => !groupIds.includes(id)) };
}

async function applyChanges(unit: Unit, agent: Agent, raised: Partial<Agent>, { choices, joining, leaving }: Changes): Promise<void> {
  const { agentId } = agent;
  const before = takesTickets(agent);
  await deleteMemberships(
    unit,
    leaving.map((groupId) => ({ groupId, agentId })),
  );
  unit.em.assign(agent, raised);
  await unit.em.flush();
  // Tickets leave before others come, so that nobody is full who need not be.
  for (const groupId of leaving) await dealOutOfGroup(unit, { groupId, agentIds: [agentId] });
  if (choices.active === false) await dealOutAll(unit, { agentId, because: 'inactive' });
  if (!before && takesTickets(agent)) await unit.announce(agentsBecameCandidates, { agentIds: [agentId] });
  else if ('maxOpenTickets' in choices || 'skills' in choices) await unit.announce(agentLimitsChanged, { agentIds: [agentId] });
  if (joining.length === 0) return;
  // He joins last: a handicap is measured at the moment of joining, before anything is given out there.
  const memberships = joining.map((groupId) => ({ groupId, agentId }));
  await insertMemberships(unit, memberships);
  await unit.announce(membersJoined, { memberships });
}
