import type { EntityManager, MikroORM } from '@mikro-orm/postgresql';
import { Kysely, PostgresDialect } from 'kysely';
import type { Pool, PoolClient } from 'pg';
import type { Sql } from './sql.ts';

/** A transaction on one connection. */
export interface Transaction {
  /** Sends a statement at once and resolves with its rows. */
  readonly sql: Sql;
  /** Sends a statement whose answer nobody waits for: if it fails, the commit does, with that failure. */
  send(text: string, values?: readonly unknown[]): void;
  /** An entity manager inside this transaction. */
  entities(): Promise<EntityManager>;
}

// Statements of units of work look things up by key: one plan is good for all values, and PostgreSQL would make a new one at each call.
const BEGIN =
  'BEGIN; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off';

/**
 * Runs `work` in a READ COMMITTED transaction and commits. BEGIN, the statements of `work` and COMMIT go out
 * without waiting for each other's answers, except where `work` itself awaits one. Throws the first failure,
 * with everything rolled back.
 */
export async function inTransaction<T>(orm: MikroORM, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const pool = await poolOf(orm);
  const client = await pool.connect();
  const sent: Promise<unknown>[] = [];
  const keep = (answer: Promise<unknown>): void => {
    // Looked at together below; until then nobody waits for it.
    answer.catch(() => undefined);
    sent.push(answer);
  };
  try {
    keep(client.query(BEGIN));
    const tx: Transaction = {
      sql: async <Row>(text: string, values: readonly unknown[] = []) => (await client.query(text, values as unknown[])).rows as Row[],
      send: (text, values = []) => keep(client.query(text, values as unknown[])),
      entities: () => entitiesOn(orm, client),
    };
    const result = await work(tx);
    keep(client.query('COMMIT'));
    await Promise.all(sent);
    client.release();
    return result;
  } catch (thrown) {
    await rollBack(client);
    const [first] = (await Promise.allSettled(sent)).filter((one) => one.status === 'rejected');
    throw first?.reason ?? thrown;
  }
}

/** Ends what failed; a connection on which that is not possible leaves the pool. */
async function rollBack(client: PoolClient): Promise<void> {
  try {
    await client.query('ROLLBACK');
    client.release();
  } catch {
    client.release(true);
  }
}

async function poolOf(orm: MikroORM): Promise<Pool> {
  const connection = orm.em.getConnection() as unknown as { getNativeClient(): Promise<Pool> };
  return connection.getNativeClient();
}

/** MikroORM takes part in a transaction by its query builder's handle: this one neither begins nor ends it. */
async function entitiesOn(orm: MikroORM, client: PoolClient): Promise<EntityManager> {
  const lent = {
    query: async (text: string, values: unknown[]) => (text === 'begin' ? { command: 'BEGIN', rows: [] } : client.query(text, values)),
    release: () => undefined,
    processID: 0,
  };
  const dialect = new PostgresDialect({ pool: { connect: async () => lent, end: async () => undefined } as never });
  const em = orm.em.fork();
  em.setTransactionContext(await new Kysely({ dialect }).startTransaction().execute());
  return em;
}
