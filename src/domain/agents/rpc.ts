import { AgentSchema } from '../../../gen/ticketing/v1/agent_pb.ts';
import type { AgentService } from '../../../gen/ticketing/v1/agent_service_pb.ts';
import type { GroupService } from '../../../gen/ticketing/v1/group_service_pb.ts';
import { fromTimestamp } from '../../foundation/clock.ts';
import type { Context, Handlers } from '../../foundation/context.ts';
import { InvalidField } from '../../foundation/errors.ts';
import { canonicalId, given } from '../../foundation/request.ts';
import { selectedFields } from '../../foundation/update-mask.ts';
import { settledInstant } from '../audit/index.ts';
import { addGroupMembers } from './commands/add-group-members.ts';
import { createAgent } from './commands/create-agent.ts';
import { deleteAgent } from './commands/delete-agent.ts';
import { removeGroupMembers } from './commands/remove-group-members.ts';
import { setAvailability } from './commands/set-availability.ts';
import { undeleteAgent } from './commands/undelete-agent.ts';
import { updateAgent } from './commands/update-agent.ts';
import { listAgents, listGroupMembers } from './list.ts';
import { availabilityNamed, toAgentMessage } from './message.ts';
import { getVisibleAgentAt } from './past.ts';
import { getVisibleWorkloadAt } from './past-workload.ts';
import { getVisibleAgent, getVisibleWorkload } from './reach.ts';
import { MUTABLE_AGENT_FIELDS } from './rules.ts';

/** All of AgentService. */
export const agentHandlers: Handlers<typeof AgentService> = {
  async createAgent(request, ctx) {
    const agent = given('agent', request.agent);
    return ctx.carryOut(createAgent, { caller: ctx.caller, agent, groupIds: idList(agent.groupIds.map(canonicalId)) });
  },

  async getAgent(request, ctx) {
    if (request.asOf) return { agent: toAgentMessage(await getVisibleAgentAt(ctx, request.agentId, await settledInstant(ctx, request.asOf))) };
    return { agent: toAgentMessage(await getVisibleAgent(ctx, request.agentId)) };
  },

  async listAgents(request, ctx) {
    const { items, nextPageToken } = await listAgents(ctx, request);
    return { agents: items, nextPageToken };
  },

  async updateAgent(request, ctx) {
    const agent = given('agent', request.agent);
    const fields = selectedFields(AgentSchema, agent, request.updateMask, MUTABLE_AGENT_FIELDS);
    const paths = request.updateMask?.paths ?? [];
    const named = paths.length > 0 && !paths.includes('*');
    return ctx.carryOut(updateAgent, { caller: ctx.caller, agent, groupIds: idList(agent.groupIds.map(canonicalId)), fields, named });
  },

  deleteAgent: (request, ctx) => ctx.carryOut(deleteAgent, { agentId: request.agentId, etag: request.etag }),

  undeleteAgent: (request, ctx) => ctx.carryOut(undeleteAgent, { agentId: request.agentId, etag: request.etag }),

  async setAvailability(request, ctx) {
    const availability = availabilityNamed(request.availability);
    if (!availability) throw new InvalidField('availability', 'must be AVAILABLE, AWAY or OFFLINE');
    return ctx.carryOut(setAvailability, {
      caller: ctx.caller,
      agentId: request.agentId,
      availability,
      reassignPending: request.reassignPending,
      until: request.until && fromTimestamp(request.until),
      etag: request.etag,
    });
  },

  async getWorkload(request, ctx) {
    if (request.asOf) return { workload: await getVisibleWorkloadAt(ctx, request.agentId, await settledInstant(ctx, request.asOf)) };
    return { workload: await getVisibleWorkload(ctx, request.agentId) };
  },
};

/** The part of GroupService that is about members, and so needs agents; the other part is in `groups`. */
export const membershipHandlers: Pick<Handlers<typeof GroupService>, 'addGroupMembers' | 'removeGroupMembers' | 'listGroupMembers'> = {
  addGroupMembers: (request, ctx) => ctx.carryOut(addGroupMembers, memberInput(request, ctx)),

  removeGroupMembers: (request, ctx) => ctx.carryOut(removeGroupMembers, memberInput(request, ctx)),

  async listGroupMembers(request, ctx) {
    const { items, nextPageToken } = await listGroupMembers(ctx, request);
    return { members: items, nextPageToken };
  },
};

function memberInput(request: { readonly groupId: string; readonly agentIds: readonly string[]; readonly etag: string }, ctx: Context) {
  return { caller: ctx.caller, groupId: canonicalId(request.groupId), agentIds: idList(request.agentIds), etag: request.etag };
}

/** Ids ascending, none twice. */
const idList = (ids: readonly string[]): string[] => [...new Set(ids)].sort();
