import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEmptyDatabase, createTestDatabase, moveClock, type TestDatabase } from '../support/database/index.ts';

async function ask<Row>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client
    .query(text)
    .then((result) => result.rows as Row[])
    .finally(() => client.end());
}

describe('a test database', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  it('has the tables of the newest migration', async () => {
    const tables = await ask<{ name: string }>(database.url, `SELECT relname AS name FROM pg_class WHERE relnamespace = 'docket'::regnamespace`);
    expect(tables.map((table) => table.name)).toEqual(expect.arrayContaining(['tickets', 'agents', 'groups']));
  });

  it('shares nothing with another one', async () => {
    const other = await createTestDatabase();
    await ask(other.url, 'CREATE TABLE docket.only_here ()');
    expect(await ask(database.url, `SELECT to_regclass('docket.only_here') AS found`)).toEqual([{ found: null }]);
    await other.drop();
  });

  it('tells the time the test has moved it to', async () => {
    const [before] = await ask<{ now: Date }>(database.url, 'SELECT docket.docket_now() AS now');
    const after = await moveClock(database.url, '2 days');
    const movedMs = after.getTime() - (before?.now.getTime() ?? 0);
    expect(movedMs).toBeGreaterThanOrEqual(2 * 86_400_000);
    expect(movedMs).toBeLessThan(2 * 86_400_000 + 20_000);
  });

  it('goes on telling real time inside one transaction', async () => {
    const [row] = await ask<{ flows: boolean }>(database.url, 'SELECT docket.docket_now() < docket.docket_now() AS flows');
    expect(row?.flows).toBe(true);
  });

  it('goes away even while somebody is connected', async () => {
    const doomed = await createTestDatabase();
    const client = new pg.Client({ connectionString: doomed.url });
    const ended = new Promise((settle) => client.on('error', () => undefined).once('end', settle));
    await client.connect();
    await doomed.drop();
    await ended;
    await expect(ask(doomed.url, 'SELECT')).rejects.toMatchObject({ code: '3D000' });
  });
});

describe('an empty database', () => {
  it('has no schema of ours', async () => {
    const database = await createEmptyDatabase();
    expect(await ask(database.url, `SELECT to_regnamespace('docket') AS found`)).toEqual([{ found: null }]);
    await database.drop();
  });
});
