export { bulkUpdateOperation } from './bulk-operation.ts';
export { measureTickets } from './gauges.ts';
export { dropOldPlans, relaxWaitingTickets } from './jobs.ts';
export { getTicket } from './queries.ts';
export { ticketReactions } from './reactions.ts';
export { reassignOperation } from './reassign-operation.ts';
export { eraseAnswers } from './redact.ts';
export { ticketHandlers } from './rpc.ts';
