import TinyQueue from 'tinyqueue';
import { factsOf, type Policy, type RosterAgent, type RosterGroup } from './roster.ts';
import { compareStandings, type LeftOutReason, roomOf, type Standing, tieBreakBetween, whyLeftOut } from './rules.ts';
import { type CandidateFacts, STRATEGIES, type StrategyRule, type TieBreak } from './strategies.ts';

/** A candidate as he stood when the round began. */
export interface Candidate extends CandidateFacts {
  readonly agentId: string;
  /** Tickets he could still be given; null for any number. */
  readonly room: number | null;
  readonly received: number;
}

/** A round as it is stored: enough to make every choice of it again. */
export interface RoundRecord {
  readonly rule: 'POLICY' | 'DEAL';
  readonly dealId: number | null;
  readonly groupId: string;
  readonly policy: Policy;
  readonly businessDay: string;
  /** Levels taken off each required skill, since its tickets had waited. */
  readonly relaxedLevels: number;
  readonly candidates: readonly Candidate[];
  readonly leftOut: readonly { readonly agentId: string; readonly reason: LeftOutReason }[];
}

/** An equal deal under way: how many tickets each agent has received, who gives, and who may receive. */
export interface Deal {
  readonly dealId: number;
  readonly received: Map<string, number>;
  readonly givers: ReadonlySet<string>;
  /** Undefined: everybody eligible. */
  readonly receivers: ReadonlySet<string> | undefined;
}

/** How one ticket of a round was placed. */
export interface Choice {
  readonly agent: RosterAgent;
  readonly tieBreak: TieBreak;
}

interface Entry extends Standing {
  readonly agent: RosterAgent;
}

/**
 * A run of placements in one group between which nothing but its own wins touched its candidates.
 * Serves n tickets over m agents in n·log m steps; the choice is at each position the least of
 * `compareStandings` (held equal to a plain search by a property test).
 */
export class Round {
  /** Its number, taken when the first ticket is placed: a round that places none is not stored. */
  roundId = 0;
  position = 0;
  readonly dealId: number | null;
  /** Levels taken off each required skill. */
  readonly relaxedLevels: number;
  readonly nowMicros: number;
  readonly #group: RosterGroup;
  readonly #strategy: StrategyRule;
  readonly #deal: Deal | undefined;
  readonly #heap: TinyQueue<Entry>;
  /** Entries of agents who won since are stale: only the newest of each agent counts. */
  readonly #newest = new Map<string, Entry>();
  #record: RoundRecord | undefined;

  /** Begins a round at an instant, in microseconds since 1970, for tickets that have come to this level of relaxation. */
  constructor(group: RosterGroup, nowMicros: number, relaxed: number, deal?: Deal) {
    this.#group = group;
    this.#strategy = STRATEGIES[group.policy.strategy];
    this.nowMicros = nowMicros;
    this.relaxedLevels = relaxed;
    this.dealId = deal?.dealId ?? null;
    this.#deal = deal;
    const entries = group.members.filter((agent) => !this.#whyLeftOut(agent)).map((agent) => this.#entry(agent));
    for (const entry of entries) this.#newest.set(entry.agentId, entry);
    this.#heap = new TinyQueue(entries, compareStandings);
  }

  /** How it began. */
  get record(): RoundRecord {
    if (!this.#record) throw new Error('the round has not begun');
    return this.#record;
  }

  /** Sets down how it begins, before its first ticket is placed: until then it may change. */
  begin(): void {
    const group = this.#group;
    const leftOut: { agentId: string; reason: LeftOutReason }[] = [];
    const candidates: Candidate[] = [];
    for (const agent of group.members) {
      const reason = this.#whyLeftOut(agent);
      if (reason) leftOut.push({ agentId: agent.agentId, reason });
      else candidates.push(this.#candidate(agent));
    }
    this.#record = {
      rule: this.#deal ? 'DEAL' : 'POLICY',
      dealId: this.dealId,
      groupId: group.groupId,
      policy: group.policy,
      businessDay: group.businessDay,
      relaxedLevels: this.relaxedLevels,
      candidates,
      leftOut,
    };
  }

  /** The agent for the next ticket: the preferred one if he is a candidate, else the best but the excluded; undefined if there is none. */
  choose(preferred: string | undefined, excluded: string | undefined): Choice | undefined {
    const wanted = preferred === undefined ? undefined : this.#newest.get(preferred);
    if (wanted) return { agent: wanted.agent, tieBreak: 'PREVIOUS_AGENT' };
    const passed: Entry[] = [];
    const best = this.#next(passed, excluded);
    const runnerUp = best && this.#next(passed, excluded);
    if (best) passed.push(best);
    if (runnerUp) passed.push(runnerUp);
    for (const entry of passed) this.#heap.push(entry);
    return best && { agent: best.agent, tieBreak: tieBreakBetween(this.#strategy, best, runnerUp) };
  }

  /** Takes note that the chosen agent got the ticket and his counters moved. */
  won(agent: RosterAgent): void {
    this.position += 1;
    if (roomOf(agent, this.#group) <= 0) {
      this.#newest.delete(agent.agentId);
      return;
    }
    const entry = this.#entry(agent);
    this.#newest.set(agent.agentId, entry);
    this.#heap.push(entry);
  }

  /** Takes note that a member's counters, room or state moved otherwise. */
  refresh(agent: RosterAgent): void {
    if (agent.deleted || this.#whyLeftOut(agent)) {
      this.#newest.delete(agent.agentId);
      return;
    }
    const entry = this.#entry(agent);
    this.#newest.set(agent.agentId, entry);
    this.#heap.push(entry);
  }

  #whyLeftOut(agent: RosterAgent): LeftOutReason | undefined {
    const deal = this.#deal;
    const outside = deal && (deal.givers.has(agent.agentId) || (deal.receivers && !deal.receivers.has(agent.agentId)));
    return outside ? 'EXCLUDED' : whyLeftOut(agent, this.#group, this.relaxedLevels);
  }

  #next(passed: Entry[], excluded: string | undefined): Entry | undefined {
    for (let entry = this.#heap.pop(); entry; entry = this.#heap.pop()) {
      if (this.#newest.get(entry.agentId) !== entry) continue;
      if (entry.agentId !== excluded) return entry;
      passed.push(entry);
    }
    return undefined;
  }

  #candidate(agent: RosterAgent): Candidate {
    const room = roomOf(agent, this.#group);
    return {
      agentId: agent.agentId,
      ...factsOf(agent, this.#group, this.nowMicros),
      room: room === Infinity ? null : room,
      received: this.#deal?.received.get(agent.agentId) ?? 0,
    };
  }

  #entry(agent: RosterAgent): Entry {
    const { key, divisor } = this.#strategy.rank(factsOf(agent, this.#group, this.nowMicros));
    const received = this.#deal?.received.get(agent.agentId) ?? 0;
    return { agent, agentId: agent.agentId, received, key, divisor, lastSequence: agent.lastAssignedSequence };
  }
}
