import type { AgentState, GroupState, Moment } from '../steps.ts';

/** What of a ticket its assignment depends on. */
export interface TicketFacts {
  readonly groupId: string;
  /** As in the database: 1 to 3 are pending. */
  readonly status: number;
  readonly priority: number;
  readonly agentId: string | null;
  /** Since when it waits. */
  readonly waitStart: Moment | null;
}

/** One change of a ticket, from the audit log. */
export interface TicketEntry {
  readonly entryId: number;
  readonly transactionId: string;
  readonly time: Moment;
  /** The call that made it. */
  readonly rpc: string;
  readonly ticket: string;
  readonly createTime: Moment;
  /** Null: it was created. */
  readonly old: TicketFacts | null;
  readonly new: TicketFacts;
  /** Whether it was given to somebody, be it to the agent who had it. */
  readonly assigned: boolean;
}

/** A ticket was given to an agent. */
export interface DecisionRecord {
  readonly type: 'DECISION';
  readonly sequence: number;
  /** When its unit of work began. */
  readonly time: Moment;
  readonly ticket: string;
  readonly kind: 'CREATE' | 'WAITING' | 'REOPEN' | 'REASSIGN' | 'MANUAL';
  readonly agentId: string;
  readonly tieBreak: string;
  /** The deal that it was part of, and who of its group was left out by the caller. */
  readonly deal: { readonly dealId: number; readonly excluded: readonly string[] } | null;
}

/** A pending ticket left its agent's desk. */
export interface ReleaseRecord {
  readonly type: 'RELEASE';
  readonly sequence: number;
  /** When its unit of work began. */
  readonly time: Moment;
  readonly ticket: string;
}

/** A change of who may be given work, or by which rule; its time is its own, later than that of its unit of work. */
export type ChangeRecord = {
  readonly sequence: number;
  readonly time: Moment;
  /** The transaction that made it, modulo 2^32. */
  readonly xid: string;
} & (
  | { readonly type: 'AGENT'; readonly agentId: string; readonly state: AgentState }
  | { readonly type: 'GROUP'; readonly groupId: string; readonly state: GroupState }
  | { readonly type: 'MEMBERSHIP'; readonly groupId: string; readonly agentId: string; readonly member: boolean }
  | { readonly type: 'DAY'; readonly day: string; readonly begins: Moment; readonly groupIds: readonly string[] }
);

/** What the one sequence numbers. */
export type NumberedRecord = DecisionRecord | ReleaseRecord | ChangeRecord;

export const isPending = (facts: TicketFacts | null): boolean => facts !== null && facts.status <= 3;

const deskOf = (facts: TicketFacts | null): string | null => (facts && isPending(facts) ? facts.agentId : null);

/** How many numbered records a change of a ticket has: one when it left a desk, one when it came to one. */
export function numbersOf(entry: TicketEntry): number {
  const [before, after] = [deskOf(entry.old), deskOf(entry.new)];
  const stays = before === after && !(entry.assigned && before !== null);
  return stays ? 0 : Number(before !== null) + Number(after !== null);
}

/** Whether a ticket waits, before a change or after it. */
export const isWaiting = (facts: TicketFacts | null): boolean => isPending(facts) && facts?.agentId === null;
