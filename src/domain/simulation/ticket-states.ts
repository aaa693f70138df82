import { NumberList } from './numbers.ts';
import type { SimulatedAgent, SimulatedGroup, SimulatedRoster } from './roster.ts';
import type { Moment } from './steps.ts';

/** What becomes of a ticket; whoever was named gets it, if he may. */
export interface TicketChange {
  readonly groupId?: string;
  readonly priority?: number;
  readonly agentId?: string;
  /** Its agent gave it back: the policy looks for somebody else. */
  readonly handBack?: true;
}

/** Where a ticket is: in its group's line, on a desk, out of the line for a moment though it waits, or done with. */
export type Whereabouts = 'UNKNOWN' | 'WAITING' | 'SUSPENDED' | 'ON_DESK' | 'ENDED';

const PLACES: readonly Whereabouts[] = ['UNKNOWN', 'WAITING', 'SUSPENDED', 'ON_DESK', 'ENDED'];

/** Where the tickets of one world are and what they are, in some ten bytes a ticket. */
export class TicketStates {
  readonly #roster: SimulatedRoster;
  readonly #where = new NumberList(Uint8Array);
  readonly #holder = new NumberList(Int32Array, -1);
  readonly #group = new NumberList(Int32Array, -1);
  readonly #priority = new NumberList(Uint8Array);
  readonly #waitStart = new NumberList(Float64Array, Number.NaN);

  constructor(roster: SimulatedRoster) {
    this.#roster = roster;
  }

  where(ticket: number): Whereabouts {
    return PLACES[this.#where.get(ticket)] as Whereabouts;
  }

  isPending(ticket: number): boolean {
    const where = this.#where.get(ticket);
    return where >= 1 && where <= 3;
  }

  /** The agent on whose desk it lies. */
  deskOf(ticket: number): SimulatedAgent | undefined {
    return this.where(ticket) === 'ON_DESK' ? this.holderOf(ticket) : undefined;
  }

  /** The agent on whose desk it lies, or lay when it ended. */
  holderOf(ticket: number): SimulatedAgent | undefined {
    return this.#roster.agentsByIndex[this.#holder.get(ticket)];
  }

  groupOf(ticket: number): SimulatedGroup {
    const group = this.#roster.groupsByIndex[this.#group.get(ticket)];
    if (!group) throw new Error(`ticket ${ticket} is in no group`);
    return group;
  }

  priorityOf(ticket: number): number {
    return this.#priority.get(ticket);
  }

  /** Since when it waits; undefined when it does not. */
  waitStartOf(ticket: number): Moment | undefined {
    const waitStart = this.#waitStart.get(ticket);
    return Number.isNaN(waitStart) ? undefined : waitStart;
  }

  /** It waits since then, until it lies on a desk or ends. */
  waitFrom(ticket: number, moment: Moment): void {
    this.#waitStart.set(ticket, moment);
  }

  note(ticket: number, groupId: string, priority: number): void {
    this.#group.set(ticket, this.#roster.group(groupId).index);
    this.#priority.set(ticket, priority);
  }

  /** Moves it; whoever held it last stays known unless somebody else, or nobody, is named. */
  move(ticket: number, to: Whereabouts, holder?: SimulatedAgent | null): void {
    this.#where.set(ticket, PLACES.indexOf(to));
    if (to === 'ON_DESK' || to === 'ENDED') this.#waitStart.set(ticket, Number.NaN);
    if (holder !== undefined) this.#holder.set(ticket, holder?.index ?? -1);
  }
}
