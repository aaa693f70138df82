import { NumberList } from './numbers.ts';
import type { Moment } from './steps.ts';

/** What a ticket is whatever the policy: shared by all worlds of a rehearsal. */
export class TicketBook {
  readonly #numbers = new Map<string, number>();
  readonly #ids: string[] = [];
  readonly #created = new NumberList(Float64Array);
  readonly #handling = new NumberList(Float64Array, Number.NaN);
  readonly #counts = new NumberList(Uint8Array);
  #count = 0;
  #counted = 0;

  /** Tickets in the book. */
  get count(): number {
    return this.#count;
  }

  /** Tickets whose waits are measured. */
  get counted(): number {
    return this.#counted;
  }

  /**
   * Enters a ticket; answers its number. `handlingMs` is how long work on it takes, NaN where nobody knows;
   * `counts` says whether its waits are measured.
   */
  enter(createTime: Moment, handlingMs: number, counts: boolean, ticketId?: string): number {
    const number = this.#count++;
    this.#created.set(number, createTime);
    this.#handling.set(number, handlingMs);
    if (counts) {
      this.#counts.set(number, 1);
      this.#counted += 1;
    }
    if (ticketId !== undefined) {
      this.#ids[number] = ticketId;
      this.#numbers.set(ticketId, number);
    }
    return number;
  }

  /** The number of a ticket that was entered by an id. */
  find(ticketId: string): number | undefined {
    return this.#numbers.get(ticketId);
  }

  createTime(ticket: number): Moment {
    return this.#created.get(ticket);
  }

  counts(ticket: number): boolean {
    return this.#counts.get(ticket) === 1;
  }

  handlingMs(ticket: number): number {
    return this.#handling.get(ticket);
  }

  /** The order of two tickets that came at the same moment: by id, or else as they were entered. */
  compareIds(a: number, b: number): number {
    const [first, second] = [this.#ids[a], this.#ids[b]];
    if (first === undefined || second === undefined) return a - b;
    return first < second ? -1 : first > second ? 1 : 0;
  }
}
