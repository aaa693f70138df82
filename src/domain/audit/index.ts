export { AuditEntryNotFound } from './errors.ts';
export { auditHandlers, listEntityHistory } from './rpc.ts';
