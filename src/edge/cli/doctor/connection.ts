import { Client } from 'pg';
import { type Finding, ok, wrong } from './finding.ts';

/** As long as a database may take to answer, in milliseconds. */
const PATIENCE_MS = 5_000;

/** A connection as the database's owner, with what is to be said about it; undefined where there is none. */
export async function examineConnection(url: string): Promise<{ readonly client: Client | undefined; readonly findings: Finding[] }> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: PATIENCE_MS,
    statement_timeout: PATIENCE_MS,
    options: '-c search_path=docket -c timezone=UTC',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ number: string; text: string; name: string }>(
      `SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS text, current_database() AS name`,
    );
    const [server] = rows;
    if (Number(server?.number) >= 140_000) return { client, findings: [ok('database', `PostgreSQL ${server?.text}, database ${server?.name}`)] };
    const findings = [wrong('database', `PostgreSQL ${server?.text} is too old`, 'PostgreSQL 14 or newer is needed')];
    return { client, findings };
  } catch (error) {
    await client.end().catch(() => undefined);
    return { client: undefined, findings: [refusal(error as NodeJS.ErrnoException, url)] };
  }
}

/** Whether anybody else is connected to the database: a service that runs always is. */
export async function isServed(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ served: boolean }>(
    'SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND usename IS NOT NULL AND pid <> pg_backend_pid()) AS served',
  );
  return rows[0]?.served ?? false;
}

/** Neither message nor cure holds the password. */
function refusal(error: NodeJS.ErrnoException, url: string): Finding {
  const { hostname, port, username, pathname } = new URL(url);
  const server = `${hostname || 'localhost'}:${port || 5432}`;
  const user = decodeURIComponent(username) || 'the user';
  const database = decodeURIComponent(pathname.slice(1)) || user;
  switch (error.code) {
    case '28P01':
      return wrong(
        'database',
        `the password of ${user} is not the right one`,
        'set the right one in DATABASE_URL; what is special in it is written as %40 for @, %2F for /',
      );
    case '28000':
      return wrong('database', `${server} does not let ${user} in: ${error.message}`, 'allow him in pg_hba.conf, or name another user in DATABASE_URL');
    case '3D000':
      return wrong('database', `there is no database ${database} on ${server}`, `createdb ${database}, or name another in DATABASE_URL`);
    case '53300':
      return wrong('database', `${server} has no connections left`, 'raise max_connections, or lower DOCKET_DATABASE_POOL_SIZE');
    case 'ECONNREFUSED':
      return wrong('database', `nothing listens on ${server}`, 'start PostgreSQL there, or correct host and port in DATABASE_URL');
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return wrong('database', `the host ${hostname} is not known`, 'correct the host in DATABASE_URL');
    default:
      return wrong('database', `${server} cannot be used: ${error.message || error.code}`, 'correct DATABASE_URL, or see the log of PostgreSQL');
  }
}
