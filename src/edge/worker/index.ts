export { jobs } from './registry.ts';
export { startWorker, type Worker } from './start.ts';
export { DEAD_LETTERS } from './schedule.ts';
