import type { Timestamp } from '@bufbuild/protobuf/wkt';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Instant, toTimestamp } from '../../src/foundation/clock.ts';
import { readInstant, readTimestamp } from '../support/instants.ts';
import { failureOf, insertGroup, insertTickets, type Reading, startReading } from '../support/reading.ts';

describe('a read of the past', () => {
  let reading: Reading;
  let ticketId: string;
  beforeAll(async () => {
    reading = await startReading();
    const groupId = await insertGroup(reading, 'KYC');
    [ticketId] = (await insertTickets(reading, [{ key: 'KYC-1', groupId, title: 'first' }])) as [string];
  });
  afterAll(() => reading.close());

  const write = (client: pg.PoolClient, title: string) => client.query('UPDATE tickets SET title = $1', [title]);
  const titleAt = async (asOf: Timestamp) => (await reading.as('admin').tickets.getTicket({ ticketId, asOf })).ticket?.title;
  /** Resolves once a read that was begun after this instant has looked again whether writers have ended. */
  const waiting = (since: Instant) =>
    vi.waitFor(
      async () => {
        const [look] = await reading.sql(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%writers_under_way() WHERE%' AND query_start > $1`,
          [since],
        );
        if (!look) throw new Error('nobody waits');
      },
      { timeout: 10_000, interval: 5 },
    );

  it('waits for a writer who began before the instant, and shows what he wrote', async () => {
    await reading.session(async (client) => {
      await client.query('BEGIN');
      await write(client, 'written before');
      const at = await readInstant(reading);
      const title = titleAt(toTimestamp(at));
      await waiting(at);
      await client.query('COMMIT');
      expect(await title).toBe('written before');
    });
  });

  it('shows what was there before when the writer takes it back', async () => {
    await reading.session(async (client) => {
      await client.query('BEGIN');
      await write(client, 'taken back');
      const at = await readInstant(reading);
      const title = titleAt(toTimestamp(at));
      await waiting(at);
      await client.query('ROLLBACK');
      expect(await title).toBe('written before');
    });
  });

  it('does not wait for a writer who began after the instant', async () => {
    const at = await readTimestamp(reading);
    await reading.session(async (client) => {
      await client.query('BEGIN');
      await write(client, 'written after');
      expect(await titleAt(at)).toBe('written before');
      await client.query('ROLLBACK');
    });
  });

  it('does not wait for one who began before the instant and has written nothing: what he writes will be later', async () => {
    await reading.session(async (client) => {
      await client.query('BEGIN');
      await client.query('SELECT 1');
      const at = await readTimestamp(reading);
      expect(await titleAt(at)).toBe('written before');
      await write(client, 'began before, wrote after');
      await client.query('COMMIT');
      expect(await titleAt(at)).toBe('written before');
      expect(await titleAt(await readTimestamp(reading))).toBe('began before, wrote after');
      await client.query(`UPDATE tickets SET title = 'written before'`);
    });
  });

  it('waits for writers whose beginning it may not know, but not for those who come while it waits', async () => {
    const [owner] = await reading.sql<{ name: string }>('SELECT current_user AS name');
    await reading.sql(
      'CREATE ROLE docket_test_blind; GRANT USAGE ON SCHEMA docket TO docket_test_blind; ALTER FUNCTION writers_under_way() OWNER TO docket_test_blind',
    );
    try {
      const at = await readInstant(reading);
      await reading.session(async (first) => {
        await first.query('BEGIN');
        await write(first, 'by somebody');
        const title = titleAt(toTimestamp(at));
        await waiting(at);
        await reading.session(async (second) => {
          await second.query('BEGIN');
          await second.query(`UPDATE groups SET name = 'by another'`);
          await first.query('ROLLBACK');
          expect(await title).toBe('written before');
          await second.query('ROLLBACK');
        });
      });
    } finally {
      await reading.sql(`ALTER FUNCTION writers_under_way() OWNER TO ${owner?.name}; DROP OWNED BY docket_test_blind; DROP ROLE docket_test_blind`);
    }
  });

  it('holds no connection while it waits', async () => {
    await reading.session(async (client) => {
      await client.query('BEGIN');
      await write(client, 'slow');
      const at = await readTimestamp(reading);
      // More of them than the service has connections.
      const titles = Array.from({ length: 12 }, () => titleAt(at));
      expect((await reading.as('admin').tickets.getTicket({ ticketId })).ticket?.title).toBe('written before');
      await client.query('COMMIT');
      expect(new Set(await Promise.all(titles))).toEqual(new Set(['slow']));
    });
  });

  it('DEADLINE_EXCEEDED: a writer does not end in time', async () => {
    await reading.session(async (client) => {
      await client.query('BEGIN');
      await write(client, 'too slow');
      const asOf = await readTimestamp(reading);
      const call = reading.as('admin').tickets.getTicket({ ticketId, asOf }, { timeoutMs: 300 });
      expect(await failureOf(call)).toMatchObject({ status: 'DEADLINE_EXCEEDED' });
      await client.query('ROLLBACK');
    });
  });

  it('takes an entry of the very instant with it', async () => {
    await reading.sql(`UPDATE tickets SET title = 'to the microsecond'`);
    const [entry] = await reading.sql<{ time: string }>('SELECT time::text FROM audit_entries ORDER BY entry_id DESC LIMIT 1');
    expect(await titleAt(toTimestamp(entry?.time ?? ''))).toBe('to the microsecond');
  });

  it('INVALID_ARGUMENT: the instant lies in the future', async () => {
    const now = await readInstant(reading);
    const asOf = toTimestamp(`${Number(now.slice(0, 4)) + 1}${now.slice(4)}`.replace('02-29', '02-28'));
    expect(await failureOf(reading.as('admin').tickets.getTicket({ ticketId, asOf }))).toMatchObject({
      status: 'INVALID_ARGUMENT',
      reason: 'INVALID_FIELD',
      fields: ['as_of'],
    });
  });
});
