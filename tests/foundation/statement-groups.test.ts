import type { MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openOrm } from '../../src/foundation/database/orm.ts';
import { prepared } from '../../src/foundation/database/prepared.ts';
import { inTransaction } from '../../src/foundation/database/transaction.ts';
import { createTestDatabase, type TestDatabase } from '../support/database/index.ts';

const KEEP = prepared('INSERT INTO kept (n) VALUES ($1)');
const COUNT = prepared('SELECT count(*)::integer AS kept, $1::text AS word FROM kept');
const NUMBERS = prepared('SELECT n FROM kept WHERE n <= $1 ORDER BY n');

// One connection, so that whatever a failure leaves behind meets the next transaction.
let database: TestDatabase;
let orm: MikroORM;
beforeEach(async () => {
  database = await createTestDatabase();
  orm = await openOrm({ url: database.url, poolSize: 1, statementTimeoutMs: 5_000, lockTimeoutMs: 1_000, entities: [] });
  const owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
  await owner.query('CREATE TABLE docket.kept (n integer PRIMARY KEY); GRANT ALL ON docket.kept TO PUBLIC');
  await owner.end();
});
afterEach(async () => {
  await orm.close();
  await database.drop();
});

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** One transaction of statements that nobody waits for. */
const keep = (...statements: readonly [string, unknown][]) =>
  inTransaction(orm, 'byKey', async (tx) => {
    for (const [text, value] of statements) tx.send(text, [value]);
  });

const kept = () => inTransaction(orm, 'usual', async (tx) => (await tx.sql<{ n: number }>(NUMBERS, [1_000])).map(({ n }) => n));

describe('statements that are sent together', () => {
  it('each give their rows to whoever asked, whether prepared or not, the first time and later', async () => {
    await keep([KEEP, 1], [KEEP, 2]);
    for (const word of ['first', 'again', 'later']) {
      const found = await inTransaction(orm, 'byKey', (tx) =>
        Promise.all([tx.sql(COUNT, [word]), tx.sql(NUMBERS, [1]), tx.sql('SELECT $1::integer + 1 AS more', [5]), tx.sql(NUMBERS, [0]), tx.sql(NUMBERS, [2])]),
      );
      expect(found).toEqual([[{ kept: 2, word }], [{ n: 1 }], [{ more: 6 }], [], [{ n: 1 }, { n: 2 }]]);
    }
  });

  it('are undone together when one in their middle fails, for its reason, and the next transaction finds a connection in order', async () => {
    await keep([KEEP, 1]);
    for (let again = 0; again < 3; again++) {
      await expect(keep([KEEP, 2], [KEEP, 1], [KEEP, 3])).rejects.toMatchObject({ code: '23505' });
      expect(await kept()).toEqual([1]);
    }
  });

  it('leave no connection behind of which nobody knows what it keeps prepared', async () => {
    await expect(keep([KEEP, 'no number'], [KEEP, 2])).rejects.toMatchObject({ code: '22P02' });
    await expect(inTransaction(orm, 'byKey', (tx) => Promise.all([tx.sql('SELECT 1 / $1::integer', [0]), tx.sql(COUNT, ['x'])]))).rejects.toMatchObject({
      code: '22012',
    });
    await keep([KEEP, 4]);
    expect(await inTransaction(orm, 'byKey', (tx) => tx.sql(COUNT, ['x']))).toEqual([{ kept: 1, word: 'x' }]);
    expect(await kept()).toEqual([4]);
  });

  it('are undone together when the values of one cannot be written at all', async () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    for (let again = 0; again < 2; again++) {
      await expect(keep([KEEP, 1], [KEEP, circular], [KEEP, 2])).rejects.toThrow(/circular/i);
      expect(await kept()).toEqual([]);
    }
    // Its group is long gone when COMMIT would be sent.
    const slowly = inTransaction(orm, 'byKey', async (tx) => {
      tx.send(KEEP, [1]);
      tx.send(KEEP, [circular]);
      await nextTurn();
    });
    await expect(slowly).rejects.toThrow(/circular/i);
    expect(await kept()).toEqual([]);
  });
});
