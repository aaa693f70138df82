import { type AnyEntity, type EntityClass, MikroORM } from '@mikro-orm/postgresql';
import { Client, type PoolClient } from 'pg';
import { SCHEMA, SERVICE_ROLE } from './names.ts';
import { PooledClient } from './pooled-client.ts';

/** How the service talks to its database. */
export interface DatabaseOptions {
  readonly url: string;
  /** Connections this process keeps at most. */
  readonly poolSize: number;
  /** A query running longer is ended by the server, in milliseconds. */
  readonly statementTimeoutMs: number;
  /** A lock not had after this is given up, in milliseconds; a transaction that does nothing for as long is ended, so that its locks are free. */
  readonly lockTimeoutMs: number;
  /** Whether `default_transaction_read_only` of the database is left out of account: its owner watches it by itself. */
  readonly watchesWrites?: boolean;
  readonly entities: readonly EntityClass<AnyEntity>[];
  readonly log?: (line: string) => void;
}

/** The least that a transaction may do nothing before the server ends it, in milliseconds: a busy process may be held up for a moment. */
const SHORTEST_IDLE_MS = 1_000;
/** After this long without a word, the server asks whether the host of a connection is still there; so does the client. In seconds. */
const SILENCE_SECONDS = 10;

/**
 * Opens the pool and the entity manager over a migrated database. Every connection works in UTC, in
 * Docket's schema, and under the service's own role where the database user is a member of it.
 */
export async function openOrm(options: DatabaseOptions): Promise<MikroORM> {
  const idleMs = Math.max(SHORTEST_IDLE_MS, options.lockTimeoutMs);
  const settings = [
    `search_path=${SCHEMA}`,
    'timezone=UTC',
    `statement_timeout=${options.statementTimeoutMs}`,
    `lock_timeout=${options.lockTimeoutMs}`,
    // Of a process that is stopped, or whose host has vanished, nobody hears: its locks are not to be held longer than others wait for one.
    `idle_in_transaction_session_timeout=${idleMs}`,
    `tcp_user_timeout=${idleMs}`,
    `tcp_keepalives_idle=${SILENCE_SECONDS}`,
    'tcp_keepalives_interval=5',
    'jit=off',
    // Connections live longer than what the database was set to when they were made.
    ...(options.watchesWrites ? ['default_transaction_read_only=off'] : []),
  ];
  const takesRole = await mayTakeServiceRole(options.url);
  const log = options.log;
  const orm = new MikroORM({
    clientUrl: options.url,
    entities: [...options.entities],
    schema: SCHEMA,
    discovery: { warnWhenNoEntities: false },
    pool: { min: 0, max: options.poolSize },
    driverOptions: {
      options: settings.map((setting) => `-c ${setting}`).join(' '),
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: SILENCE_SECONDS * 1000,
      application_name: 'docket',
      Client: PooledClient,
      // Statements are sent at once, without waiting for the answers to those before.
      pipeline: true,
      // Not among the settings: the connection that cancels a query is made from these, and needs the user's own rights.
      ...(takesRole ? { verify: takeServiceRole } : {}),
    },
    colors: false,
    ...(log ? { logger: log } : {}),
  });
  await orm.connect();
  return orm;
}

/** What the pool does with a new connection before it lends it for the first time. */
function takeServiceRole(client: PoolClient, done: (error?: Error) => void): void {
  client.query(`SET ROLE ${SERVICE_ROLE}`).then(() => done(), done);
}

/** Whether the database user may work under the service's role, which can read the audit log but not write it. */
export async function mayTakeServiceRole(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const found = await client.query<{ member: boolean }>(`SELECT pg_has_role(current_user, oid, 'MEMBER') AS member FROM pg_roles WHERE rolname = $1`, [
      SERVICE_ROLE,
    ]);
    return found.rows[0]?.member ?? false;
  } finally {
    await client.end();
  }
}
