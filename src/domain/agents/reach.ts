import type { MessageInitShape } from '@bufbuild/protobuf';
import type { WorkloadSchema } from '../../../gen/ticketing/v1/workload_pb.ts';
import type { Caller } from '../../foundation/context.ts';
import { coversGroups, type GroupScope, supervisedGroups, type Viewer, visibleGroups } from '../groups/index.ts';
import { AgentChangeDenied, AgentNotFound } from './errors.ts';
import type { AgentView } from './message.ts';
import { findAgentView, findMemberships, type MemberOf } from './queries.ts';
import { findWorkload } from './workload.ts';

/** What a caller may see and change of agents. */
export interface AgentReach {
  readonly caller: Caller;
  readonly visible: GroupScope;
  readonly supervised: GroupScope;
}

/** Reads what a caller may see and change. */
export async function agentReach(viewer: Viewer): Promise<AgentReach> {
  return { caller: viewer.caller, visible: await visibleGroups(viewer), supervised: await supervisedGroups(viewer) };
}

/** Whether the caller meets this agent: himself, and the members of groups that he may see. */
export function isVisible(reach: AgentReach, agentId: string, memberOf: readonly MemberOf[]): boolean {
  const { visible, caller } = reach;
  return visible === 'all' || caller.agentId === agentId || memberOf.some(({ groupId }) => visible.includes(groupId));
}

/** Whether the caller may change this agent: an administrator, or the supervisor of all his groups, of which there must be one. */
export function mayChange(reach: AgentReach, memberOf: readonly MemberOf[]): boolean {
  if (reach.supervised === 'all') return true;
  const present = memberOf.filter((membership) => !membership.deleted).map((membership) => membership.groupId);
  return present.length > 0 && coversGroups(reach.supervised, present);
}

/** Throws `AgentNotFound` for an agent whom the caller does not meet, `AgentChangeDenied` for one whom he may only see. */
export function assertMayChange(reach: AgentReach, agentId: string, memberOf: readonly MemberOf[]): void {
  if (!isVisible(reach, agentId, memberOf)) throw new AgentNotFound(agentId);
  if (!mayChange(reach, memberOf)) throw new AgentChangeDenied(agentId, 'only administrators and the supervisor of all his groups change him');
}

/** An agent whom the caller may see, with those of his groups that the caller may see. Throws `AgentNotFound` for every other one. */
export async function getVisibleAgent(viewer: Viewer, agentId: string): Promise<AgentView> {
  const visible = await scopeOn(viewer, agentId);
  const agent = await findAgentView(viewer.sql, agentId, visible);
  if (!agent) throw new AgentNotFound(agentId);
  return agent;
}

/** What such an agent has on his hands. Throws `AgentNotFound` likewise. */
export async function getVisibleWorkload(viewer: Viewer, agentId: string): Promise<MessageInitShape<typeof WorkloadSchema>> {
  const visible = await scopeOn(viewer, agentId);
  const workload = await findWorkload(viewer.sql, agentId, visible);
  if (!workload) throw new AgentNotFound(agentId);
  return workload;
}

/** The groups that the caller may see, provided that he may see this agent. */
async function scopeOn(viewer: Viewer, agentId: string): Promise<GroupScope> {
  const reach = { caller: viewer.caller, visible: await visibleGroups(viewer), supervised: [] };
  if (reach.visible === 'all') return 'all';
  const memberOf = (await findMemberships(viewer.sql, [agentId])).get(agentId) ?? [];
  if (!isVisible(reach, agentId, memberOf)) throw new AgentNotFound(agentId);
  return reach.visible;
}
