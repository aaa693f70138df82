import { ReadOnly, type Writes } from '../../../foundation/database/writes.ts';
import type { Interceptor } from '../call.ts';

/** Refuses what would change something while nothing may be changed. What is only to be checked goes on: it writes nothing. */
export function makeWritable(writes: Pick<Writes, 'closed'>): Interceptor {
  return async (call, next) => {
    if (writes.closed !== undefined && call.endpoint.mutates && !call.intent?.validateOnly) throw new ReadOnly();
    return next();
  };
}
