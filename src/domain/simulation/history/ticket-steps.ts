import type { Moment, TicketFacts as Told, ToldStep } from '../steps.ts';
import { type DecisionRecord, isPending, isWaiting, type NumberedRecord, type TicketEntry } from './records.ts';

/** What is told of a ticket when it comes. */
export type Introduce = (entry: TicketEntry) => Told;

/** A change of group or priority, when a change of a ticket makes one. */
function differences({ old, new: facts }: TicketEntry): { groupId?: string; priority?: number } {
  return {
    ...(old && old.groupId !== facts.groupId ? { groupId: facts.groupId } : {}),
    ...(old && old.priority !== facts.priority ? { priority: facts.priority } : {}),
  };
}

function noteOf(entry: TicketEntry, time: Moment): ToldStep[] {
  const to = differences(entry);
  return Object.keys(to).length === 0 ? [] : [{ type: 'CHANGE', time, ticket: entry.ticket, ...to }];
}

/**
 * The steps of a change that has numbers in the sequence: `first` is its first record, `next` the one after that in the
 * whole sequence. What the engine did by itself is no step, but what made it do so.
 */
export function stepsOfNumbered(entry: TicketEntry, first: NumberedRecord, next: NumberedRecord | undefined, introduce: Introduce): ToldStep[] {
  const { ticket, old, new: facts } = entry;
  const { time } = first;
  const decision = decisionOf(entry, first, next);
  const byHand = decision?.kind === 'MANUAL' ? { agentId: decision.agentId } : {};
  const offer: ToldStep = { type: 'OFFER', time, ticket };
  if (old === null) {
    const waits = decision?.kind === 'WAITING' ? { waits: true as const } : {};
    const arrival: ToldStep = { type: 'ARRIVAL', time, ticket, groupId: facts.groupId, priority: facts.priority, ...byHand, ...waits, facts: introduce(entry) };
    return waits.waits ? [arrival, offer] : [arrival];
  }
  if (!isPending(facts)) return [endOf(entry, time), ...noteOf(entry, time)];
  if (!isPending(old)) return [...noteOf(entry, time), { type: 'REOPENING', time, ticket, ...byHand }];
  const change = { type: 'CHANGE', time, ticket, ...differences(entry) } as const;
  if (decision?.kind === 'MANUAL') return [{ ...change, ...byHand }];
  if (decision?.kind === 'WAITING') return old.groupId === facts.groupId ? [...noteOf(entry, time), offer] : [change];
  if (decision?.deal) return [{ type: 'DEAL', time, ticket, from: old.agentId, ...decision.deal }];
  return [{ ...change, handBack: true }];
}

/** The decision of the change, as far as it follows at once: what leaves a desk may wait for a moment first. */
function decisionOf(entry: TicketEntry, first: NumberedRecord, next: NumberedRecord | undefined): DecisionRecord | undefined {
  if (first.type === 'DECISION') return first;
  return next?.type === 'DECISION' && next.ticket === entry.ticket && next.kind === 'MANUAL' ? next : undefined;
}

/** The steps of a change without numbers, that are due as soon as may be: a waiting ticket leaves its line, for good or for a while. */
export function earlySteps(entry: TicketEntry): ToldStep[] {
  if (!isWaiting(entry.old)) return [];
  const { ticket, time } = entry;
  return isPending(entry.new) ? [{ type: 'SUSPENSION', time, ticket }] : [endOf(entry, time)];
}

/** The steps of a change without numbers, that are due as late as may be: a ticket begins to wait, or changes where it lies. */
export function lateSteps(entry: TicketEntry, introduce: Introduce): ToldStep[] {
  const { ticket, time, old, new: facts } = entry;
  const { groupId, priority } = facts;
  const since = facts.waitStart ?? time;
  if (old === null) return [{ type: 'ARRIVAL', time: since, ticket, groupId, priority, waits: true, facts: introduce(entry) }];
  if (isWaiting(old)) return isPending(facts) ? [{ type: 'RETURN', time, ticket, groupId, priority }] : noteOf(entry, time);
  if (!isPending(old) && isPending(facts)) return [...noteOf(entry, time), { type: 'REOPENING', time: since, ticket, waits: true }];
  return noteOf(entry, time);
}

function endOf({ ticket, new: facts }: TicketEntry, time: Moment): ToldStep {
  return { type: 'END', time, ticket, resolved: facts.status !== CANCELLED };
}

const CANCELLED = 6;
