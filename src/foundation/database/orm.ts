import { type AnyEntity, type EntityClass, MikroORM } from '@mikro-orm/postgresql';
import { CompiledQuery, type DatabaseConnection, type QueryResult } from 'kysely';
import { Client } from 'pg';
import { isDatabaseLost } from './failures.ts';
import { SCHEMA, SERVICE_ROLE } from './migrate.ts';

/** How the service talks to its database. */
export interface DatabaseOptions {
  readonly url: string;
  /** Connections this process keeps at most. */
  readonly poolSize: number;
  /** A query running longer is ended by the server, in milliseconds. */
  readonly statementTimeoutMs: number;
  /** A lock not had after this is given up, in milliseconds. */
  readonly lockTimeoutMs: number;
  readonly entities: readonly EntityClass<AnyEntity>[];
  readonly log?: (line: string) => void;
}

/**
 * Opens the pool and the entity manager over a migrated database. Every connection works in UTC, in
 * Docket's schema, and under the service's own role where the database user is a member of it.
 */
export async function openOrm(options: DatabaseOptions): Promise<MikroORM> {
  const settings = [
    `search_path=${SCHEMA}`,
    'timezone=UTC',
    `statement_timeout=${options.statementTimeoutMs}`,
    `lock_timeout=${options.lockTimeoutMs}`,
    'idle_in_transaction_session_timeout=60000',
    'jit=off',
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
      application_name: 'docket',
    },
    // Not among the settings: the connection that cancels a query is made from these, and needs the user's own rights.
    onCreateConnection: async (connection: unknown) => {
      giveBackWhenLost(connection as DatabaseConnection);
      if (takesRole) await takeServiceRole(connection as DatabaseConnection);
    },
    colors: false,
    ...(log ? { logger: log } : {}),
  });
  await orm.connect();
  return orm;
}

/**
 * Kysely gives a transaction's connection back to the pool only after its rollback succeeded; on one that was
 * lost it never does, and each would be missing in the pool for good. The pool itself throws lost ones away.
 */
function giveBackWhenLost(connection: DatabaseConnection): void {
  const execute = connection.executeQuery.bind(connection);
  connection.executeQuery = async <Row>(query: CompiledQuery, ...rest: unknown[]) => {
    try {
      return await (execute as (...all: unknown[]) => Promise<QueryResult<Row>>)(query, ...rest);
    } catch (error) {
      if (query.sql === 'rollback' && isDatabaseLost(error)) return { rows: [] };
      throw error;
    }
  };
}

async function takeServiceRole(connection: DatabaseConnection): Promise<void> {
  await connection.executeQuery(CompiledQuery.raw(`SET ROLE ${SERVICE_ROLE}`));
}

/** Whether the database user may work under the service's role, which can read the audit log but not write it. */
export async function mayTakeServiceRole(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const found = await client.query<{ member: boolean }>(
      `SELECT pg_has_role(current_user, oid, 'MEMBER') AS member FROM pg_roles WHERE rolname = $1`,
      [SERVICE_ROLE],
    );
    return found.rows[0]?.member ?? false;
  } finally {
    await client.end();
  }
}
