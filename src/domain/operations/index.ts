export { type AcceptedOperation, acceptOperation, type NewOperation } from './accept.ts';
export { OperationNotFound } from './errors.ts';
export { dropOldResults, makeRunOperation, RESUME_OPERATIONS, resumeOperations } from './jobs.ts';
export type { TicketResult } from './progress.ts';
export { getOperation } from './queries.ts';
export { type OperationRow, RESULT_RETENTION_DAYS } from './row.ts';
export { operationHandlers } from './rpc.ts';
export { CHUNK_TICKETS, OPERATION_TICKETS } from './rules.ts';
export type { Chunk, ChunkPlan, OperationKind } from './step.ts';
