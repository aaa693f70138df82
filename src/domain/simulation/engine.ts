import { instantOf } from '../../foundation/clock.ts';
import { Assignments, type Deal, type DecisionKind, nextRelaxationMicros, type OpenRounds, relaxes, STRATEGIES, type TieBreak } from '../assignment/index.ts';
import type { SimulatedAgent, SimulatedGroup, SimulatedRoster } from './roster.ts';
import type { Moment } from './steps.ts';

/** A decision that the engine made. */
export interface Decided {
  readonly agent: SimulatedAgent;
  readonly kind: DecisionKind;
  readonly tieBreak: TieBreak;
}

/** A ticket for which an agent is sought. */
export interface Sought {
  readonly group: SimulatedGroup;
  /** Since when it waits; undefined for one that does not. */
  readonly waitStart: Moment | undefined;
  readonly previousAgentId: string | null;
}

/**
 * The engine of the service over a roster in memory: the same choices, by the same code; what it gathers in order to
 * store it is thrown away.
 */
export class Engine {
  readonly #roster: SimulatedRoster;
  readonly #numbers: { next(): number; readonly upcoming: number };
  #rounds: OpenRounds & { clear(): void } = new Map();
  /** The moment of what is decided next. */
  now: Moment = 0;
  #assignments: Assignments;
  #begun: Moment = 0;

  /** Decisions are numbered from above `lastNumber` on. */
  constructor(roster: SimulatedRoster, lastNumber: number) {
    let number = lastNumber;
    this.#roster = roster;
    this.#numbers = {
      next: () => ++number,
      get upcoming() {
        return number + 1;
      },
    };
    this.#assignments = this.#makeAssignments();
  }

  /** A number of the sequence, for what else has to be told apart. */
  nextNumber(): number {
    return this.#numbers.next();
  }

  /** Whom the policy picks; undefined when nobody can take it. */
  place(sought: Sought, kind: Exclude<DecisionKind, 'MANUAL'>): Decided | undefined {
    this.#keepTime(sought.group);
    this.#assignments.place({ ...seekerOf(sought, this.now), kind });
    return this.#decided();
  }

  /** Who received the fewest in a deal; undefined when nobody can take it. */
  deal(sought: Sought, deal: Deal): Decided | undefined {
    this.#keepTime(sought.group);
    this.#assignments.deal({ ...seekerOf(sought, this.now), kind: 'REASSIGN' }, deal);
    return this.#decided();
  }

  /** Somebody gives it to an agent by hand. */
  give(group: SimulatedGroup, agent: SimulatedAgent): Decided {
    this.#assignments.give({ ticketId: '', groupId: group.groupId, previousAgentId: null, requestKey: '' }, agent);
    return this.#decided() as Decided;
  }

  /** A pending ticket leaves an agent's desk. */
  release(group: SimulatedGroup, agent: SimulatedAgent, resolved: boolean): void {
    this.#assignments.release({ ticketId: '', groupId: group.groupId, requestKey: '' }, agent, resolved);
    this.#assignments.releases.length = 0;
  }

  /** How far the requirements of a group are relaxed for a ticket that has waited so long. */
  relaxedLevels(group: SimulatedGroup, waitStart: Moment | undefined): number {
    this.#keepTime(group);
    return this.#assignments.relaxedLevels(seekerOf({ group, waitStart, previousAgentId: null }, this.now));
  }

  /** When a ticket that waits is relaxed further; undefined when it is not any more. */
  nextRelaxation(group: SimulatedGroup, waitStart: Moment | undefined): Moment | undefined {
    if (!relaxes(group.policy) || waitStart === undefined) return undefined;
    const next = nextRelaxationMicros(group, toInstant(waitStart), toMicros(this.now));
    return next === undefined ? undefined : next / 1000;
  }

  /** The roster changed otherwise than by decisions and releases: rounds that are under way tell the truth no more. */
  beginAnew(): void {
    this.#rounds.clear();
    this.#assignments = this.#makeAssignments();
  }

  #makeAssignments(): Assignments {
    this.#begun = this.now;
    return new Assignments(this.#roster, toInstant(this.now), this.#numbers, this.#rounds);
  }

  #decided(): Decided | undefined {
    const { decisions, touched } = this.#assignments;
    const decision = decisions.pop();
    touched.clear();
    return decision && { agent: this.#roster.agent(decision.agentId), kind: decision.kind, tieBreak: decision.tieBreak };
  }

  /** Where a choice depends on the time, it must be the time that it is. */
  #keepTime({ policy }: SimulatedGroup): void {
    if (this.#begun === this.now || !(STRATEGIES[policy.strategy].dependsOnTime || relaxes(policy))) return;
    this.#assignments = this.#makeAssignments();
  }
}

/** A ticket that began to wait at this very moment has not waited. */
function seekerOf({ group, waitStart, previousAgentId }: Sought, now: Moment) {
  const waited = waitStart !== undefined && waitStart !== now && relaxes(group.policy);
  return { ticketId: '', groupId: group.groupId, waitStart: waited ? toInstant(waitStart) : null, previousAgentId, requestKey: '' };
}

const toMicros = (moment: Moment): number => Math.round(moment * 1000);

const toInstant = (moment: Moment): string => instantOf(toMicros(moment));
