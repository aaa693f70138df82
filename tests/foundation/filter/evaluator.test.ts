import { celEnv, parse, plan } from '@bufbuild/cel';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileFilter } from '../../../src/foundation/filter/index.ts';
import type { TestDatabase } from '../../support/database/index.ts';
import { createTestDatabase } from '../../support/database/index.ts';
import { sample } from './sample-filters.ts';
import { bindings, now, row, schema, storeRows } from './sample-rows.ts';

const rows = fc.sample(row, 120);
const variables = rows.map(bindings);
let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await storeRows(client, rows);
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

type Verdict = boolean | null;

async function asked(filter: string): Promise<Verdict[]> {
  const { text, values } = compileFilter(filter, schema, { firstParameter: 2, now });
  const sql = `SELECT (${text}) AS verdict FROM filter_rows r WHERE $1::boolean ORDER BY r.id`;
  const found = await client.query<{ verdict: Verdict }>(sql, [true, ...values]);
  return found.rows.map(({ verdict }) => verdict);
}

const env = celEnv();

function evaluated(cel: string): Verdict[] {
  const evaluate = plan(env, parse(cel));
  return variables.map((given) => {
    const answer = evaluate(given);
    return typeof answer === 'boolean' ? answer : null;
  });
}

describe('a filter', () => {
  it('is true, false or unknown in PostgreSQL of exactly the rows of which CEL itself says so', async () => {
    await fc.assert(
      fc.asyncProperty(sample, async ({ filter, cel }) => {
        const [sql, bare] = [await asked(filter), evaluated(cel)];
        const differing = rows.findIndex((_, index) => sql[index] !== bare[index]);
        if (differing < 0) return;
        expect.fail(`${filter}: SQL says ${sql[differing]}, CEL says ${bare[differing]} of ${format(rows[differing])}`);
      }),
      { numRuns: 500 },
    );
  });

  it('lets through the rows of which it is true, and no others', async () => {
    const { text, values } = compileFilter('priority >= HIGH && status in [OPEN, ON_HOLD]', schema);
    const found = await client.query<{ id: number }>(`SELECT r.id FROM filter_rows r WHERE ${text} ORDER BY r.id`, values);
    const expected = rows.flatMap((given, id) => (given.priority === 3 && given.status !== 'CLOSED' ? [id] : []));
    expect(found.rows.map(({ id }) => id)).toEqual(expected);
  });
});

function format(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item));
}
