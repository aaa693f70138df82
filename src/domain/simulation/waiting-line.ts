import TinyQueue from 'tinyqueue';
import type { SimulatedGroup } from './roster.ts';
import type { TicketBook } from './ticket-book.ts';

/** A ticket's place in a line. */
export interface Place {
  readonly ticket: number;
  readonly priority: number;
}

/** Order of a line, first in line first: priority (highest first), create time, ticket id. The same as `compareWaiting` gives. */
export const comparePlaces =
  (book: TicketBook) =>
  (a: Place, b: Place): number =>
    b.priority - a.priority || book.createTime(a.ticket) - book.createTime(b.ticket) || book.compareIds(a.ticket, b.ticket);

/** Tickets in waiting order. Joining, leaving and looking at the first take a logarithm of their number. */
export class WaitingLine {
  readonly #heap: TinyQueue<Place>;
  readonly #compare: (a: Place, b: Place) => number;
  /** Places of tickets that left since are stale: only those in here count. */
  readonly #places = new Map<number, Place>();

  constructor(book: TicketBook) {
    this.#compare = comparePlaces(book);
    this.#heap = new TinyQueue<Place>([], this.#compare);
  }

  get size(): number {
    return this.#places.size;
  }

  join(ticket: number, priority: number): void {
    const place = { ticket, priority };
    this.#places.set(ticket, place);
    this.#heap.push(place);
  }

  leave(ticket: number): void {
    this.#places.delete(ticket);
  }

  /** A ticket's place, if it is in line. */
  placeOf(ticket: number): Place | undefined {
    return this.#places.get(ticket);
  }

  /** The first in line, who stays there. */
  first(): Place | undefined {
    for (let place = this.#heap.peek(); place; place = this.#heap.peek()) {
      if (this.#places.get(place.ticket) === place) return place;
      this.#heap.pop();
    }
    return undefined;
  }

  /** All of them, in waiting order. */
  all(): Place[] {
    return [...this.#places.values()].sort(this.#compare);
  }
}

/** Gives out what waits. */
export interface HandOut {
  /** Whether anything is given out in a group at all. */
  isOpen(group: SimulatedGroup): boolean;
  /** Whether only tickets that were stirred one by one are given out. */
  isByTicket(): boolean;
  /** Whether tickets of a group find more agents the longer they wait. */
  relaxes(group: SimulatedGroup): boolean;
  /** How far they have come in that. */
  levelOf(group: SimulatedGroup, ticket: number): number;
  /** Whether somebody took it. */
  take(ticket: number): boolean;
}

/** Candidates of one group for the next ticket that is offered, in waiting order. */
interface Source {
  next(): Place | undefined;
  /** Nobody took what `next` gave. */
  refused(): void;
}

/** The lines of all groups, and what in them somebody may have become able to take. */
export class WaitingLines {
  readonly #book: TicketBook;
  readonly #compare: (a: Place, b: Place) => number;
  readonly #lines = new Map<SimulatedGroup, WaitingLine>();
  readonly #stirred = new Set<SimulatedGroup>();
  readonly #hopeful = new Map<number, SimulatedGroup>();

  constructor(book: TicketBook) {
    this.#book = book;
    this.#compare = comparePlaces(book);
  }

  size(group: SimulatedGroup): number {
    return this.#lines.get(group)?.size ?? 0;
  }

  join(group: SimulatedGroup, ticket: number, priority: number): void {
    let line = this.#lines.get(group);
    if (!line) {
      line = new WaitingLine(this.#book);
      this.#lines.set(group, line);
    }
    line.join(ticket, priority);
  }

  leave(group: SimulatedGroup, ticket: number): void {
    this.#lines.get(group)?.leave(ticket);
  }

  /** Somebody may be able to take what waits in a group. */
  stir(group: SimulatedGroup): void {
    this.#stirred.add(group);
  }

  /** Somebody may be able to take this ticket, while what else waits in its group waits on. */
  stirOne(group: SimulatedGroup, ticket: number): void {
    this.#hopeful.set(ticket, group);
  }

  /** Offers what was stirred, in waiting order over all groups; where nobody takes a ticket, none that has come no further is offered. */
  offer(handOut: HandOut): void {
    if (this.#stirred.size > 0 && !handOut.isByTicket()) {
      const sources = [...this.#stirred].flatMap((group) => {
        const line = this.#lines.get(group);
        if (!line || line.size === 0 || !handOut.isOpen(group)) return [];
        return handOut.relaxes(group) ? relaxingSource(line, (ticket) => handOut.levelOf(group, ticket)) : steadySource(line);
      });
      this.#offerAll(sources, handOut);
    }
    this.#stirred.clear();
    if (this.#hopeful.size === 0) return;
    const places = [...this.#hopeful].flatMap(([ticket, group]) => (handOut.isOpen(group) ? (this.#lines.get(group)?.placeOf(ticket) ?? []) : []));
    this.#hopeful.clear();
    for (const { ticket } of places.sort(this.#compare)) handOut.take(ticket);
  }

  #offerAll(sources: readonly Source[], handOut: HandOut): void {
    for (;;) {
      let best: { source: Source; place: Place } | undefined;
      for (const source of sources) {
        const place = source.next();
        if (place && (!best || this.#compare(place, best.place) < 0)) best = { source, place };
      }
      if (!best) return;
      if (!handOut.take(best.place.ticket)) best.source.refused();
    }
  }
}

/** Who cannot take the first can take none of the others. */
function steadySource(line: WaitingLine): Source {
  let closed = false;
  return {
    next: () => (closed ? undefined : line.first()),
    refused: () => {
      closed = true;
    },
  };
}

/** Who cannot take a ticket may take one that has come further; so all of them are looked at, once. */
function relaxingSource(line: WaitingLine, levelOf: (ticket: number) => number): Source {
  const places = line.all();
  let at = 0;
  let closedTo = -1;
  const level = (): number => levelOf((places[at] as Place).ticket);
  return {
    next: () => {
      while (at < places.length && (line.placeOf((places[at] as Place).ticket) !== places[at] || level() <= closedTo)) at += 1;
      return places[at];
    },
    refused: () => {
      closedTo = level();
    },
  };
}
