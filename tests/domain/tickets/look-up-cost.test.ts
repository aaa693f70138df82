import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPoolsOfTickets } from '../../../src/domain/tickets/load.ts';
import { insertGroup, type Reading, startReading } from '../../support/reading.ts';

const MANY = 5_000;
const ASKED = 10;
/** For each ticket its way down an index and its row, its group's pool, and little more. */
const BLOCKS_PER_TICKET = 8;

describe('the pools of tickets', () => {
  let reading: Reading;
  let session: pg.Client;
  beforeEach(async () => {
    reading = await startReading();
    session = new pg.Client({ connectionString: reading.url });
    await session.connect();
  });
  afterEach(async () => {
    await session.end();
    await reading.close();
  });

  const insertTickets = (group: string, from: number, to: number) =>
    reading.sql(
      `INSERT INTO tickets (ticket_id, key, group_id, user_id, status, priority, create_time, update_time)
       SELECT gen_random_uuid(), 'X-' || i, $1, i, 1, 1 + i % 4, now() + i * interval '1 second', now() FROM generate_series($2::integer, $3::integer) i`,
      [group, from, to],
    );

  it.each([0, 20, 1000])('are found by key, by a plan that was made while there were %i tickets', async (few) => {
    const group = await insertGroup(reading, 'BIG');
    await reading.sql(
      'WITH pool AS (INSERT INTO pools DEFAULT VALUES RETURNING pool_id) INSERT INTO group_pools (group_id, pool_id) SELECT $1, pool_id FROM pool',
      [group],
    );
    await insertTickets(group, 1, few);
    await session.query('VACUUM ANALYZE');
    await session.query(
      'SET search_path = docket; SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off',
    );
    let text = '';
    const listen = async (said: string) => {
      text = said;
      return [];
    };
    await findPoolsOfTickets(listen, ['X-1']);
    await session.query(`PREPARE look (uuid[], text[]) AS ${text}`);
    await session.query(`EXECUTE look ('{}', '{X-1}')`);
    await insertTickets(group, few + 1, MANY);
    const { rows } = await session.query<{ ids: string; keys: string }>(
      `SELECT array_agg(ticket_id)::text AS ids, array_agg(key)::text AS keys FROM (SELECT * FROM tickets ORDER BY user_id DESC LIMIT ${ASKED}) AS last`,
    );
    for (const given of [`'${rows[0]?.ids}', '{}'`, `'{}', '${rows[0]?.keys}'`]) {
      const explained = await session.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE look (${given})`);
      const plan = explained.rows[0]['QUERY PLAN'][0].Plan;
      expect(plan['Actual Rows']).toBe(ASKED);
      expect(plan['Shared Hit Blocks'] + plan['Shared Read Blocks']).toBeLessThan(ASKED * BLOCKS_PER_TICKET);
    }
  });
});
