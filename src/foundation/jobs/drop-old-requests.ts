import { sqlOf } from '../database/sql.ts';
import { again, DONE, type Job } from './job.ts';

/** How long a request id stays good for repeating, in days. */
export const REQUEST_RETENTION_DAYS = 30;
/** Requests dropped in one transaction. */
const CHUNK = 5000;

/** Drops the records of requests past their retention, a few thousand at a time. What they caused stays in the audit log. */
export const dropOldRequests: Job = {
  name: 'drop-old-requests',
  schedule: { cron: '23 * * * *', timeZone: 'UTC' },
  async run(_data, { orm, log, signal }) {
    const sql = sqlOf(orm.em.fork());
    // A value, not a call: only that lets the index by time leave out what is younger.
    const [cutoff] = await sql<{ time: string }>(`SELECT (docket_now() - make_interval(days => $1))::text AS time`, [REQUEST_RETENTION_DAYS]);
    let dropped = 0;
    for (;;) {
      const [chunk] = await sql<{ count: number }>(
        `WITH old AS (SELECT request_key FROM requests WHERE time < $1::timestamptz LIMIT ${CHUNK}),
         gone AS (DELETE FROM requests r USING old WHERE r.request_key = old.request_key RETURNING 1)
         SELECT count(*)::integer AS count FROM gone`,
        [cutoff?.time],
      );
      dropped += chunk?.count ?? 0;
      if ((chunk?.count ?? 0) < CHUNK) break;
      if (signal.aborted) return again();
    }
    if (dropped > 0) log.info({ dropped }, 'dropped the records of old requests');
    return DONE;
  },
};
