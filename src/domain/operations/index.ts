export { type AcceptedOperation, acceptOperation, type NewOperation } from './accept.ts';
export { dropOldResults, makeRunOperation, RESUME_OPERATIONS, resumeOperations } from './jobs.ts';
export type { TicketResult } from './progress.ts';
export type { OperationRow } from './row.ts';
export { operationHandlers } from './rpc.ts';
export { OPERATION_TICKETS } from './rules.ts';
export type { Chunk, ChunkPlan, OperationKind } from './step.ts';
