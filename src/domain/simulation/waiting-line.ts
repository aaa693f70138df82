import TinyQueue from 'tinyqueue';
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

  has(ticket: number): boolean {
    return this.#places.has(ticket);
  }

  /** The first in line, who stays there. */
  first(): Place | undefined {
    for (let place = this.#heap.peek(); place; place = this.#heap.peek()) {
      if (this.#places.get(place.ticket) === place) return place;
      this.#heap.pop();
    }
    return undefined;
  }

  tickets(): IterableIterator<number> {
    return this.#places.keys();
  }
}
