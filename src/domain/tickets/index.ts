export { ticketReactions } from './reactions.ts';
export { ticketHandlers } from './rpc.ts';
