export { AuditEntryNotFound } from './errors.ts';
export { makeAuditPartitions, MONTHS_AHEAD } from './jobs.ts';
export { auditHandlers, listEntityHistory } from './rpc.ts';
