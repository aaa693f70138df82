import { defineEvent } from '../../foundation/commands/events.ts';

/** Agents joined groups: they may be given their waiting tickets. All that one change brought about, told at once. */
export interface MembersJoined {
  readonly memberships: readonly { readonly groupId: string; readonly agentId: string }[];
}

/** See `MembersJoined`. Announced when the memberships are there. */
export const membersJoined = defineEvent<MembersJoined>('agents.members_joined');

/**
 * Agents left a group. Whoever answers deals out at most `TICKETS_PER_STEP` of their pending tickets of
 * that group to others, and says in `left` how many they still hold.
 */
export interface MembersRemoved {
  readonly groupId: string;
  readonly agentIds: readonly string[];
  left: number;
}

/** See `MembersRemoved`. Announced when the memberships are gone. */
export const membersRemoved = defineEvent<MembersRemoved>('agents.members_removed');

/** Agents became able to take tickets: available again, activated, or brought back. */
export interface AgentsBecameCandidates {
  readonly agentIds: readonly string[];
}

/** See `AgentsBecameCandidates`. */
export const agentsBecameCandidates = defineEvent<AgentsBecameCandidates>('agents.became_candidates');

/** The most that agents may hold, or their skills, changed: waiting tickets may now find them. */
export interface AgentLimitsChanged {
  readonly agentIds: readonly string[];
}

/** See `AgentLimitsChanged`. */
export const agentLimitsChanged = defineEvent<AgentLimitsChanged>('agents.limits_changed');

/**
 * Agents are to hold no ticket any more: deactivated, deleted, or away with their tickets to be dealt
 * out. Whoever answers deals out at most `TICKETS_PER_STEP` of all their pending tickets, and says what
 * became of them. They can no longer be given any.
 */
export interface AgentsLeft extends DealtOut {
  readonly agentIds: readonly string[];
}

/** What became of tickets that were to be dealt out. */
export interface DealtOut {
  /** Went to others. */
  reassigned: number;
  /** Nobody could take: they wait. */
  waiting: number;
  /** Are still where they were. */
  left: number;
}

/** Before anybody has answered. */
export const NOT_DEALT_OUT: Readonly<DealtOut> = { reassigned: 0, waiting: 0, left: 0 };

/** See `AgentsLeft`. */
export const agentsLeft = defineEvent<AgentsLeft>('agents.left');
