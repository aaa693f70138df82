export { measureTickets } from './gauges.ts';
export { ticketReactions } from './reactions.ts';
export { ticketHandlers } from './rpc.ts';
