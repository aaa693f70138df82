export { AuditEntryNotFound } from './errors.ts';
export { MONTHS_AHEAD, makeAuditPartitions } from './jobs.ts';
export { auditHandlers, listEntityHistory } from './rpc.ts';
