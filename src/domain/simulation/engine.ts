import { Assignments, type Deal, type DecisionKind, STRATEGIES, type TieBreak } from '../assignment/index.ts';
import type { SimulatedAgent, SimulatedGroup, SimulatedRoster } from './roster.ts';
import type { Moment } from './steps.ts';

/** A decision that the engine made. */
export interface Decided {
  readonly agent: SimulatedAgent;
  readonly kind: DecisionKind;
  readonly tieBreak: TieBreak;
}

/**
 * The engine of the service over a roster in memory: the same choices, by the same code; what it gathers in order to
 * store it is thrown away.
 */
export class Engine {
  readonly #roster: SimulatedRoster;
  readonly #numbers: { next(): number };
  /** The moment of what is decided next. */
  now: Moment = 0;
  #assignments: Assignments;
  #begun: Moment = 0;

  /** Decisions are numbered from above `lastNumber` on. */
  constructor(roster: SimulatedRoster, lastNumber: number) {
    let number = lastNumber;
    this.#roster = roster;
    this.#numbers = { next: () => ++number };
    this.#assignments = new Assignments(roster, toInstant(this.now), this.#numbers);
  }

  /** A number of the sequence, for what else has to be told apart. */
  nextNumber(): number {
    return this.#numbers.next();
  }

  /** Whom the policy picks; undefined when nobody can take it. */
  place(group: SimulatedGroup, kind: Exclude<DecisionKind, 'MANUAL'>, previousAgentId: string | null): Decided | undefined {
    this.#keepTime(group);
    this.#assignments.place({ ticketId: '', groupId: group.groupId, kind, previousAgentId, requestKey: '' });
    return this.#decided();
  }

  /** Who received the fewest in a deal; undefined when nobody can take it. */
  deal(group: SimulatedGroup, deal: Deal, previousAgentId: string | null): Decided | undefined {
    this.#keepTime(group);
    this.#assignments.deal({ ticketId: '', groupId: group.groupId, kind: 'REASSIGN', previousAgentId, requestKey: '' }, deal);
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

  /** The roster changed otherwise than by decisions and releases: rounds that are under way tell the truth no more. */
  beginAnew(): void {
    this.#assignments = new Assignments(this.#roster, toInstant(this.now), this.#numbers);
    this.#begun = this.now;
  }

  #decided(): Decided | undefined {
    const { decisions, rounds, touched } = this.#assignments;
    const decision = decisions.pop();
    rounds.length = 0;
    touched.clear();
    return decision && { agent: this.#roster.agent(decision.agentId), kind: decision.kind, tieBreak: decision.tieBreak };
  }

  /** Where ranks move with the clock, a round of another moment cannot go on. */
  #keepTime(group: SimulatedGroup): void {
    if (this.#begun !== this.now && STRATEGIES[group.policy.strategy].dependsOnTime) this.beginAnew();
  }
}

/** As the engine is told the time. */
function toInstant(moment: Moment): string {
  const micros = Math.round(moment * 1000);
  const whole = new Date(Math.floor(micros / 1000)).toISOString().slice(0, 23).replace('T', ' ');
  return `${whole}${String(((micros % 1000) + 1000) % 1000).padStart(3, '0')}+00`;
}
