import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileFilter } from '../../../src/foundation/filter/index.ts';
import type { TestDatabase } from '../../support/database/index.ts';
import { createTestDatabase } from '../../support/database/index.ts';
import { sample } from './sample-filters.ts';
import { now, schema } from './sample-rows.ts';

const translated = (filter: string) => compileFilter(filter, schema, { now });

const WORDS =
  'AND OR NOT CASE WHEN THEN END IS NULL DISTINCT FROM ANY ARRAY COLLATE SELECT count coalesce to_jsonb jsonb_typeof jsonb_array_length ' +
  'jsonb_object_keys jsonb_path_query_first char_length cardinality starts_with right strpos true false';
const OURS = new RegExp(
  `> 0|\\$\\d+|::[a-z]+(\\[\\])?|'(\\{\\}|string|boolean|number|array|object|null|true)'|'strict \\$\\[\\$index\\]'|"C"|r\\.[a-z_]+|` +
    `\\b(${WORDS.replaceAll(' ', '|')})\\b|->|@>|#>>|[ ()<>=+,[\\]*-]`,
  'g',
);

describe('the SQL of a filter', () => {
  it('is true of everything when the filter is empty', () => {
    expect(translated('')).toEqual({ text: 'true', values: [] });
    expect(translated(' \n ')).toEqual({ text: 'true', values: [] });
  });

  it('binds every literal and leaves columns bare, so that indexes serve them', () => {
    expect(translated('status in [OPEN, "ON_HOLD"] && priority >= HIGH && create_time > timestamp("2026-01-01T00:00:00+01:00")')).toEqual({
      text: '(((r.status = ANY($1::text[])) AND (r.priority >= $2::bigint)) AND (r.create_time > $3::timestamptz))',
      values: [['OPEN', 'ON_HOLD'], '3', '2025-12-31T23:00:00.000000Z'],
    });
    expect(translated('nick == "x"').text).toBe('(r.nick IS NOT NULL AND r.nick = $1::text)');
    expect(translated('nick == ""').text).toBe('(r.nick IS NULL OR r.nick = $1::text)');
    expect(translated('"vip" in labels').text).toBe('(r.labels @> ARRAY[$1::text])');
    expect(translated('group_id == "0190b3c4-0000-7000-8000-000000000001"').text).toBe('(r.group_id = $1::uuid)');
  });

  it('numbers its placeholders from where the caller asks', () => {
    expect(compileFilter('name == "a" && user_id == 2', schema, { firstParameter: 5 })).toEqual({
      text: '((r.name = $5::text) AND (r.user_id = $6::bigint))',
      values: ['a', '2'],
    });
  });

  it('works out times before the database sees them', () => {
    expect(translated('create_time > now - duration("24h")').values).toEqual(['2026-02-28T12:00:00.000001Z']);
    expect(translated('create_time > timestamp("2026-03-01T00:00:00Z") + duration("1h30m0.5s") - duration("-1.5us")').values).toEqual([
      '2026-03-01T01:30:00.500001Z',
    ]);
  });

  it('uses each of its parameters, and nothing that a caller wrote', () => {
    fc.assert(
      fc.property(sample, ({ filter }) => {
        const { text, values } = translated(filter);
        const used = new Set([...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)));
        expect(used).toEqual(new Set(values.map((_, index) => index + 1)));
        expect(text.replace(OURS, '')).toBe('');
      }),
      { numRuns: 300 },
    );
  });
});

describe('hostile text in a filter', () => {
  let database: TestDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    database = await createTestDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query('CREATE TABLE r (name text NOT NULL, attributes jsonb NOT NULL)');
  });

  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  it('is found as written and does nothing else, wherever it stands', async () => {
    const texts = [`'; DROP TABLE r; --`, `" || true || "`, '$1', '$$', '%', '_', '\\', "\\'", '{"a":1}', '{a,b}', 'NULL', '🦆', '\u2028', '/*'];
    for (const text of texts) {
      const [literal, key] = [JSON.stringify(text), `attributes[${JSON.stringify(text)}]`];
      await client.query('TRUNCATE r');
      await client.query('INSERT INTO r VALUES ($1, $2), ($3, $4)', [text, JSON.stringify({ [text]: text }), 'other', '{}']);
      const filters = [
        `name == ${literal}`,
        `name in [${literal}, "x"]`,
        `name.startsWith(${literal})`,
        `name.endsWith(${literal})`,
        `name.contains(${literal})`,
        `${key} == ${literal}`,
        `${key} in [${literal}]`,
        `${key} >= ${literal}`,
        `has(${key})`,
        `${literal} in attributes`,
      ];
      for (const filter of filters) {
        const { text: sql, values } = translated(filter);
        const { rows } = await client.query<{ name: string }>(`SELECT name FROM r WHERE ${sql}`, values);
        expect(rows, filter).toEqual([{ name: text }]);
      }
    }
  });
});
