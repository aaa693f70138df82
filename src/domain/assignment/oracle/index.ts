export type { EligibilityChange, HistoryEvent, Invariant, Report, RoundRow } from './history.ts';
export { Replay } from './replay.ts';
export { checkTicket, type TicketEntry, type TicketEvent, type TicketFacts } from './ticket-history.ts';
export { WaitingOrder, type WaitingEntry } from './waiting-order.ts';
export type { WorldAgent } from './world.ts';
