import type { PgBoss } from 'pg-boss';
import type { Enqueue } from '../commands/command.ts';
import { writeTraceParent } from '../tracing.ts';

/** Where the data of a job says which span left it. */
export const TRACE_PARENT = 'traceparent';

/**
 * Leaves jobs in the caller's own transaction: they exist if and when that commits, and never if it
 * rolls back. `startAfter` is an instant before which a job does not run. Throws when no job of that
 * name is registered.
 */
export function makeEnqueue(boss: PgBoss): Enqueue {
  return async (sql, job, data, options = {}) => {
    const db = { executeSql: async (text: string, values: unknown[] = []) => ({ rows: await sql(text, values) }) };
    const { trace } = options;
    await boss.send(job, trace ? { ...data, [TRACE_PARENT]: writeTraceParent(trace) } : data, {
      db,
      ...(options.startAfter === undefined ? {} : { startAfter: options.startAfter }),
    });
  };
}
