import type { EntityManager, MikroORM } from '@mikro-orm/postgresql';
import { Kysely, PostgresDialect } from 'kysely';
import type { Client, Pool, PoolClient, QueryResult, Submittable } from 'pg';
import { sqlStateOf } from './failures.ts';
import type { Sql } from './sql.ts';
import { StatementGroup } from './statement-group.ts';
import type { StatementWatch } from './traced.ts';

/** A transaction on one connection. */
export interface Transaction {
  /** Sends a statement at once and resolves with its rows. */
  readonly sql: Sql;
  /** Sends a statement whose answer nobody waits for: if it fails, the commit does, with that failure. */
  send(text: string, values?: readonly unknown[]): void;
  /** Hands over what was sent so far, which otherwise waits for whatever is sent in the same turn; resolves when it is under way. */
  sendNow(): Promise<void>;
  /** An entity manager inside this transaction. */
  entities(): Promise<EntityManager>;
}

/** How PostgreSQL plans the statements of a transaction: as ever, or once for all values and going by key. */
export type Planning = 'usual' | 'byKey';

// Where every statement looks things up by key, one plan is good for all values and PostgreSQL need not make one at each call; and a
// plan made while a table was small must not be kept as a scan of it.
const BEGIN: Record<Planning, string> = {
  usual: 'BEGIN',
  byKey:
    'BEGIN; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off',
};

/** What PostgreSQL says of every statement that it gets after one has failed. */
const AFTER_A_FAILURE = '25P02';

/**
 * Runs `work` in a READ COMMITTED transaction and commits. BEGIN, the statements of `work` and COMMIT go out
 * without waiting for each other's answers, except where `work` itself awaits one. Throws the first failure,
 * with everything rolled back.
 */
export async function inTransaction<T>(orm: MikroORM, planning: Planning, work: (tx: Transaction) => Promise<T>, watch?: StatementWatch): Promise<T> {
  const carriedOut = async (statements: Statements, client: PoolClient): Promise<T> => {
    const result = await work({
      sql: askingOf(statements),
      send: (text, values) => statements.send(text, values),
      sendNow: async () => statements.flush(),
      entities: () => entitiesOn(orm, client, statements, watch),
    });
    statements.send('COMMIT');
    return result;
  };
  return onConnection(orm, planning, carriedOut, watch);
}

/**
 * Looks something up with plans that go by key. What `look` sends before it awaits an answer goes out in one packet with the COMMIT; a
 * statement that it sends later stands alone.
 */
export async function lookUpByKey<T>(orm: MikroORM, look: (sql: Sql) => Promise<T>): Promise<T> {
  return onConnection(orm, 'byKey', (statements) => {
    const looking = look(askingOf(statements));
    statements.send('COMMIT');
    return looking;
  });
}

const askingOf =
  (statements: Statements): Sql =>
  async <Row>(text: string, values: readonly unknown[] = []) =>
    (await statements.ask(text, values)).rows as Row[];

async function onConnection<T>(
  orm: MikroORM,
  planning: Planning,
  work: (statements: Statements, client: PoolClient) => Promise<T>,
  watch?: StatementWatch,
): Promise<T> {
  const pool = await poolOf(orm);
  const client = await pool.connect();
  const statements = new Statements(client, BEGIN[planning], watch);
  try {
    const result = await work(statements, client);
    await statements.succeeded();
    client.release();
    return result;
  } catch (thrown) {
    statements.flush();
    await rollBack(client, statements);
    throw await statements.causeOf(thrown);
  }
}

/** The statements of a transaction, in the order in which they were sent. What is sent without awaiting anything goes as one group. */
class Statements {
  readonly #client: PoolClient;
  readonly #begin: string;
  readonly #watch: StatementWatch | undefined;
  readonly #all: Promise<QueryResult>[] = [];
  /** Those that nobody waits for. */
  readonly #sent: Promise<QueryResult>[] = [];
  readonly #groups: StatementGroup[] = [];
  #gathering: StatementGroup | undefined;
  #begun = false;

  constructor(client: PoolClient, begin: string, watch: StatementWatch | undefined) {
    this.#watch = watch;
    this.#client = client;
    this.#begin = begin;
  }

  ask(text: string, values: readonly unknown[]): Promise<QueryResult> {
    if (!this.#gathering) {
      this.#gathering = new StatementGroup(this.#client as unknown as Client);
      // Later than a microtask, so that COMMIT goes along with what the work sent last.
      process.nextTick(() => this.flush());
    }
    const answer = this.#heed(this.#gathering.add(text, values));
    this.#watch?.(text, answer);
    return answer;
  }

  send(text: string, values: readonly unknown[] = []): void {
    this.#sent.push(this.ask(text, values));
  }

  /** Hands over what was gathered, before anything else goes out on the connection. */
  flush(): void {
    if (!this.#begun) {
      this.#begun = true;
      this.#sent.push(this.#heed(this.#client.query(this.#begin)));
    }
    const group = this.#gathering;
    this.#gathering = undefined;
    if (!group) return;
    if (this.#groups.some((earlier) => earlier.broken)) return group.skip();
    this.#groups.push(group);
    this.#client.query(group as unknown as Submittable);
  }

  async succeeded(): Promise<void> {
    await Promise.all(this.#sent);
  }

  /** Whether nobody knows any more which statements the connection keeps prepared. */
  get tainted(): boolean {
    return this.#groups.some((group) => group.tainted);
  }

  /** Looked at together later; until then nobody may wait for it. */
  #heed(answer: Promise<QueryResult>): Promise<QueryResult> {
    answer.catch(() => undefined);
    this.#all.push(answer);
    return answer;
  }

  /**
   * Why the transaction failed, as far as its statements know better than what was thrown: one that nobody
   * waited for failed, or all that was heard of is a statement that came after the one that failed.
   */
  async causeOf(thrown: unknown): Promise<unknown> {
    const unheard = await failuresOf(this.#sent);
    if (unheard.length === 0 && sqlStateOf(thrown) !== AFTER_A_FAILURE) return thrown;
    const failures = await failuresOf(this.#all);
    return failures.find((failure) => sqlStateOf(failure) !== AFTER_A_FAILURE) ?? thrown;
  }
}

async function failuresOf(answers: readonly Promise<unknown>[]): Promise<unknown[]> {
  return (await Promise.allSettled(answers)).flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
}

/** Ends what failed; a connection on which that is not possible leaves the pool. */
async function rollBack(client: PoolClient, statements: Statements): Promise<void> {
  try {
    await client.query('ROLLBACK');
    client.release(statements.tainted);
  } catch {
    client.release(true);
  }
}

async function poolOf(orm: MikroORM): Promise<Pool> {
  const connection = orm.em.getConnection() as unknown as { getNativeClient(): Promise<Pool> };
  return connection.getNativeClient();
}

/** MikroORM takes part in a transaction by its query builder's handle: this one neither begins nor ends it. */
async function entitiesOn(orm: MikroORM, client: PoolClient, statements: Statements, watch: StatementWatch | undefined): Promise<EntityManager> {
  const lent = {
    query: async (text: string, values: unknown[]) => {
      if (text === 'begin') return { command: 'BEGIN', rows: [] };
      statements.flush();
      const answer = client.query(text, values);
      watch?.(text, answer);
      return answer;
    },
    release: () => undefined,
    processID: 0,
  };
  const dialect = new PostgresDialect({ pool: { connect: async () => lent, end: async () => undefined } as never });
  const em = orm.em.fork();
  em.setTransactionContext(await new Kysely({ dialect }).startTransaction().execute());
  return em;
}
