export type { EligibilityChange, HistoryEvent, Invariant, Report, RoundRow } from './history.ts';
export { Replay } from './replay.ts';
export { checkTicket, lineOf, type TicketEntry, type TicketEvent, type TicketFacts } from './ticket-history.ts';
export type { Commit } from './history.ts';
export type { WaitingChange } from './waiting-in-vain.ts';
export { WaitingOrder, type WaitingEntry } from './waiting-order.ts';
export type { WorldAgent } from './world.ts';
