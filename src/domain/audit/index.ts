export { AuditEntryNotFound } from './errors.ts';
export { MONTHS_AHEAD, makeAuditPartitions } from './jobs.ts';
export { type RefusedCalls, recordRefusedCalls } from './refusals.ts';
export { auditHandlers, listEntityHistory } from './rpc.ts';
