import { HistoryIncomplete } from '../errors.ts';
import type { Moment, ToldStep } from '../steps.ts';
import { Departures } from './departures.ts';
import {
  type ChangeRecord,
  type DecisionRecord,
  isPending,
  isWaiting,
  type NumberedRecord,
  numbersOf,
  type ReleaseRecord,
  type TicketEntry,
} from './records.ts';
import { earlySteps, type Introduce, lateSteps, stepsOfNumbered } from './ticket-steps.ts';

/** A stream whose next item can be looked at before it is taken. */
export interface Peekable<Item> {
  readonly next: Item | undefined;
  take(): Promise<Item | undefined>;
}

/** Whether a ticket left a desk as those do whose agent leaves: not by a call about tickets, but in a deal, or to wait since nobody could take it. */
function isDealtOut(entry: TicketEntry, record: DecisionRecord | ReleaseRecord): boolean {
  if (!isPending(entry.old) || !isPending(entry.new) || entry.rpc.startsWith('ticketing.v1.TicketService/')) return false;
  return record.type === 'DECISION' ? record.deal !== null : isWaiting(entry.new);
}

/** Changes of eligibility this far apart belong to different transactions. */
const APART_MS = 1_000;

/** The transaction of an entry as a row's `xmin` has it. */
const xidOf = ({ transactionId }: TicketEntry): string => String(BigInt(transactionId) % 2n ** 32n);

interface Loose {
  readonly entry: TicketEntry;
  state: 'NEW' | 'LEFT_LINE' | 'DONE';
}

/**
 * Turns what is on record into steps: what happened whatever the policy, in the order in which it happened.
 *
 * Numbered records stand in the order of the one sequence; each of a ticket's goes with the next of its audit entries
 * that must have numbers. A change without numbers (a ticket that comes and waits, a waiting one that ends or changes)
 * is placed inside its transaction where it does no harm: a ticket that was not given out while it waited made no
 * difference to anybody then, so it joins its line as late, and leaves it as early, as its own records allow.
 */
export class Interpreter {
  readonly departures = new Departures();
  readonly #entries: Peekable<TicketEntry>;
  readonly #introduce: Introduce;
  readonly #queues = new Map<string, Loose[]>();
  /** Numbered records that are still to come of the entry at the head of a ticket's queue. */
  readonly #due = new Map<string, number>();
  /** Entries without numbers that are not done, in their order. */
  #loose: Loose[] = [];
  #transactionId: string | undefined;
  #lastChange: Moment | undefined;
  #lastTime: Moment = 0;
  /** The transaction after which nobody was offered yet what waits. */
  #stirredBy: string | undefined;
  #steps: ToldStep[] = [];

  constructor(entries: Peekable<TicketEntry>, introduce: Introduce) {
    this.#entries = entries;
    this.#introduce = introduce;
  }

  /** The steps up to and including the next record; `following` is the one after it. Sequences must rise. */
  async interpret(record: NumberedRecord, following: NumberedRecord | undefined): Promise<readonly ToldStep[]> {
    this.#steps = [];
    if (record.type === 'DECISION' || record.type === 'RELEASE') await this.#ticketRecord(record, following);
    else await this.#change(record);
    return this.#steps;
  }

  /** After the last record: what is left. */
  async end(): Promise<readonly ToldStep[]> {
    this.#steps = [];
    while (await this.#pull());
    this.#settleChanges();
    this.#emitLoose(() => true);
    this.#handOut();
    return this.#steps;
  }

  async #change(change: ChangeRecord): Promise<void> {
    while (this.#entries.next && this.#entries.next.time < change.time) await this.#pull();
    // What a unit of work changes of tickets it writes after what it changes of agents, groups and days.
    this.#emitLoose((entry) => entry.time < change.time && xidOf(entry) !== change.xid);
    if (this.#lastChange !== undefined && change.time - this.#lastChange > APART_MS) this.#settleChanges();
    this.#handOut();
    this.#steps.push(...this.departures.note(change), change);
    this.#lastChange = change.time;
  }

  async #ticketRecord(record: DecisionRecord | ReleaseRecord, following: NumberedRecord | undefined): Promise<void> {
    // A unit of work reads its time before it changes anything: what changed earlier was another one's.
    if (this.#lastChange !== undefined && record.time > this.#lastChange) this.#settleChanges();
    const due = this.#due.get(record.ticket) ?? 0;
    if (due === 0) await this.#begin(record, following);
    else if (record.type === 'DECISION' && record.kind === 'WAITING') this.#steps.push({ type: 'OFFER', time: record.time, ticket: record.ticket });
    this.#consume(record.ticket);
    this.#stirredBy = this.#transactionId;
    this.#lastTime = record.time;
    if (record.type === 'DECISION') {
      const { ticket, time, agentId, kind, tieBreak } = record;
      this.#steps.push({ type: 'DECIDED', ticket, time, agentId, kind, tieBreak });
    }
  }

  async #begin(record: DecisionRecord | ReleaseRecord, following: NumberedRecord | undefined): Promise<void> {
    const entry = await this.#entryOf(record.ticket);
    if (entry.transactionId !== this.#transactionId) await this.#beginTransaction(entry);
    const queue = this.#queues.get(record.ticket) ?? [];
    while (queue[0] && queue[0].entry !== entry) this.#finish(queue[0]);
    this.#due.set(record.ticket, numbersOf(entry));
    const cleared = isDealtOut(entry, record) ? this.departures.clearedWith(entry, record.time) : undefined;
    this.#steps.push(...(cleared ?? stepsOfNumbered(entry, record, following, this.#introduce)));
  }

  /** The next entry of a ticket that must have numbers. */
  async #entryOf(ticket: string): Promise<TicketEntry> {
    for (;;) {
      const found = this.#queues.get(ticket)?.find(({ entry }) => numbersOf(entry) > 0);
      if (found) return found.entry;
      if (!(await this.#pull())) throw new HistoryIncomplete(`ticket ${ticket} was given or taken, but no entry of it says so`);
    }
  }

  async #beginTransaction(first: TicketEntry): Promise<void> {
    this.#emitLoose((entry) => entry.transactionId !== first.transactionId && entry.entryId < first.entryId);
    this.#handOut();
    this.departures.forget();
    this.#transactionId = first.transactionId;
    while (this.#entries.next?.transactionId === first.transactionId) await this.#pull();
    for (const loose of this.#loose) {
      const [head] = this.#queues.get(loose.entry.ticket) ?? [];
      if (head === loose && loose.entry.transactionId === first.transactionId) this.#leaveLine(loose);
    }
  }

  /** One of the numbered records of a ticket's entry has been seen; with the last one the entry is done with. */
  #consume(ticket: string): void {
    const left = (this.#due.get(ticket) ?? 1) - 1;
    this.#due.set(ticket, left);
    if (left > 0) return;
    this.#due.delete(ticket);
    this.#drop(ticket);
    const [head] = this.#queues.get(ticket) ?? [];
    if (head && head.entry.transactionId === this.#transactionId && numbersOf(head.entry) === 0) this.#leaveLine(head);
  }

  #drop(ticket: string): void {
    const queue = this.#queues.get(ticket);
    queue?.shift();
    if (queue?.length === 0) this.#queues.delete(ticket);
  }

  #leaveLine(loose: Loose): void {
    if (loose.state !== 'NEW') return;
    this.#steps.push(...earlySteps(loose.entry));
    loose.state = 'LEFT_LINE';
  }

  /** All that an entry without numbers still has to tell. */
  #finish(loose: Loose): void {
    this.#leaveLine(loose);
    this.#steps.push(...lateSteps(loose.entry, this.#introduce));
    loose.state = 'DONE';
    this.#drop(loose.entry.ticket);
    this.#stirredBy = loose.entry.transactionId;
    this.#lastTime = Math.max(this.#lastTime, loose.entry.time);
  }

  /**
   * Finishes entries without numbers, in their order, as far as nothing of their own ticket stands before them. Between transactions
   * what waits is offered: on record nobody took it, under another policy somebody may.
   */
  #emitLoose(isDue: (entry: TicketEntry) => boolean): void {
    for (const loose of this.#loose) {
      const [head] = this.#queues.get(loose.entry.ticket) ?? [];
      if (loose.state === 'DONE' || head !== loose || !isDue(loose.entry)) continue;
      if (loose.entry.transactionId !== this.#stirredBy) this.#handOut();
      this.#finish(loose);
    }
    this.#loose = this.#loose.filter(({ state }) => state !== 'DONE');
  }

  #settleChanges(): void {
    if (this.#lastChange === undefined) return;
    this.#steps.push(...this.departures.settle(this.#lastChange), { type: 'HAND_OUT', time: this.#lastChange });
    this.#lastChange = undefined;
  }

  #handOut(): void {
    if (this.#stirredBy === undefined) return;
    this.#steps.push({ type: 'HAND_OUT', time: this.#lastTime });
    this.#stirredBy = undefined;
  }

  async #pull(): Promise<boolean> {
    const entry = await this.#entries.take();
    if (!entry) return false;
    const loose: Loose = { entry, state: 'NEW' };
    const queue = this.#queues.get(entry.ticket);
    if (queue) queue.push(loose);
    else this.#queues.set(entry.ticket, [loose]);
    if (numbersOf(entry) === 0) this.#loose.push(loose);
    return true;
  }
}
