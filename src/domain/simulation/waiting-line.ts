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
  /** Places of tickets that left since are stale: only those in here count. */
  readonly #places = new Map<number, Place>();

  constructor(book: TicketBook) {
    this.#heap = new TinyQueue<Place>([], comparePlaces(book));
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

  /** The first in line, who stays there. */
  first(): Place | undefined {
    for (let place = this.#heap.peek(); place; place = this.#heap.peek()) {
      if (this.#places.get(place.ticket) === place) return place;
      this.#heap.pop();
    }
    return undefined;
  }
}

/** The lines of all groups, and in which of them somebody may have become able to take a ticket. */
export class WaitingLines {
  readonly #book: TicketBook;
  readonly #compare: (a: Place, b: Place) => number;
  readonly #lines = new Map<SimulatedGroup, WaitingLine>();
  readonly #stirred = new Set<SimulatedGroup>();

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
    this.stir(group);
  }

  leave(group: SimulatedGroup, ticket: number): void {
    this.#lines.get(group)?.leave(ticket);
  }

  /** Somebody may be able to take what waits in a group. */
  stir(group: SimulatedGroup): void {
    this.#stirred.add(group);
  }

  /**
   * Offers what waits in the stirred groups that are `open`, in waiting order over all of them. `take` answers
   * whether somebody took it and it left its line; if not, its group is passed over from then on.
   */
  offer(open: (group: SimulatedGroup) => boolean, take: (ticket: number) => boolean): void {
    if (this.#stirred.size === 0) return;
    const lines = [...this.#stirred].flatMap((group) => (open(group) ? (this.#lines.get(group) ?? []) : []));
    this.#stirred.clear();
    for (let best = this.#best(lines); best; best = this.#best(lines)) {
      if (!take(best.place.ticket)) lines.splice(best.at, 1);
    }
  }

  #best(lines: readonly WaitingLine[]): { readonly at: number; readonly place: Place } | undefined {
    let best: { at: number; place: Place } | undefined;
    for (const [at, line] of lines.entries()) {
      const place = line.first();
      if (place && (!best || this.#compare(place, best.place) < 0)) best = { at, place };
    }
    return best;
  }
}
