export { fileHandlers } from './rpc.ts';
