export type { Commit, EligibilityChange, HistoryEvent, Invariant, Report, RoundRow } from './history.ts';
export { Replay } from './replay.ts';
export { checkTicket, lineOf, type TicketEntry, type TicketEvent, type TicketFacts } from './ticket-history.ts';
export type { WaitingChange } from './waiting-in-vain.ts';
export { type WaitingEntry, WaitingOrder } from './waiting-order.ts';
export type { WorldAgent } from './world.ts';
