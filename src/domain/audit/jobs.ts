import { sqlOf } from '../../foundation/database/sql.ts';
import { DONE, type Job } from '../../foundation/jobs/job.ts';

/** Months after this one for which the audit log has its partition ready. */
export const MONTHS_AHEAD = 12;

/**
 * Makes the audit log's coming months, and raises an alarm in the log and in the metric
 * `docket_audit_default_partition_rows` when entries had to go to the default partition: they are
 * safe there, but the month they belong to can no longer be made.
 */
export const makeAuditPartitions: Job = {
  name: 'make-audit-partitions',
  schedule: { cron: '17 3 * * *', timeZone: 'UTC' },
  async run(_data, { orm, log, metrics }) {
    const sql = sqlOf(orm.em.fork());
    const [stray] = await sql<{ count: number; first: string | null; last: string | null }>(
      `SELECT count(*)::integer AS count, min(time)::text AS first, max(time)::text AS last FROM audit_entries_default`,
    );
    const rows = stray?.count ?? 0;
    metrics
      .meter('audit')
      .createGauge('docket_audit_default_partition_rows', { description: 'Audit entries outside every month; more than 0 is an alarm' })
      .record(rows);
    if (rows > 0)
      log.error({ rows, first: stray?.first, last: stray?.last }, 'the audit log has entries in its default partition: their months were not made in time');
    const [made] = await sql<{ made: number }>('SELECT make_audit_partitions($1) AS made', [MONTHS_AHEAD]);
    if (made?.made) log.info({ made: made.made }, 'made partitions of the audit log');
    return DONE;
  },
};
