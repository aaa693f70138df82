import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { migrate } from '../../../src/foundation/database/migrate.ts';

/** What one run of the tests has on its server. */
export interface TestRun {
  /** Of a role that may make databases. */
  readonly adminUrl: string;
  /** How the name of every database of this run begins. */
  readonly prefix: string;
}

/** Roles belong to the whole server, so runs that share one migrate one after the other. */
const migrationLock = 0x646f6374;

/** The name of the migrated database that the others are copied from. */
export function templateOf(run: TestRun): string {
  return `${run.prefix}_template`;
}

/** The same server, another database. */
export function urlOfDatabase(adminUrl: string, database: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  return url.href;
}

/** Works on one connection to the server and closes it. */
export async function withAdmin<Result>(adminUrl: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  return work(client).finally(() => client.end());
}

/** Migrates the run's template and gives it a clock that tests can move. */
export async function buildTemplate(adminUrl: string): Promise<TestRun> {
  const run = { adminUrl, prefix: `docket_test_${randomBytes(4).toString('hex')}` };
  const template = templateOf(run);
  const url = urlOfDatabase(adminUrl, template);
  await withAdmin(adminUrl, async (client) => {
    await client.query('SELECT pg_advisory_lock($1)', [migrationLock]);
    // UTF-8 and locale C whatever the server's own are: the same answers everywhere.
    await client.query(`CREATE DATABASE ${template} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'`);
    await migrate({ url });
    await withAdmin(url, installClock);
    // Nobody may be connected to a database while it is copied.
    await client.query(`ALTER DATABASE ${template} ALLOW_CONNECTIONS false`);
  }).catch(async (cause: unknown) => {
    await dropRun(run).catch(() => undefined);
    throw cause;
  });
  return run;
}

/** Removes every database of the run, also those that a failed test left behind. */
export async function dropRun(run: TestRun): Promise<void> {
  await withAdmin(run.adminUrl, async (client) => {
    const { rows } = await client.query<{ datname: string }>('SELECT datname FROM pg_database WHERE starts_with(datname, $1)', [run.prefix]);
    for (const { datname } of rows) await client.query(`DROP DATABASE IF EXISTS ${datname} WITH (FORCE)`);
  });
}

async function installClock(client: pg.Client): Promise<void> {
  await client.query(`
    CREATE TABLE docket.test_clock (ahead interval NOT NULL);
    CREATE UNIQUE INDEX test_clock_one_row ON docket.test_clock ((true));
    INSERT INTO docket.test_clock VALUES ('0');
    GRANT SELECT, UPDATE ON docket.test_clock TO PUBLIC;
    CREATE OR REPLACE FUNCTION docket.docket_now() RETURNS timestamptz LANGUAGE sql VOLATILE
      AS 'SELECT clock_timestamp() + ahead FROM docket.test_clock';
  `);
}
