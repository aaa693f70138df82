import { PgBoss } from 'pg-boss';

/** The schema that pg-boss keeps its queues in. */
export const JOBS_SCHEMA = 'pgboss';

/** Installs or upgrades the job queue's own schema, as the owner of the database; a no-op when it is current. */
export async function installJobs(url: string): Promise<void> {
  const boss = new PgBoss({ connectionString: url, schema: JOBS_SCHEMA, max: 1, supervise: false, schedule: false });
  await boss.start();
  await boss.stop({ graceful: false, close: true });
}
