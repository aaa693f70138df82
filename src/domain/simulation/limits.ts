/** Every limit of a rehearsal besides those written in the contract. Over the first three: RESOURCE_EXHAUSTED `SIMULATION_TOO_LARGE`. */

/** Tickets of one rehearsal, those that were there before included. */
export const MAX_TICKETS = 1_000_000;

/** Steps of one rehearsal: events of the caller, or what was read from history. */
export const MAX_EVENTS = 5_000_000;

/** How long one rehearsal may take. */
export const MAX_MINUTES = 10;

/** Memory that the objects of one rehearsal may take, besides some fifty bytes for each ticket in each world. */
export const MAX_HEAP_MEGABYTES = 1_024;

/** Rehearsals of one process at once: each keeps a core busy. Over it: RESOURCE_EXHAUSTED `TOO_MANY_SIMULATIONS` with a retry delay. */
export const MAX_AT_ONCE = 2;

/** Longest time that a pattern may go on. */
export const MAX_PATTERN_DAYS = 366;

/** How long work goes on after the last arrival of a pattern. */
export const PATTERN_REST_MS = 86_400_000;

/** Tickets that leave desks at once when agents leave: as many as one transaction deals out for real. */
export const TICKETS_PER_DEAL = 1_000;
