import TinyQueue from 'tinyqueue';
import type { Report } from './history.ts';
import { lineOf, type TicketFacts } from './ticket-history.ts';

/** An entry of the audit log about a ticket, with the decision that gave it its agent, if one did. */
export interface WaitingEntry {
  readonly transactionId: string;
  readonly ticketId: string;
  readonly createTime: string;
  /** Since when it waits after the entry, or waited before it, in microseconds since 1970; null where nobody says. */
  readonly since: number | null;
  readonly old: TicketFacts | null;
  readonly new: TicketFacts | null;
  /** With the levels taken off its required skills. */
  readonly decision: { readonly sequence: number; readonly kind: string; readonly relaxed: number } | null;
}

interface Place {
  readonly ticketId: string;
  readonly priority: number;
  readonly createTime: string;
  readonly since: number | null;
}

interface Given {
  readonly place: Place;
  readonly sequence: number;
  readonly relaxed: number;
}

interface Step {
  readonly transactionId: string;
  readonly left: Map<string, { readonly place: Place; readonly decision: WaitingEntry['decision'] }>;
  readonly joined: Map<string, Place>;
  readonly fresh: number[];
}

interface Line {
  readonly groupId: string;
  readonly waiting: Map<string, Place>;
  readonly order: TinyQueue<Place>;
  step: Step | undefined;
}

/**
 * Rebuilds who waited in each group from the audit log, in the order of its entry ids: numbers are taken
 * under the pool lock, so within a group they follow the order of the commits. Inside one transaction a
 * change of priority, or the moment at which a ticket began to wait, cannot be told against the decisions;
 * so each transaction is held to what is certain: the tickets it gave out that had been waiting before it
 * came in waiting order, none of those it left waiting stood before them, and it gave no fresh ticket to
 * anybody while one was left waiting. Where skills relax, one may go past another that has relaxed less: it may
 * find somebody who could not have taken the other.
 */
export class WaitingOrder {
  /** Decisions about waiting tickets whose order could be checked. */
  checked = 0;
  readonly #lines = new Map<string, Line>();
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  /** The next entry; entry ids must rise. */
  enter(entry: WaitingEntry): void {
    const from = lineOf(entry.old);
    const to = lineOf(entry.new);
    const stays = from !== undefined && from === to && entry.old?.priority === entry.new?.priority;
    if (from !== undefined && !stays) this.#leave(this.#step(from, entry.transactionId), entry);
    if (to !== undefined && !stays) this.#step(to, entry.transactionId).joined.set(entry.ticketId, placeOf(entry, entry.new as TicketFacts));
    if (entry.decision?.kind === 'CREATE' && entry.new) this.#step(entry.new.groupId, entry.transactionId).fresh.push(entry.decision.sequence);
  }

  /** After the last entry. */
  end(): void {
    for (const line of this.#lines.values()) this.#close(line);
  }

  /** Reports whoever was given out before one that came first and had relaxed at least as far. */
  #checkOrder(line: Line, given: readonly Given[]): void {
    // Of those given out later, the first in the waiting order, by the least level that they had relaxed to.
    const firstLater: (Given | undefined)[] = [];
    for (const one of given.toReversed()) {
      const later = firstLater[one.relaxed];
      if (later && compare(one.place, later.place) > 0) {
        this.#report(
          'I4',
          `waiting order of group ${line.groupId}: decision ${one.sequence} gave out ticket ${one.place.ticketId} before ticket ${later.place.ticketId} (${later.sequence}), which came first`,
        );
      }
      for (let level = 0; level <= one.relaxed; level++) {
        const first = firstLater[level];
        if (!first || compare(one.place, first.place) < 0) firstLater[level] = one;
      }
    }
  }

  #leave(step: Step, entry: WaitingEntry): void {
    // Whatever began to wait in this very transaction has no certain place among the others.
    if (step.joined.delete(entry.ticketId)) return;
    const where = entry.old as TicketFacts;
    const certain = entry.new?.groupId === where.groupId && entry.new.priority === where.priority;
    step.left.set(entry.ticketId, { place: placeOf(entry, where), decision: certain ? entry.decision : null });
  }

  #step(groupId: string, transactionId: string): Step {
    let line = this.#lines.get(groupId);
    if (!line) {
      line = { groupId, waiting: new Map(), order: new TinyQueue<Place>([], compare), step: undefined };
      this.#lines.set(groupId, line);
    }
    if (line.step?.transactionId === transactionId) return line.step;
    this.#close(line);
    line.step = { transactionId, left: new Map(), joined: new Map(), fresh: [] };
    return line.step;
  }

  #close(line: Line): void {
    const { step } = line;
    if (!step) return;
    line.step = undefined;
    for (const ticketId of step.left.keys()) line.waiting.delete(ticketId);
    const given = [...step.left.values()].flatMap(({ place, decision }): Given[] =>
      decision?.kind === 'WAITING' ? [{ place, sequence: decision.sequence, relaxed: decision.relaxed }] : [],
    );
    given.sort((a, b) => a.sequence - b.sequence);
    this.checked += given.length;
    this.#checkOrder(line, given);
    const left = firstOf(line);
    for (const one of given) {
      const passed = one.relaxed === 0 ? left : firstRelaxedAsFar(line, one.place);
      if (!passed || compare(passed, one.place) >= 0) continue;
      this.#report(
        'I4',
        `waiting order of group ${line.groupId}: decision ${one.sequence} gave out ticket ${one.place.ticketId} while ticket ${passed.ticketId}, which came first, was left waiting`,
      );
    }
    if (left && step.fresh.length > 0) {
      this.#report(
        'I4',
        `waiting order of group ${line.groupId}: decision ${step.fresh[0]} gave out a fresh ticket while ticket ${left.ticketId} was left waiting`,
      );
    }
    for (const place of step.joined.values()) {
      line.waiting.set(place.ticketId, place);
      line.order.push(place);
    }
  }
}

/** The first of those left waiting that have waited as long as a ticket, and so have relaxed as far as it at least. */
function firstRelaxedAsFar(line: Line, { since }: Place): Place | undefined {
  let first: Place | undefined;
  for (const place of line.waiting.values()) {
    const longer = since === null || (place.since !== null && place.since <= since);
    if (longer && (!first || compare(place, first) < 0)) first = place;
  }
  return first;
}

function firstOf(line: Line): Place | undefined {
  for (let first = line.order.peek(); first; first = line.order.peek()) {
    if (line.waiting.get(first.ticketId) === first) return first;
    line.order.pop();
  }
  return undefined;
}

const placeOf = (entry: WaitingEntry, facts: TicketFacts): Place => ({
  ticketId: entry.ticketId,
  priority: facts.priority,
  createTime: entry.createTime,
  since: entry.since,
});

/** Priority (highest first), create time, ticket id. Times are text in UTC, in which shorter fractions come first. */
function compare(a: Place, b: Place): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  if (a.createTime !== b.createTime) return a.createTime < b.createTime ? -1 : 1;
  return a.ticketId < b.ticketId ? -1 : a.ticketId > b.ticketId ? 1 : 0;
}
