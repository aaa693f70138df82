import { InvalidField } from '../../foundation/errors.ts';
import type { DecisionKind, TieBreak } from '../assignment/index.ts';
import { DecisionTally } from './decision-tally.ts';
import { SimulationTooLarge } from './errors.ts';
import { MAX_EVENTS, MAX_TICKETS } from './limits.ts';
import { type DescribedAgent, type DescribedGroup, foundingSteps, type Pattern, playPattern } from './pattern.ts';
import { exponential, type Random, seededRandom } from './random.ts';
import { type Outcome, Rehearsal, type RehearsalSetup } from './rehearsal.ts';
import type { Moment, Step, TicketFacts, ToldStep } from './steps.ts';

/** How long work on tickets takes of which nothing else is known. */
export interface Handling {
  readonly meanMs: number;
  readonly distribution: 'CONSTANT' | 'EXPONENTIAL';
  readonly seed: number;
}

/** Everything that is known before the first step. */
export interface Play extends Omit<RehearsalSetup, 'listener' | 'handlingMs'> {
  readonly handling: Handling | undefined;
  readonly groups: readonly DescribedGroup[];
  readonly agents: readonly DescribedAgent[];
  readonly pattern: Pattern | undefined;
  /** How steps are called in the request, so that a fault can be named; undefined where they come from history. */
  readonly stepField: string | undefined;
  /** Whether the steps are history: they tell first how everything stood, then what happened, and what was decided. */
  readonly historic: boolean;
  /** The end; without it, the last step. */
  readonly endTime: Moment | undefined;
}

/** What came of a play. */
export interface PlayResult {
  readonly outcomes: readonly Outcome[];
  readonly tickets: number;
  readonly events: number;
  readonly startTime: Moment;
  readonly endTime: Moment;
  /** Tickets that the unchanged policy gave to others than really happened. */
  readonly mismatched: number | undefined;
}

/** Plays one rehearsal from told steps or a pattern, batch by batch. */
export class Player {
  readonly #play: Play;
  readonly #rehearsal: Rehearsal;
  readonly #tally: DecisionTally | undefined;
  readonly #random: Random;
  #events = 0;
  #now: Moment;

  constructor(play: Play) {
    this.#play = play;
    this.#now = play.startTime;
    this.#random = seededRandom(play.handling?.seed ?? 0);
    this.#tally = play.historic && !play.handling ? new DecisionTally() : undefined;
    const tally = this.#tally;
    const listener =
      tally && ((ticket: number, agent: { agentId: string }, kind: DecisionKind, tieBreak: TieBreak) => tally.replayed(ticket, kind, agent.agentId, tieBreak));
    this.#rehearsal = new Rehearsal({ ...play, handlingMs: play.handling?.meanMs, listener });
    for (const step of foundingSteps(play.startTime, play.groups, play.agents)) this.#rehearsal.take(step);
    if (!play.historic) this.#rehearsal.begin();
  }

  /** Plays steps in their order; throws InvalidField naming the place of a step that does not fit. */
  take(steps: readonly ToldStep[]): void {
    for (const step of steps) {
      const at = ('event' in step ? step.event : undefined) ?? 0;
      if (step.time < this.#now && this.#play.stepField)
        throw this.#fault(at, 'event_time', 'must not be earlier than that of the event before, or than the start');
      this.#now = Math.max(this.#now, step.time);
      this.#take(step, at);
    }
  }

  /** Plays the pattern, if there is one, and sums up. */
  finish(): PlayResult {
    const { pattern, startTime } = this.#play;
    if (pattern) {
      for (const _ of playPattern(pattern, this.#rehearsal)) this.#count();
    }
    const endTime = this.#play.endTime ?? this.#now;
    const outcomes = this.#rehearsal.end(endTime);
    return { outcomes, tickets: this.#rehearsal.book.counted, events: this.#events, startTime, endTime, mismatched: this.#tally?.mismatched };
  }

  #take(step: ToldStep, at: number): void {
    const { book } = this.#rehearsal;
    if (step.type === 'COUNTS') return this.#restore(step);
    if (step.type === 'OPENED') return this.#rehearsal.begin();
    if (!('ticket' in step)) return this.#pass(this.#checked(step, at));
    if (step.type === 'DECIDED') {
      const number = book.find(step.ticket);
      if (number !== undefined) this.#tally?.recorded(number, step.kind, step.agentId, step.tieBreak);
      return;
    }
    const ticket = this.#numberOf(step, at);
    if (step.type !== 'PRESENT') return this.#pass(this.#checked({ ...step, ticket }, at));
    for (const run of this.#rehearsal.runs) run.put(ticket, step);
  }

  #pass(step: Step): void {
    this.#count();
    this.#rehearsal.take(step);
  }

  #count(): void {
    this.#events += 1;
    if (this.#events > MAX_EVENTS) throw new SimulationTooLarge('events', MAX_EVENTS);
    if (this.#rehearsal.book.count > MAX_TICKETS) throw new SimulationTooLarge('tickets', MAX_TICKETS);
  }

  #numberOf(step: ToldStep & { readonly ticket: string }, at: number): number {
    const { book } = this.#rehearsal;
    const known = book.find(step.ticket);
    const facts = 'facts' in step ? step.facts : undefined;
    if (facts) {
      if (known !== undefined) throw this.#fault(at, placeOf(step, 'ticket_id'), `${step.ticket} has come before`);
      return book.enter(facts.createTime, this.#handlingOf(facts), facts.counts, step.ticket);
    }
    if (known === undefined) throw this.#fault(at, placeOf(step, 'ticket_id'), `${step.ticket} has not come yet`);
    return known;
  }

  /** Drawn for every ticket, so that one that is known does not shift the others'. */
  #handlingOf(facts: TicketFacts): number {
    const { handling } = this.#play;
    if (!handling) return Number.NaN;
    const drawn = handling.distribution === 'CONSTANT' ? handling.meanMs : exponential(this.#random, handling.meanMs);
    return facts.handlingMs ?? drawn;
  }

  /** Groups and agents must be there: what a caller misspells must not pass for somebody new. */
  #checked(step: Step, at: number): Step {
    if (!this.#play.stepField) return step;
    const { groups, agents } = this.#rehearsal.runs[0]?.world.roster ?? { groups: new Map(), agents: new Map() };
    if ('groupId' in step && step.groupId !== undefined && !groups.has(step.groupId)) {
      throw this.#fault(at, placeOf(step, 'group_id'), `${step.groupId} is not in the roster`);
    }
    const named = step.type === 'DESKS' ? step.agentIds : 'agentId' in step && step.agentId !== undefined ? [step.agentId] : [];
    for (const agentId of named) if (!agents.has(agentId)) throw this.#fault(at, placeOf(step, 'agent_id'), `${agentId} is not in the roster`);
    return step;
  }

  #restore(step: Extract<ToldStep, { type: 'COUNTS' }>): void {
    for (const { world } of this.#rehearsal.runs) world.restore(step);
  }

  #fault(at: number, field: string, words: string): InvalidField {
    return new InvalidField(`${this.#play.stepField ?? 'history'}[${at}].${field}`, words);
  }
}

const PLACES: Readonly<Record<string, string>> = {
  ARRIVAL: 'arrival',
  END: 'end',
  REOPENING: 'reopening',
  CHANGE: 'change',
  AGENT: 'presence',
  DESKS: 'presence',
};

const placeOf = (step: { readonly type: string }, field: string): string => `${PLACES[step.type] ?? 'event'}.${field}`;
