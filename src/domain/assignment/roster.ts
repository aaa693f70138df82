import type { Day, Instant } from '../../foundation/clock.ts';
import type { Strategy } from '../groups/index.ts';
import { type Presence, presentMsAt } from './presence.ts';
import { type CandidateFacts, STRATEGIES } from './strategies.ts';

/** An agent as the engine sees him; counters move while a plan is made. */
export interface RosterAgent {
  readonly agentId: string;
  readonly active: boolean;
  /** A deleted agent is nobody's member any more, but may still have to hand in tickets. */
  readonly deleted: boolean;
  readonly availability: 'AVAILABLE' | 'AWAY' | 'OFFLINE';
  readonly skills: Readonly<Record<string, number>>;
  readonly weight: number;
  readonly maxOpenTickets: number | null;
  /** Known where a group of his ranks by time present. */
  presence: Presence | undefined;
  /** Groups of the loaded pools that he is a member of. */
  readonly groups: RosterGroup[];
  /** Counted on the pool's business day; yesterday's counts are loaded as zero. */
  assignedToday: number;
  resolvedToday: number;
  totalAssigned: number;
  totalResolved: number;
  openTickets: number;
  /** Number of the last decision he won, 0 for none. */
  lastAssignedSequence: number;
  lastAssignTime: Instant | null;
  readonly businessDay: Day;
}

/** A group as the engine sees it. */
export interface RosterGroup {
  readonly groupId: string;
  readonly key: string;
  readonly poolId: string;
  readonly businessDay: Day;
  readonly active: boolean;
  readonly deleted: boolean;
  readonly policy: Policy;
  /** Undeleted members, ordered by id. */
  readonly members: RosterAgent[];
  /** Today's handicaps by agent id; absent means 0. */
  readonly handicaps: Map<string, number>;
  /** Up to when the waiting of its tickets has been put into effect, in microseconds since 1970; minus infinity: never. */
  readonly relaxedMicros: number;
  lastTicketNumber: number;
}

/** The rule by which a group gives out work. */
export interface Policy {
  readonly strategy: Strategy;
  readonly version: number;
  readonly catchUpLimit: number | null;
  readonly maxOpenPerAgent: number | null;
  readonly requiredSkills: Readonly<Record<string, number>>;
  /** For each full span that a ticket has waited, one level is taken off each; null: never. */
  readonly skillRelaxationSeconds: number | null;
  readonly preferPreviousAgent: boolean;
}

/** All groups of some pools with their members. */
export interface Roster {
  readonly groups: ReadonlyMap<string, RosterGroup>;
  readonly agents: ReadonlyMap<string, RosterAgent>;
}

/** What strategies look at in a member, at an instant in microseconds since 1970. */
export function factsOf(agent: RosterAgent, group: RosterGroup, nowMicros: number): CandidateFacts {
  const rule = STRATEGIES[group.policy.strategy];
  return {
    assignedToday: agent.assignedToday,
    handicap: group.handicaps.get(agent.agentId) ?? 0,
    lastSequence: agent.lastAssignedSequence,
    openTickets: agent.openTickets,
    weight: rule.weighs ? agent.weight : 1,
    presentMs: rule.dependsOnTime ? presentMsAt(agent.presence, nowMicros) : 0,
  };
}
