import { type Instant, microsOf } from '../../foundation/clock.ts';
import { type OpenRounds, openRounds } from './open-rounds.ts';
import { relaxedLevels } from './relaxation.ts';
import type { Roster, RosterAgent, RosterGroup } from './roster.ts';
import { type Deal, Round, type RoundRecord } from './round.ts';
import { isAutomatic, roomOf } from './rules.ts';
import { STRATEGIES, type TieBreak } from './strategies.ts';

/** Why a ticket was given to an agent. */
export type DecisionKind = 'CREATE' | 'WAITING' | 'REOPEN' | 'REASSIGN' | 'MANUAL';

/** A ticket looking for an agent. */
export interface Seeker {
  readonly ticketId: string;
  readonly groupId: string;
  readonly kind: Exclude<DecisionKind, 'MANUAL'>;
  /** Since when it waits; null for one that does not, or began to in this very step. */
  readonly waitStart: Instant | null;
  /** The agent it had last: preferred for a reopened ticket, left out when it is dealt out again. */
  readonly previousAgentId: string | null;
  readonly requestKey: string;
}

/** One decision as it is stored. */
export interface Decision {
  readonly sequence: number;
  readonly ticketId: string;
  readonly groupId: string;
  readonly kind: DecisionKind;
  readonly roundId: number | null;
  readonly position: number | null;
  readonly agentId: string;
  readonly previousAgentId: string | null;
  readonly tieBreak: TieBreak;
  readonly businessDay: string;
  readonly requestKey: string;
}

/** A pending ticket that left an agent's desk, as it is stored. */
export interface Release {
  readonly sequence: number;
  readonly ticketId: string;
  readonly groupId: string;
  readonly agentId: string;
  readonly resolved: boolean;
  readonly businessDay: string;
  readonly requestKey: string;
}

/** Hands out numbers taken under the pool lock, ascending. */
export interface Numbers {
  next(): number;
  /** The one that is handed out next. */
  readonly upcoming: number;
}

/**
 * A round goes on over many batches, as long as nothing else touches its candidates. After so many numbers of the
 * sequence a new one begins, so that replaying a decision never reads far.
 */
const ROUND_SPAN = 16_384;

/**
 * The assignments of one plan: choices are made in memory, one after another, against a roster whose
 * counters move along; `writeAssignments` stores what came of it.
 */
export class Assignments {
  readonly roster: Roster;
  readonly rounds: Round[] = [];
  readonly decisions: Decision[] = [];
  readonly releases: Release[] = [];
  readonly touched = new Set<RosterAgent>();
  readonly #now: Instant;
  readonly #nowMicros: number;
  readonly #numbers: Numbers;
  readonly #deals = new Map<string, Round>();
  readonly #openRounds: OpenRounds;
  readonly #stored: boolean;

  /**
   * With `rehearsed` nothing will be stored: rounds are kept there and follow whatever touches their candidates, since
   * nobody has to make their choices again from how they began.
   */
  constructor(roster: Roster, now: Instant, numbers: Numbers, rehearsed?: OpenRounds) {
    this.#openRounds = rehearsed ?? openRounds;
    this.#stored = rehearsed === undefined;
    this.roster = roster;
    this.#now = now;
    this.#nowMicros = microsOf(now);
    this.#numbers = numbers;
  }

  /** A number of the sequence, for what else a plan has to tell apart. */
  nextNumber(): number {
    return this.#numbers.next();
  }

  /** Levels taken off each skill that its group requires, for a ticket that has waited as long as this one. */
  relaxedLevels({ groupId, waitStart }: Pick<Seeker, 'groupId' | 'waitStart'>): number {
    return relaxedLevels(this.#group(groupId), waitStart, this.#nowMicros);
  }

  /** Gives a ticket to the agent that the group's policy picks; undefined when nobody can take it or the group assigns by hand. */
  place(seeker: Seeker): RosterAgent | undefined {
    const group = this.#group(seeker.groupId);
    const returns = seeker.kind === 'REOPEN' && group.policy.preferPreviousAgent;
    if (!isAutomatic(group) && !returns) return undefined;
    const round = this.#openRound(group, this.relaxedLevels(seeker));
    const preferred = returns ? (seeker.previousAgentId ?? undefined) : undefined;
    // By hand, only the return to the agent who had it is automatic.
    if (!isAutomatic(group) && (!group.active || group.deleted || round.choose(preferred, undefined)?.tieBreak !== 'PREVIOUS_AGENT')) return undefined;
    const excluded = seeker.kind === 'REASSIGN' ? (seeker.previousAgentId ?? undefined) : undefined;
    return this.#settle(round, seeker, round.choose(preferred, excluded));
  }

  /** Gives a ticket to the agent who received the fewest in this deal; undefined when nobody can take it. */
  deal(seeker: Seeker, deal: Deal): RosterAgent | undefined {
    const group = this.#group(seeker.groupId);
    const round = this.#openDeal(group, this.relaxedLevels(seeker), deal);
    return this.#settle(round, seeker, round.choose(undefined, seeker.previousAgentId ?? undefined), deal);
  }

  /** Gives a ticket to the agent whom a person named; the engine's limits do not bind a person. */
  give(seeker: Omit<Seeker, 'kind' | 'waitStart'>, agent: RosterAgent): void {
    this.#record({ ...seeker, kind: 'MANUAL', roundId: null, position: null, agentId: agent.agentId, tieBreak: 'NONE', businessDay: agent.businessDay }, agent);
    this.#touch(agent, undefined);
  }

  /** Takes a pending ticket off its agent's desk; `resolved` credits him with it. */
  release(ticket: { readonly ticketId: string; readonly groupId: string; readonly requestKey: string }, agent: RosterAgent, resolved: boolean): void {
    this.releases.push({ ...ticket, sequence: this.#numbers.next(), agentId: agent.agentId, resolved, businessDay: agent.businessDay });
    agent.openTickets -= 1;
    if (resolved) {
      agent.resolvedToday += 1;
      agent.totalResolved += 1;
    }
    this.touched.add(agent);
    // Only a limit or the strategy makes open tickets matter to a choice.
    for (const group of agent.groups) {
      const matters = roomOf(agent, group) !== Infinity || STRATEGIES[group.policy.strategy].countsOpenTickets;
      if (matters) this.#disturb(group, agent);
    }
  }

  #group(groupId: string): RosterGroup {
    const group = this.roster.groups.get(groupId);
    if (!group) throw new Error(`group ${groupId} is not in a pool that this unit holds`);
    return group;
  }

  #openRound(group: RosterGroup, relaxed: number): Round {
    const open = this.#openRounds.get(group);
    if (open && open.relaxedLevels === relaxed && this.#goesOn(open, group)) return open;
    this.#deals.delete(group.groupId);
    const round = new Round(group, this.#nowMicros, relaxed);
    this.#openRounds.set(group, round);
    return round;
  }

  #goesOn(round: Round, group: RosterGroup): boolean {
    if (STRATEGIES[group.policy.strategy].dependsOnTime && round.nowMicros !== this.#nowMicros) return false;
    return round.position === 0 || this.#numbers.upcoming - round.roundId < ROUND_SPAN;
  }

  #openDeal(group: RosterGroup, relaxed: number, deal: Deal): Round {
    const open = this.#deals.get(group.groupId);
    if (open && open.dealId === deal.dealId && open.relaxedLevels === relaxed) return open;
    this.#openRounds.delete(group);
    const round = new Round(group, this.#nowMicros, relaxed, deal);
    this.#deals.set(group.groupId, round);
    return round;
  }

  #settle(round: Round, seeker: Seeker, choice: ReturnType<Round['choose']>, deal?: Deal): RosterAgent | undefined {
    if (!choice) return undefined;
    const { agent, tieBreak } = choice;
    if (round.position === 0) {
      round.roundId = this.#numbers.next();
      if (this.#stored) {
        round.begin();
        this.rounds.push(round);
      }
    }
    this.#record({ ...seeker, roundId: round.roundId, position: round.position, agentId: agent.agentId, tieBreak, businessDay: agent.businessDay }, agent);
    deal?.received.set(agent.agentId, (deal.received.get(agent.agentId) ?? 0) + 1);
    round.won(agent);
    this.#touch(agent, seeker.groupId);
    return agent;
  }

  #record(decision: Omit<Decision, 'sequence'>, agent: RosterAgent): void {
    const { ticketId, groupId, kind, roundId, position, agentId, previousAgentId, tieBreak, businessDay, requestKey } = decision;
    const sequence = this.#numbers.next();
    this.decisions.push({ sequence, ticketId, groupId, kind, roundId, position, agentId, previousAgentId, tieBreak, businessDay, requestKey });
    agent.assignedToday += 1;
    agent.totalAssigned += 1;
    agent.openTickets += 1;
    agent.lastAssignedSequence = sequence;
    agent.lastAssignTime = this.#now;
    this.touched.add(agent);
  }

  /** An agent's standing changed: open rounds of his other groups no longer tell the truth. */
  #touch(agent: RosterAgent, except: string | undefined): void {
    for (const group of agent.groups) {
      if (group.groupId === except) continue;
      this.#disturb(group, agent);
    }
  }

  /** A candidate changed otherwise than by winning: a round that is stored ends, since how it began explains its choices no more. */
  #disturb(group: RosterGroup, agent: RosterAgent): void {
    if (this.#stored) {
      this.#openRounds.delete(group);
      this.#deals.delete(group.groupId);
    } else {
      this.#openRounds.get(group)?.refresh(agent);
      this.#deals.get(group.groupId)?.refresh(agent);
    }
  }
}

export type { Deal, RoundRecord };
