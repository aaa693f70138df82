import { type Commit, type Invariant, Replay, type WaitingChange } from '../../../src/domain/assignment/index.ts';
import type { AgentState, DecisionEvent, GroupState, HistoryEvent, RoundRow } from '../../../src/domain/assignment/oracle/history.ts';
import { microsOf } from '../../../src/foundation/clock.ts';

/** What the replay of a history found wrong. */
export interface Found {
  readonly invariant: Invariant;
  readonly words: string;
}

/** A candidate of a hand-made round: assigned today, last sequence, open tickets; the rest as given. */
export interface CandidateSpec {
  readonly assigned?: number;
  readonly last?: number;
  readonly open?: number;
  readonly handicap?: number;
  readonly room?: number | null;
  readonly received?: number;
  readonly weight?: number;
  readonly presentMs?: number;
}

/** A hand-made round; what is not given is as a plain group has it. */
export interface RoundSpec {
  readonly candidates: Readonly<Record<string, CandidateSpec>>;
  readonly leftOut?: Readonly<Record<string, string>>;
  readonly dealId?: number;
  readonly groupId?: string;
  readonly day?: string;
  readonly relaxed?: number;
  readonly state?: Partial<GroupState>;
}

const AGENT: AgentState = { active: true, deleted: false, availability: 'AVAILABLE', skills: {}, weight: 1, max_open_tickets: null };
const GROUP: GroupState = {
  active: true,
  deleted: false,
  strategy: 'LEAST_ASSIGNED_TODAY',
  catch_up_limit: null,
  max_open_per_agent: null,
  required_skills: {},
  prefer_previous_agent: true,
  policy_version: 1,
};

/** Writes a history by hand, one numbered event after another. */
export class Story {
  readonly events: HistoryEvent[] = [];
  day = '2026-03-02';
  /** When what follows happens. */
  now = '2026-03-02 09:00:00+00';
  #sequence = 0;
  #commit: Commit | undefined;
  readonly #waiting: WaitingChange[] = [];
  #round: RoundRow | undefined;
  #position = 0;

  get last(): number {
    return this.#sequence;
  }

  /** What follows is written by one transaction, whose first audit entry has this number. */
  transaction(firstEntryId: number): this {
    this.#commit = { transactionId: `transaction-${firstEntryId}`, firstEntryId };
    return this;
  }

  /** An audit entry says that a ticket left one line, or joined one. */
  line(entryId: number, ticketId: string, from: string | undefined, to: string | undefined, since: string | null = null): this {
    this.#waiting.push({ entryId, ticketId, from, to, since: since === null ? null : microsOf(since) });
    return this;
  }

  agent(agentId: string, state: Partial<AgentState> = {}): this {
    return this.#add({ type: 'AGENT', sequence: this.#next(), time: this.now, agentId, state: { ...AGENT, ...state } });
  }

  group(groupId: string, state: Partial<GroupState> = {}): this {
    return this.#add({ type: 'GROUP', sequence: this.#next(), groupId, state: { ...GROUP, ...state } });
  }

  /** The waiting of a group's tickets is put into effect. */
  relaxation(groupId: string): this {
    return this.#add({ type: 'RELAXATION', sequence: this.#next(), groupId, effectiveMicros: microsOf(this.now) });
  }

  join(groupId: string, ...agentIds: string[]): this {
    for (const agentId of agentIds) this.#add({ type: 'MEMBERSHIP', sequence: this.#next(), groupId, agentId, member: true });
    return this;
  }

  leave(groupId: string, agentId: string): this {
    return this.#add({ type: 'MEMBERSHIP', sequence: this.#next(), groupId, agentId, member: false });
  }

  handicap(groupId: string, agentId: string, handicap: number, businessDay = this.day): this {
    return this.#add({ type: 'HANDICAP', sequence: this.#next(), groupId, agentId, businessDay, handicap });
  }

  turn(businessDay: string, ...groupIds: string[]): this {
    this.day = businessDay;
    return this.#add({ type: 'DAY', sequence: this.#next(), businessDay, startMicros: Date.parse(`${businessDay}T00:00:00Z`) * 1000, groupIds });
  }

  /** Opens a round for the decisions that follow. */
  round(spec: RoundSpec): this {
    const candidates = Object.entries(spec.candidates);
    const leftOut = Object.entries(spec.leftOut ?? {});
    const state = { ...GROUP, ...spec.state };
    const of = <K extends keyof CandidateSpec>(key: K): number[] => candidates.map(([, candidate]) => (candidate[key] as number | undefined) ?? 0);
    this.#position = 0;
    this.#round = {
      roundId: this.#next(),
      rule: spec.dealId === undefined ? 'POLICY' : 'DEAL',
      dealId: spec.dealId ?? null,
      groupId: spec.groupId ?? 'G',
      policy: {
        strategy: state.strategy,
        version: state.policy_version,
        catchUpLimit: state.catch_up_limit,
        maxOpenPerAgent: state.max_open_per_agent,
        requiredSkills: state.required_skills,
        skillRelaxationSeconds: state.skill_relaxation_seconds ?? null,
        preferPreviousAgent: state.prefer_previous_agent,
      },
      businessDay: spec.day ?? this.day,
      time: this.now,
      relaxedLevels: spec.relaxed ?? 0,
      agentIds: candidates.map(([agentId]) => agentId),
      assignedToday: of('assigned'),
      handicaps: of('handicap'),
      lastSequences: of('last'),
      openTickets: of('open'),
      weights: state.strategy === 'WEIGHTED' ? candidates.map(([, candidate]) => candidate.weight ?? 1) : null,
      presentMs: state.strategy === 'ASSIGNED_PER_HOUR_PRESENT' ? of('presentMs') : null,
      rooms: candidates.map(([, candidate]) => candidate.room ?? null),
      received: of('received'),
      leftOutAgentIds: leftOut.map(([agentId]) => agentId),
      leftOutReasons: leftOut.map(([, reason]) => reason),
    };
    return this;
  }

  /** The next ticket of the open round goes to an agent. */
  to(agentId: string, tieBreak: string, more: Partial<DecisionEvent> = {}): this {
    const round = this.#round;
    return this.#decide({
      agentId,
      tieBreak,
      groupId: round?.groupId ?? 'G',
      roundId: round?.roundId ?? null,
      position: this.#position++,
      round,
      kind: 'CREATE',
      ...more,
    });
  }

  /** A person gives a ticket to an agent. */
  byHand(agentId: string, more: Partial<DecisionEvent> = {}): this {
    return this.#decide({ agentId, tieBreak: 'NONE', groupId: 'G', roundId: null, position: null, round: undefined, kind: 'MANUAL', ...more });
  }

  release(agentId: string, resolved = true, businessDay = this.day): this {
    const sequence = this.#next();
    return this.#add({ type: 'RELEASE', sequence, ticketId: `released-${sequence}`, groupId: 'G', agentId, resolved, businessDay });
  }

  /** Plays it and answers the replay and what it found. */
  play(): { readonly replay: Replay; readonly found: Found[] } {
    const found: Found[] = [];
    const replay = new Replay((invariant, words) => found.push({ invariant, words }));
    const waiting = [...this.#waiting];
    for (const event of this.events) {
      while (waiting[0] && event.commit && waiting[0].entryId < event.commit.firstEntryId) replay.waiting.hear(waiting.shift() as WaitingChange);
      replay.feed(event);
    }
    for (const change of waiting) replay.waiting.hear(change);
    replay.end();
    return { replay, found };
  }

  #decide(decision: Pick<DecisionEvent, 'agentId' | 'tieBreak' | 'groupId' | 'roundId' | 'position' | 'round' | 'kind'> & Partial<DecisionEvent>): this {
    const sequence = this.#next();
    return this.#add({
      type: 'DECISION',
      sequence,
      ticketId: `ticket-${sequence}`,
      previousAgentId: null,
      businessDay: this.day,
      time: this.now,
      waitStart: null,
      ...decision,
    });
  }

  #next(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  #add(event: HistoryEvent): this {
    this.events.push({ ...event, commit: this.#commit });
    return this;
  }
}

/** A plain group G with available agents on its first day. */
export function plainGroup(...agentIds: string[]): Story {
  const story = new Story().group('G');
  for (const agentId of agentIds) story.agent(agentId).join('G', agentId);
  return story.turn('2026-03-02', 'G');
}
