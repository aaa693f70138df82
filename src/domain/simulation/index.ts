export { assignmentHandlers } from './rpc.ts';
