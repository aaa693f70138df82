import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Order, SortFields } from '../../../src/foundation/page/index.ts';
import {
  afterPosition,
  cutPage,
  decodePageToken,
  encodePageToken,
  orderBySql,
  parseOrderBy,
  positionOf,
  positionSql,
} from '../../../src/foundation/page/index.ts';
import type { TestDatabase } from '../../support/database/index.ts';
import { createTestDatabase } from '../../support/database/index.ts';

const fields = {
  rank: { sql: 'p.rank', type: 'bigint' },
  big: { sql: 'p.big', type: 'bigint', nullable: true },
  name: { sql: 'p.name', type: 'text' },
  nick: { sql: 'p.nick', type: 'text', nullable: true },
  create_time: { sql: 'p.create_time', type: 'timestamptz' },
  resolve_time: { sql: 'p.resolve_time', type: 'timestamptz', nullable: true },
  active: { sql: 'p.active', type: 'boolean' },
  id: { sql: 'p.id', type: 'uuid' },
} as const satisfies SortFields;
const sortable = Object.keys(fields);

const ROWS = 150;
const key = randomBytes(32);
let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  // Few values, one microsecond or one unit past 2^53 apart, so that ties and near misses abound.
  await client.query(`
    CREATE TABLE p (id uuid PRIMARY KEY, rank smallint NOT NULL, big bigint, name text COLLATE "en-x-icu" NOT NULL, nick text COLLATE "C",
      create_time timestamptz NOT NULL, resolve_time timestamptz, active boolean NOT NULL);
    INSERT INTO p SELECT gen_random_uuid(), i % 3, CASE WHEN i % 4 > 0 THEN 9007199254740992 + i % 4 END,
      (ARRAY['a', 'B', 'é', ''])[1 + i % 4], (ARRAY['a', NULL, 'Z'])[1 + i % 3],
      timestamptz '2026-03-01 12:00Z' + (i % 5) * interval '1 microsecond',
      CASE WHEN i % 2 = 0 THEN timestamptz '2026-03-01 12:00Z' - (i % 7) * interval '1 microsecond' END, i % 2 = 0
    FROM generate_series(1, ${ROWS}) i;
    CREATE INDEX p_by_create_time ON p (create_time, id);
    ANALYZE p`);
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

type Found = { id: string } & Record<string, unknown>;

async function page(order: Order, token: string, size: number): Promise<{ ids: string[]; next: string }> {
  const binding = { caller: 'anna', rpc: 'List', argumentsHash: new Uint8Array(), order };
  const after = token === '' ? { text: 'true', values: [] } : afterPosition(order, decodePageToken(key, binding, token), 2);
  const sql = `SELECT id, ${positionSql(order)} FROM p WHERE ${after.text} ORDER BY ${orderBySql(order)} LIMIT $1`;
  const { rows } = await client.query<Found>(sql, [size + 1, ...after.values]);
  const { items, more } = cutPage(rows, size, () => 0);
  const last = items.at(-1);
  return { ids: items.map(({ id }) => id), next: more && last ? encodePageToken(key, binding, positionOf(last, order)) : '' };
}

const orderBy = fc
  .uniqueArray(fc.constantFrom(...sortable), { maxLength: 4 })
  .chain((names) => fc.tuple(...names.map((name) => fc.constantFrom(name, `${name} desc`))))
  .map((keys) => keys.join(', '));

describe('page after page', () => {
  it('shows every row once and in order, whatever the order, ties and unset values', async () => {
    await fc.assert(
      fc.asyncProperty(orderBy, fc.integer({ min: 7, max: 60 }), async (source, size) => {
        const order = parseOrderBy(source, fields, sortable, ['id']);
        const whole = await client.query<Found>(`SELECT id FROM p ORDER BY ${orderBySql(order)}`);
        const seen: string[] = [];
        let token = '';
        do {
          const { ids, next } = await page(order, token, size);
          seen.push(...ids);
          token = next;
        } while (token !== '');
        expect(seen).toEqual(whole.rows.map(({ id }) => id));
        expect(new Set(seen).size).toBe(ROWS);
      }),
      { numRuns: 60 },
    );
  });

  it('orders text by code point, whatever the collation of the column', async () => {
    const order = parseOrderBy('name', fields, sortable, ['id']);
    const { rows } = await client.query<{ name: string }>(`SELECT name FROM p ORDER BY ${orderBySql(order)}`);
    expect([...new Set(rows.map(({ name }) => name))]).toEqual(['', 'B', 'a', 'é']);
  });

  it('is not disturbed by rows that come and go before it', async () => {
    const order = parseOrderBy('create_time', fields, sortable, ['id']);
    const first = await page(order, '', 10);
    const second = await page(order, first.next, 10);
    await client.query('BEGIN');
    await client.query('DELETE FROM p WHERE id = ANY($1)', [first.ids.slice(0, 5)]);
    await client.query(`INSERT INTO p VALUES (gen_random_uuid(), 1, 1, 'new', NULL, '2020-01-01', NULL, true)`);
    const again = await page(order, first.next, 10);
    await client.query('ROLLBACK');
    expect(again.ids).toEqual(second.ids);
  });

  it.each(['create_time', 'create_time desc'])('descends the index to its start when sorted by %s', async (source) => {
    const order = parseOrderBy(source, fields, sortable, ['id']);
    const after = afterPosition(order, ['2026-03-01 12:00:00.000002+00', '0190b3c4-0000-7000-8000-000000000001']);
    await client.query('BEGIN');
    await client.query('SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off');
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN SELECT id FROM p WHERE ${after.text} ORDER BY ${orderBySql(order)} LIMIT 10`,
      after.values,
    );
    await client.query('ROLLBACK');
    const plan = rows.map((line) => line['QUERY PLAN']).join('\n');
    expect(plan).toMatch(/Index (Only )?Scan.* using p_by_create_time/);
    expect(plan).toMatch(/Index Cond: \(ROW\(create_time, id\)/);
    expect(plan).not.toMatch(/Sort/);
  });

  it('binds what the position holds', () => {
    const order = parseOrderBy('nick, name desc', fields, sortable, ['id']);
    const { text, values } = afterPosition(order, [`'; --`, null, 'x'], 3);
    expect(text).not.toContain('--');
    expect(values).toContain(`'; --`);
    expect(() => afterPosition(order, ['a'])).toThrow(/one value for each key/);
  });
});
