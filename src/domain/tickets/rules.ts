import { IllegalStatusChange, TicketCancelled } from './errors.ts';

/** Statuses as they are stored; equal to the numbers of `TicketStatus` in the contract. */
export const STATUS = { OPEN: 1, IN_PROGRESS: 2, ON_HOLD: 3, RESOLVED: 4, CLOSED: 5, CANCELLED: 6 } as const;
/** Priorities as they are stored; equal to the numbers of `Priority` in the contract. */
export const PRIORITY = { LOW: 1, MEDIUM: 2, HIGH: 3, URGENT: 4 } as const;
/** Tickets that one call, or one transaction, may change. */
export const TICKETS_PER_CHANGE = 1000;

const { OPEN, IN_PROGRESS, ON_HOLD, RESOLVED, CLOSED, CANCELLED } = STATUS;

const MOVES: Readonly<Record<number, readonly number[]>> = {
  [OPEN]: [IN_PROGRESS, ON_HOLD, RESOLVED, CLOSED, CANCELLED],
  [IN_PROGRESS]: [OPEN, ON_HOLD, RESOLVED, CLOSED, CANCELLED],
  [ON_HOLD]: [OPEN, IN_PROGRESS, RESOLVED, CLOSED, CANCELLED],
  [RESOLVED]: [CLOSED, OPEN],
  [CLOSED]: [OPEN],
  [CANCELLED]: [],
};

/** Whether somebody still has to work on it. */
export const isPending = (status: number): boolean => status <= ON_HOLD;

/** Throws unless a ticket may move from one status to another; staying is always allowed. */
export function assertStatusChange(ticketId: string, from: number, to: number): void {
  if (from === to || MOVES[from]?.includes(to)) return;
  if (from === CANCELLED) throw new TicketCancelled(ticketId);
  throw new IllegalStatusChange(ticketId, statusName(from), statusName(to));
}

/** Name of a stored status. */
export const statusName = (status: number): string => Object.entries(STATUS).find(([, number]) => number === status)?.[0] ?? String(status);
