import type { PoolClient } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../../src/foundation/ids.ts';
import { insertAgent, insertGroup, insertTickets, type Reading, startReading } from '../support/reading.ts';

describe('the author of a change', () => {
  let reading: Reading;
  let owner: string;
  let first: string;
  beforeAll(async () => {
    reading = await startReading();
    const kyc = await insertGroup(reading, 'KYC');
    await insertAgent(reading, 'ada', [kyc]);
    await insertTickets(
      reading,
      [1, 2].map((number) => ({ key: `KYC-${number}`, groupId: kyc })),
    );
    const [row] = await reading.sql<{ user: string }>('SELECT session_user AS user');
    owner = `database:${row?.user}`;
  });
  afterAll(() => reading.close());
  beforeEach(async () => {
    const [row] = await reading.sql<{ last: string }>('SELECT max(entry_id) AS last FROM audit_entries');
    first = row?.last ?? '0';
  });

  const record = async (client: PoolClient, actor: string): Promise<string> => {
    const key = newId();
    await client.query(`INSERT INTO requests (request_key, actor, actor_kind, rpc, reason, body_hash) VALUES ($1, $2, 'USER', 'x.Y/Z', 'because', '')`, [
      key,
      actor,
    ]);
    return key;
  };
  const name = (client: PoolClient, key: string, local = true) => client.query(`SELECT set_config('docket.request', $1, $2)`, [key, local]);
  const touch = (client: PoolClient, request?: string) =>
    request === undefined
      ? client.query(`UPDATE tickets SET title = title || '.' WHERE key = 'KYC-1'`)
      : client.query(`UPDATE tickets SET last_request = $1 WHERE key = 'KYC-1'`, [request]);
  /** Who made the changes since the test began. */
  const authors = async () =>
    (
      await reading.sql<{ actor: string; actor_kind: string; reason: string }>(
        'SELECT actor, actor_kind, reason FROM audit_entries WHERE entry_id > $1 ORDER BY entry_id',
        [first],
      )
    ).map((row) => `${row.actor} ${row.actor_kind} ${row.reason}`.trim());
  const transaction = (work: (client: PoolClient) => Promise<unknown>) =>
    reading.session(async (client) => {
      await client.query('BEGIN');
      await work(client);
      await client.query('COMMIT');
    });

  it('is the caller of the request that the transaction recorded and named, for deletions too', async () => {
    await transaction(async (client) => {
      await name(client, await record(client, 'sue'));
      await touch(client);
      await client.query('DELETE FROM memberships');
    });
    expect(await authors()).toEqual(['sue USER because', 'sue USER because']);
  });

  it('is, row by row, the caller of the request that each row carries', async () => {
    await transaction(async (client) => {
      const [sue, tom] = [await record(client, 'sue'), await record(client, 'tom')];
      await client.query(`UPDATE tickets SET last_request = CASE key WHEN 'KYC-1' THEN $1::uuid ELSE $2::uuid END`, [sue, tom]);
    });
    expect((await authors()).sort()).toEqual(['sue USER because', 'tom USER because']);
  });

  it('is who was named last, before who the row carries', async () => {
    await transaction(async (client) => {
      const sue = await record(client, 'sue');
      await name(client, await record(client, 'tom'));
      await touch(client, sue);
    });
    expect(await authors()).toEqual(['tom USER because']);
  });

  it('is the database session for raw SQL', async () => {
    await transaction((client) => touch(client));
    expect(await authors()).toEqual([`${owner} DATABASE`]);
  });

  it('is the database session for a request that an earlier transaction recorded, carried by the row', async () => {
    let old = '';
    await transaction(async (client) => {
      old = await record(client, 'sue');
      await touch(client, old);
    });
    await transaction((client) => touch(client, old));
    await transaction((client) => touch(client));
    expect(await authors()).toEqual(['sue USER because', `${owner} DATABASE`, `${owner} DATABASE`]);
  });

  it('is the database session for a request that an earlier transaction recorded, named again or still named', async () => {
    await reading.session(async (client) => {
      await client.query('BEGIN');
      const old = await record(client, 'sue');
      await name(client, old, false);
      await touch(client);
      await client.query('COMMIT');
      // The setting is left over in the session.
      await touch(client);
      await client.query('BEGIN');
      await name(client, old);
      await touch(client);
      await client.query('COMMIT');
    });
    expect(await authors()).toEqual(['sue USER because', `${owner} DATABASE`, `${owner} DATABASE`]);
  });

  it('is the database session for a request that nobody recorded, or that another transaction is recording', async () => {
    await reading.session(async (other) => {
      await other.query('BEGIN');
      const theirs = await record(other, 'sue');
      await transaction(async (client) => {
        await name(client, theirs);
        await touch(client);
        await name(client, newId());
        await touch(client);
      });
      await other.query('COMMIT');
    });
    expect(await authors()).toEqual([`${owner} DATABASE`, `${owner} DATABASE`]);
  });

  it('is forgotten with the transaction: the next one on the same connection names its own', async () => {
    await reading.session(async (client) => {
      await client.query('BEGIN');
      await name(client, await record(client, 'sue'));
      await touch(client);
      await client.query('COMMIT');
      await touch(client);
    });
    expect(await authors()).toEqual(['sue USER because', `${owner} DATABASE`]);
  });

  it('is lost with a savepoint that took the request back', async () => {
    await transaction(async (client) => {
      await client.query('SAVEPOINT s');
      const gone = await record(client, 'sue');
      await client.query('ROLLBACK TO s');
      await touch(client, gone);
    });
    expect(await authors()).toEqual([`${owner} DATABASE`]);
  });
});
