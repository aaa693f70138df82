export { jobs } from './registry.ts';
export { DEAD_LETTERS } from './schedule.ts';
export { startWorker, type Worker } from './start.ts';
export { JobsWhileWritable } from './while-writable.ts';
