import { PgBoss } from 'pg-boss';
import { SERVICE_ROLE } from '../database/names.ts';
import { mayTakeServiceRole } from '../database/orm.ts';
import type { Logger } from '../log.ts';
import { JOBS_SCHEMA } from './install.ts';

/** Connections that the job queue keeps at most, besides one that listens for new jobs. */
const POOL_SIZE = 4;
/** How soon the jobs of a process that died are noticed, in seconds. */
const SUPERVISE_SECONDS = 15;

/**
 * Opens the job queue of a migrated database, under the service's own role where that is possible.
 * Its owner calls `stop()`. Trouble with the database later on goes to the log; it heals by itself.
 */
export async function openBoss(options: { readonly url: string; readonly log: Logger }): Promise<PgBoss> {
  const settings = ['timezone=UTC', 'statement_timeout=60000', 'jit=off'];
  if (await mayTakeServiceRole(options.url)) settings.push(`role=${SERVICE_ROLE}`);
  const boss = new PgBoss({
    connectionString: options.url,
    options: settings.map((setting) => `-c ${setting}`).join(' '),
    application_name: 'docket-jobs',
    max: POOL_SIZE,
    schema: JOBS_SCHEMA,
    // The schema is the owner's to change: `migrate` does it, and so are its indexes.
    migrate: false,
    createSchema: false,
    reindex: false,
    useListenNotify: true,
    superviseIntervalSeconds: SUPERVISE_SECONDS,
    monitorIntervalSeconds: SUPERVISE_SECONDS,
  });
  boss.on('error', (error) => options.log.warn({ err: error instanceof Error ? error : new Error((error as { message?: string }).message) }, 'job queue'));
  boss.on('warning', (warning) => options.log.warn({ details: warning.data }, `job queue: ${warning.message}`));
  await boss.start();
  return boss;
}
