import type { Unit } from '../../foundation/commands/command.ts';
import { nextVersion } from '../../foundation/etag.ts';
import { TICKETS_PER_STEP } from '../groups/index.ts';
import type { Agent, AgentRow } from './entity.ts';
import { agentsLeft, type DealtOut, membersRemoved, NOT_DEALT_OUT } from './events.ts';
import { countHeldTickets } from './queries.ts';

/** Why an agent is to hold no tickets any more. Each goes on only while it is still true. */
export type Leaving =
  | { readonly because: 'inactive' | 'unavailable' }
  /** `active` is what he was before, and is again once he is brought back. */
  | { readonly because: 'deleted'; readonly active: boolean };

/** What is left to do of a leave with more tickets than one transaction takes. */
export type UnfinishedLeave = { readonly agentId: string } & Leaving;

/** What is left to do of a removal with more tickets than one transaction takes. */
export interface UnfinishedRemoval {
  readonly groupId: string;
  readonly agentIds: readonly string[];
}

/** Names of the jobs that finish them. */
export const FINISH_LEAVING = 'finish-leaving';
export const FINISH_REMOVING_MEMBERS = 'finish-removing-members';

/**
 * Has an agent's tickets dealt out, the first of them at once and the others by a job. His row says already that he gets no more. Answers what became of
 * the first.
 */
export async function dealOutAll(unit: Unit, leave: UnfinishedLeave): Promise<DealtOut> {
  const fact = { ...NOT_DEALT_OUT, agentIds: [leave.agentId] };
  await unit.announce(agentsLeft, fact);
  if (fact.left > 0) await unit.enqueue(FINISH_LEAVING, leave);
  return fact;
}

/** Has the tickets dealt out that removed members hold of a group, the first of them at once and the others by a job. */
export async function dealOutOfGroup(unit: Unit, removal: UnfinishedRemoval): Promise<void> {
  const fact = { ...removal, left: 0 };
  await unit.announce(membersRemoved, fact);
  if (fact.left > 0) await unit.enqueue(FINISH_REMOVING_MEMBERS, removal);
}

/** One step of a deletion: what the row becomes, and how many tickets he holds before it. */
export interface DeletionStep {
  readonly next: AgentRow;
  readonly held: number;
}

/** Deleted, when one step deals out all that he holds; else inactive, until a later step does. */
export async function planDeletion(unit: Unit, agent: Agent, activeAfterwards: boolean): Promise<DeletionStep> {
  const held = await countHeldTickets(unit.sql, agent.agentId);
  const raised = { ...nextVersion(unit.now, agent) };
  if (held <= TICKETS_PER_STEP) return { held, next: { ...agent, ...raised, active: activeAfterwards, deleteTime: unit.now } };
  return { held, next: agent.active ? { ...agent, ...raised, active: false } : agent };
}

/** Carries the step out; answers how many tickets he still holds, none once he is deleted. */
export async function takeDeletionStep(unit: Unit, agent: Agent, { next, held }: DeletionStep): Promise<number> {
  if (next !== agent) unit.em.assign(agent, next);
  await unit.em.flush();
  if (held === 0) return 0;
  const fact = { ...NOT_DEALT_OUT, agentIds: [agent.agentId] };
  await unit.announce(agentsLeft, fact);
  if (next.deleteTime && fact.left > 0) throw new Error(`the deleted agent ${agent.agentId} holds ${fact.left} pending tickets`);
  return fact.left;
}
