import TinyQueue from 'tinyqueue';
import type { Moment } from './steps.ts';

/** When waiting tickets come to find more agents. What is no longer true is for the taker to find out. */
export class Relaxations {
  readonly #due = new TinyQueue<{ readonly ticket: number; readonly time: Moment }>([], (a, b) => a.time - b.time || a.ticket - b.ticket);

  add(ticket: number, time: Moment | undefined): void {
    if (time !== undefined) this.#due.push({ ticket, time });
  }

  get nextTime(): Moment {
    return this.#due.peek()?.time ?? Infinity;
  }

  /** Takes the tickets that are due at a moment. */
  take(now: Moment): number[] {
    const tickets: number[] = [];
    while (this.nextTime <= now) tickets.push((this.#due.pop() as { ticket: number }).ticket);
    return tickets;
  }
}
