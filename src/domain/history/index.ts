export { historyHandlers } from './rpc.ts';
