import TinyQueue from 'tinyqueue';
import { isPresent, type SimulatedAgent } from './roster.ts';
import type { Moment } from './steps.ts';
import type { TicketBook } from './ticket-book.ts';
import { WaitingLine } from './waiting-line.ts';

/** One agent at work. */
interface Bench {
  /** Tickets on his desk that he is not working on, in waiting order. */
  readonly queue: WaitingLine;
  ticket: number | undefined;
  /** When he will be done with it, unless something comes in between. */
  until: Moment;
}

interface Completion {
  readonly time: Moment;
  readonly agent: SimulatedAgent;
  readonly ticket: number;
}

/**
 * The model of handling: each agent works on one ticket at a time, the first of his desk in waiting order, while
 * he is present. What he has begun he finishes before he looks at the others; if he goes away he goes on with it
 * when he is back; if it is taken from him, whoever gets it goes on from there.
 */
export class Labour {
  readonly #book: TicketBook;
  readonly #defaultHandlingMs: number;
  readonly #benches = new Map<SimulatedAgent, Bench>();
  /** Time left of tickets that were begun. */
  readonly #left = new Map<number, number>();
  readonly #completions = new TinyQueue<Completion>([], (a, b) => a.time - b.time || a.ticket - b.ticket);

  /** `defaultHandlingMs` is taken for tickets of which the book does not know how long they take. */
  constructor(book: TicketBook, defaultHandlingMs: number) {
    this.#book = book;
    this.#defaultHandlingMs = defaultHandlingMs;
  }

  /** A ticket came to lie on an agent's desk. */
  add(ticket: number, priority: number, agent: SimulatedAgent): void {
    this.#bench(agent).queue.join(ticket, priority);
  }

  /** A ticket left an agent's desk; one that ended starts from the beginning if it comes back. */
  remove(ticket: number, agent: SimulatedAgent, ended: boolean, now: Moment): void {
    const bench = this.#bench(agent);
    if (bench.ticket === ticket) this.#stop(bench, now);
    bench.queue.leave(ticket);
    if (ended) this.#left.delete(ticket);
  }

  /** Work begins or pauses as the agent is there or not; answers the ticket that is begun for the first time. */
  attend(agent: SimulatedAgent, now: Moment): number | undefined {
    const bench = this.#bench(agent);
    if (!isPresent(agent)) {
      this.#pause(bench, agent, now);
      return undefined;
    }
    if (bench.ticket !== undefined) return undefined;
    const next = bench.queue.first();
    if (!next) return undefined;
    const { ticket } = next;
    bench.queue.leave(ticket);
    const left = this.#left.get(ticket);
    const known = this.#book.handlingMs(ticket);
    const handlingMs = left ?? (Number.isNaN(known) ? this.#defaultHandlingMs : known);
    this.#left.set(ticket, handlingMs);
    bench.ticket = ticket;
    bench.until = now + handlingMs;
    this.#completions.push({ time: bench.until, agent, ticket });
    return left === undefined ? ticket : undefined;
  }

  /** When the next ticket will be done; Infinity when nobody works. */
  get nextTime(): Moment {
    return this.#next()?.time ?? Infinity;
  }

  /** Takes the next ticket that is done. */
  finish(): { readonly ticket: number; readonly agent: SimulatedAgent } | undefined {
    const done = this.#next();
    if (done) this.#completions.pop();
    return done;
  }

  #next(): Completion | undefined {
    for (let first = this.#completions.peek(); first; first = this.#completions.peek()) {
      const bench = this.#bench(first.agent);
      if (bench.ticket === first.ticket && bench.until === first.time) return first;
      this.#completions.pop();
    }
    return undefined;
  }

  #stop(bench: Bench, now: Moment): void {
    if (bench.ticket === undefined) return;
    this.#left.set(bench.ticket, Math.max(0, bench.until - now));
    bench.ticket = undefined;
  }

  /** What he has begun lies uppermost when he is back. */
  #pause(bench: Bench, agent: SimulatedAgent, now: Moment): void {
    const { ticket } = bench;
    if (ticket === undefined) return;
    this.#stop(bench, now);
    if (agent.desk.has(ticket)) bench.queue.join(ticket, HIGHEST);
  }

  #bench(agent: SimulatedAgent): Bench {
    let bench = this.#benches.get(agent);
    if (!bench) {
      bench = { queue: new WaitingLine(this.#book), ticket: undefined, until: 0 };
      this.#benches.set(agent, bench);
    }
    return bench;
  }
}

/** Above every priority of the contract. */
const HIGHEST = 9;
