import type { AgentState, Moment, ToldStep } from '../steps.ts';
import type { ChangeRecord, TicketEntry } from './records.ts';

/** A desk that is to be cleared: of an agent who left, or of agents who were taken out of a group. */
interface Departure {
  readonly agentIds: string[];
  readonly groupId: string | undefined;
  /** Whether it is cleared in any case; who only goes away may keep his tickets. */
  readonly certain: boolean;
}

/**
 * Agents who left and whose desks are cleared in the same transaction. That somebody who went away had his tickets
 * dealt out is told by the first of them that leaves his desk; of an empty desk it is not known, and nothing is done.
 */
export class Departures {
  readonly #states = new Map<string, AgentState>();
  #awaited: Departure[] = [];
  /** Desks that were cleared in this transaction: what else leaves them there is part of that. */
  #cleared: Departure[] = [];

  /** An agent as he was before. */
  know(agentId: string, state: AgentState): void {
    this.#states.set(agentId, state);
  }

  /** Takes note of who leaves by a change; answers what must have been done before it: who comes back left before. */
  note(change: ChangeRecord): ToldStep[] {
    const returned = this.#awaited.filter((departure) => isReturn(change, departure));
    this.#awaited = this.#awaited.filter((departure) => !returned.includes(departure));
    this.#note(change);
    return returned.filter((departure) => departure.certain).map((departure) => stepOf(departure, change.time));
  }

  #note(change: ChangeRecord): void {
    if (change.type === 'MEMBERSHIP' && !change.member) {
      const same = this.#awaited.find((departure) => departure.groupId === change.groupId);
      if (same) same.agentIds.push(change.agentId);
      else this.#awaited.push({ agentIds: [change.agentId], groupId: change.groupId, certain: true });
    }
    if (change.type !== 'AGENT') return;
    const { agentId, state } = change;
    const before = this.#states.get(agentId);
    this.#states.set(agentId, state);
    if (!before) return;
    const leaves = (before.active && !state.active) || (!before.deleted && state.deleted);
    const goesAway = before.availability === 'AVAILABLE' && state.availability !== 'AVAILABLE';
    if (leaves || goesAway) this.#awaited.push({ agentIds: [agentId], groupId: undefined, certain: leaves });
  }

  /** What a ticket that leaves a desk tells: steps when it is the first of a desk that is cleared, none when it is another one of it, undefined when it is none of them. */
  clearedWith(entry: TicketEntry, time: Moment): ToldStep[] | undefined {
    const agentId = entry.old?.agentId;
    if (agentId === undefined || agentId === null) return undefined;
    const concerns = (departure: Departure): boolean =>
      departure.agentIds.includes(agentId) && (departure.groupId === undefined || departure.groupId === entry.old?.groupId);
    if (this.#cleared.some(concerns)) return [];
    const departure = this.#awaited.find(concerns);
    if (!departure) return undefined;
    this.#awaited = this.#awaited.filter((other) => other !== departure);
    this.#cleared.push(departure);
    return [stepOf(departure, time)];
  }

  /** The transaction is over: desks that nobody told of are cleared if that is certain. */
  settle(time: Moment): ToldStep[] {
    const steps = this.#awaited.filter((departure) => departure.certain).map((departure) => stepOf(departure, time));
    this.#awaited = [];
    this.#cleared = [];
    return steps;
  }

  /** Another transaction begins, of which nothing was noted yet. */
  forget(): void {
    this.#cleared = [];
  }
}

function isReturn(change: ChangeRecord, { agentIds, groupId }: Departure): boolean {
  if (change.type === 'MEMBERSHIP') return change.member && groupId === change.groupId && agentIds.includes(change.agentId);
  if (change.type !== 'AGENT' || groupId !== undefined || !agentIds.includes(change.agentId)) return false;
  return change.state.active && !change.state.deleted;
}

function stepOf({ agentIds, groupId }: Departure, time: Moment): ToldStep {
  return { type: 'DESKS', time, agentIds: [...agentIds], ...(groupId === undefined ? {} : { groupId }) };
}
