import type { MikroORM } from '@mikro-orm/postgresql';
import type { Pool, PoolClient } from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openOrm } from '../../src/foundation/database/orm.ts';
import { sqlOf } from '../../src/foundation/database/sql.ts';
import { createTestDatabase, type TestDatabase } from '../support/database/index.ts';

let database: TestDatabase;
let orm: MikroORM;
let pool: Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  // One connection: if it is not given back, nothing works any more.
  orm = await openOrm({ url: database.url, poolSize: 1, statementTimeoutMs: 5_000, lockTimeoutMs: 1_000, entities: [] });
  pool = (await (orm.em.getConnection() as unknown as { getNativeClient(): Promise<Pool> }).getNativeClient()) as Pool;
});
afterAll(async () => {
  await orm.close(true);
  await database.drop();
});

/** Cuts the next connection that is lent at the moment when it is to send this statement. */
function cutAt(statement: string): void {
  pool.once('acquire', (client: PoolClient) => {
    const query = client.query.bind(client) as (...given: unknown[]) => unknown;
    Object.assign(client, {
      query(...given: unknown[]) {
        if (String(given[0]).startsWith(statement)) (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
        return query(...given);
      },
    });
  });
}

const change = (): Promise<unknown> => orm.em.fork().transactional(async (em) => sqlOf(em)('SELECT 1'));

describe('a connection that is lost', () => {
  it.each(['begin', 'SELECT 1', 'commit', 'SET ROLE'])('it is not missing in the pool when that happens at %s', async (statement) => {
    if (statement === 'SET ROLE') for (const client of [await pool.connect()]) client.release(true);
    cutAt(statement);
    await expect(change()).rejects.toThrow(/terminated|closed|not queryable/i);
    await vi.waitFor(() => expect(pool.totalCount).toBe(pool.idleCount));
    await change();
  });

  it('it is not missing when that happens at the rollback of what failed', async () => {
    cutAt('rollback');
    await expect(orm.em.fork().transactional(async (em) => sqlOf(em)('SELECT 1 / 0'))).rejects.toThrow();
    await vi.waitFor(() => expect(pool.totalCount).toBe(pool.idleCount));
    await change();
  });
});
