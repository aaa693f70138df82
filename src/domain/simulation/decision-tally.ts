import { NumberList } from './numbers.ts';

/** Holds the decisions that the unchanged policy gives against those on record, ticket by ticket, in two numbers a ticket. */
export class DecisionTally {
  readonly #replayed = new NumberList(Int32Array);
  readonly #recorded = new NumberList(Int32Array);

  /** The next decision of a ticket in the rehearsal. */
  replayed(ticket: number, ...decision: readonly string[]): void {
    this.#replayed.set(ticket, chain(this.#replayed.get(ticket), decision));
  }

  /** The next decision of a ticket that really was made. */
  recorded(ticket: number, ...decision: readonly string[]): void {
    this.#recorded.set(ticket, chain(this.#recorded.get(ticket), decision));
  }

  /** Tickets whose decisions differ. */
  get mismatched(): number {
    let count = 0;
    for (let ticket = 0; ticket < Math.max(this.#replayed.length, this.#recorded.length); ticket++) {
      if (this.#replayed.get(ticket) !== this.#recorded.get(ticket)) count += 1;
    }
    return count;
  }
}

/** A number that stands for a row of decisions; two rows have the same one by chance once in four thousand million times. */
function chain(before: number, words: readonly string[]): number {
  let hash = before;
  for (const word of words) {
    for (let at = 0; at < word.length; at++) hash = Math.imul(hash ^ word.charCodeAt(at), 0x01000193);
    hash = Math.imul(hash ^ 0x1f, 0x01000193) ^ (hash >>> 15);
  }
  return hash;
}
