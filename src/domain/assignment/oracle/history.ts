/** What can be wrong with a database, by the invariants of the design. */
export type Invariant = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I9' | 'I10';

/** Takes note of a violation, in words and with the ids that it is about. */
export type Report = (invariant: Invariant, words: string) => void;

/** What made an agent eligible or not, as `eligibility_changes` has it. */
export interface AgentState {
  readonly active: boolean;
  readonly deleted: boolean;
  readonly availability: 'AVAILABLE' | 'AWAY' | 'OFFLINE';
  readonly skills: Readonly<Record<string, number>>;
  /** Absent means 1: changes on record from before agents were weighed do not say it. */
  readonly weight?: number;
  readonly max_open_tickets: number | null;
}

/** A group's rule of assignment, as `eligibility_changes` has it. */
export interface GroupState {
  readonly active: boolean;
  readonly deleted: boolean;
  readonly strategy: 'LEAST_ASSIGNED_TODAY' | 'MANUAL' | 'ROUND_ROBIN' | 'FEWEST_OPEN' | 'ASSIGNED_PER_HOUR_PRESENT' | 'WEIGHTED';
  readonly catch_up_limit: number | null;
  readonly max_open_per_agent: number | null;
  readonly required_skills: Readonly<Record<string, number>>;
  /** Absent means null, never, in records from before skills relaxed. */
  readonly skill_relaxation_seconds?: number | null;
  readonly prefer_previous_agent: boolean;
  readonly policy_version: number;
}

/** The transaction that an event was written by. */
export interface Commit {
  readonly transactionId: string;
  /** Id of its first audit entry. */
  readonly firstEntryId: number;
}

/** A change of who may be given work. */
export type EligibilityChange =
  | { readonly type: 'AGENT'; readonly sequence: number; readonly time: string; readonly agentId: string; readonly state: AgentState }
  | { readonly type: 'GROUP'; readonly sequence: number; readonly groupId: string; readonly state: GroupState }
  | { readonly type: 'MEMBERSHIP'; readonly sequence: number; readonly groupId: string; readonly agentId: string; readonly member: boolean }
  | {
      readonly type: 'HANDICAP';
      readonly sequence: number;
      readonly groupId: string;
      readonly agentId: string;
      readonly businessDay: string;
      readonly handicap: number;
    }
  /** What waits in a group has been given out, as far as it could be, by how long it had waited at an instant. */
  | { readonly type: 'RELAXATION'; readonly sequence: number; readonly groupId: string; readonly effectiveMicros: number }
  | {
      readonly type: 'DAY';
      readonly sequence: number;
      readonly businessDay: string;
      /** When it began, in microseconds since 1970; null in records from before that was said. */
      readonly startMicros: number | null;
      readonly groupIds: readonly string[];
    };

/** A ticket was given to an agent. */
export interface DecisionEvent {
  readonly type: 'DECISION';
  readonly sequence: number;
  readonly ticketId: string;
  readonly groupId: string;
  readonly kind: 'CREATE' | 'WAITING' | 'REOPEN' | 'REASSIGN' | 'MANUAL';
  readonly roundId: number | null;
  readonly position: number | null;
  readonly agentId: string;
  readonly previousAgentId: string | null;
  readonly tieBreak: string;
  readonly businessDay: string;
  readonly time: string;
  /** By the audit log, since when the ticket had waited; null if it had not, or where its group never relaxed skills. */
  readonly waitStart: string | null;
  /** Undefined when the decision names none, or one that is not there. */
  readonly round: RoundRow | undefined;
}

/** A pending ticket left an agent's desk. */
export interface ReleaseEvent {
  readonly type: 'RELEASE';
  readonly sequence: number;
  readonly ticketId: string;
  readonly groupId: string;
  readonly agentId: string;
  readonly resolved: boolean;
  readonly businessDay: string;
}

/** One step of the history, in the order of the one sequence. */
export type HistoryEvent = (EligibilityChange | DecisionEvent | ReleaseEvent) & {
  /** Absent where the database does not tell any more, for instance after it was restored from a dump. */
  readonly commit?: Commit | undefined;
};

/** A round as it is stored; lists of candidates run in parallel. */
export interface RoundRow {
  readonly roundId: number;
  readonly rule: 'POLICY' | 'DEAL';
  readonly dealId: number | null;
  readonly groupId: string;
  readonly policy: StoredPolicy;
  readonly businessDay: string;
  readonly time: string;
  /** Levels taken off each required skill. */
  readonly relaxedLevels: number;
  readonly agentIds: readonly string[];
  readonly assignedToday: readonly number[];
  readonly handicaps: readonly number[];
  readonly lastSequences: readonly number[];
  readonly openTickets: readonly number[];
  /** Null where the strategy does not weigh. */
  readonly weights: readonly number[] | null;
  /** Null where the strategy does not look at time. */
  readonly presentMs: readonly number[] | null;
  /** Null is no limit. */
  readonly rooms: readonly (number | null)[];
  readonly received: readonly number[];
  readonly leftOutAgentIds: readonly string[];
  readonly leftOutReasons: readonly string[];
}

/** The policy as rounds keep it. */
export interface StoredPolicy {
  readonly strategy: string;
  readonly version: number;
  readonly catchUpLimit: number | null;
  readonly maxOpenPerAgent: number | null;
  readonly requiredSkills: Readonly<Record<string, number>>;
  readonly skillRelaxationSeconds?: number | null;
  readonly preferPreviousAgent: boolean;
}
