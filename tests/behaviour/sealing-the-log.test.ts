import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Seal } from '../../src/domain/audit/index.ts';
import { ERASABLE_COLUMNS } from '../../src/domain/audit/sealing/entry-text.ts';
import { listSeals } from '../../src/domain/audit/sealing/read.ts';
import { makeSeal } from '../../src/domain/audit/sealing/seal.ts';
import { placeOf } from '../../src/foundation/database/connection.ts';
import { isDatabaseLost } from '../../src/foundation/database/failures.ts';
import { sqlOf } from '../../src/foundation/database/sql.ts';
import { moveClock } from '../support/database/index.ts';
import { insertGroup, insertTickets, type Reading, startReading } from '../support/reading.ts';
import { openSealedLog, type SealedLog } from '../support/sealed-log.ts';

describe('sealing the log', () => {
  let reading: Reading;
  let log: SealedLog;
  let kyc: string;
  let known: Seal | undefined;
  beforeEach(async () => {
    reading = await startReading();
    known = undefined;
    log = openSealedLog(reading, () => known);
    kyc = await insertGroup(reading, 'KYC');
  });
  afterEach(() => reading.close());

  let number = 0;
  const open = (count: number) => {
    const from = number;
    number += count;
    return insertTickets(
      reading,
      Array.from({ length: count }, (_, at) => ({ key: `KYC-${from + at}`, groupId: kyc })),
    );
  };
  const sealed = () =>
    reading.sql<{ sequence: string; entry_id: string; seal: string }>('SELECT sequence, entry_id, seal FROM sealed_entries ORDER BY sequence');
  const unsealed = async () =>
    Number((await reading.sql(`SELECT count(*) FROM audit_entries e WHERE NOT EXISTS (SELECT FROM sealed_entries s WHERE s.entry_id = e.entry_id)`))[0]?.count);

  it('numbers every entry once, without gaps, and chains the seals', async () => {
    await open(20);
    await log.seal();
    await open(2500);
    await log.seal();
    const rows = await sealed();
    expect(rows.map(({ sequence }) => Number(sequence))).toEqual(rows.map((_, at) => at + 1));
    expect(new Set(rows.map(({ entry_id }) => entry_id)).size).toBe(rows.length);
    expect(await unsealed()).toBe(0);
    const { findings, tally } = await log.verify();
    expect(findings).toEqual([]);
    expect(tally).toMatchObject({ entries: rows.length, seals: 4, signatures: 4, endSequence: rows.length, unsealedEntries: 0 });
  });

  it('waits for whoever wrote before, so that nothing turns up behind a sealed entry', async () => {
    await log.seal();
    await reading.session(async (client) => {
      await client.query('BEGIN');
      await client.query(`UPDATE groups SET name = 'First' WHERE group_id = $1`, [kyc]);
      await open(3);
      const before = await sealed();
      expect((await log.sealer.round()).entries).toBe(0);
      expect(await sealed()).toEqual(before);
      await client.query('COMMIT');
    });
    await log.seal();
    expect(await unsealed()).toBe(0);
    const [first] = await reading.sql<{ name: string }>(
      `SELECT after ->> 'name' AS name FROM audit_entries JOIN sealed_entries USING (entry_id) WHERE operation = 'UPDATE' ORDER BY sequence LIMIT 1`,
    );
    expect(first?.name).toBe('First');
  });

  it('seals an entry whose id is lower than those sealed before, when its transaction ended late', async () => {
    await reading.session(async (client) => {
      await client.query('BEGIN');
      await client.query(`UPDATE groups SET name = 'Late' WHERE group_id = $1`, [kyc]);
      // The lower id is taken; others commit, and a mark is set, again and again.
      for (let round = 0; round < 4; round++) {
        await open(2);
        await log.sealer.round();
      }
      await client.query('COMMIT');
    });
    await log.rounds();
    expect(await unsealed()).toBe(0);
    expect((await log.verify()).findings).toEqual([]);
  });

  it('loses none to a transaction that is the newest and still writes', async () => {
    await log.rounds();
    await reading.session(async (client) => {
      await client.query('BEGIN');
      await client.query(`UPDATE groups SET name = 'Slow' WHERE group_id = $1`, [kyc]);
      for (let round = 0; round < 3; round++) await log.sealer.round();
      await client.query(`UPDATE groups SET name = 'Slower' WHERE group_id = $1`, [kyc]);
      for (let round = 0; round < 3; round++) await log.sealer.round();
      await client.query('COMMIT');
    });
    await log.rounds();
    expect(await unsealed()).toBe(0);
    expect((await openSealedLog(reading, () => undefined, log.signer).verify()).findings).toEqual([]);
  });

  it('loses none while transactions of every kind come and go', async () => {
    let writing = true;
    const writer = async (client: Awaited<Parameters<Parameters<Reading['session']>[0]>[0]>, at: number): Promise<void> => {
      for (let turn = 0; turn < 40; turn++) {
        await client.query('BEGIN');
        await client.query(`UPDATE groups SET description = $2 WHERE group_id = $1`, [kyc, `${at} ${turn}`]);
        if (turn % 3 === 0) await client.query('SAVEPOINT here');
        if (turn % 4 === 0) await client.query('SELECT pg_sleep(0.01)');
        if (turn % 3 === 0) await client.query('ROLLBACK TO here');
        await client.query(turn % 5 === 0 ? 'ROLLBACK' : 'COMMIT');
      }
    };
    const writers = Promise.all([0, 1].map((at) => reading.session((client) => writer(client, at)))).then(() => {
      writing = false;
    });
    const sealing = (async () => {
      while (writing) await log.sealer.round();
    })();
    await Promise.all([writers, sealing]);
    await log.rounds();
    expect(await unsealed()).toBe(0);
    const { findings, tally } = await log.verify();
    expect(findings).toEqual([]);
    expect(tally.unsealedEntries).toBe(0);
  });

  it('seals each entry once when several processes seal while others write', async () => {
    const others = [log, openSealedLog(reading, () => undefined, log.signer), openSealedLog(reading, () => undefined, log.signer)];
    let writing = true;
    const writers = Promise.all(
      [0, 1, 2].map(async () => {
        for (let at = 0; at < 25; at++) await open(5);
      }),
    ).then(() => {
      writing = false;
    });
    await Promise.all([
      writers,
      ...others.map(async ({ sealer }) => {
        while (writing) await sealer.round();
      }),
    ]);
    await log.rounds();
    const rows = await sealed();
    expect(rows.map(({ sequence }) => Number(sequence))).toEqual(rows.map((_, at) => at + 1));
    expect(new Set(rows.map(({ entry_id }) => entry_id)).size).toBe(rows.length);
    expect(await unsealed()).toBe(0);
    expect((await log.verify()).findings).toEqual([]);
  });

  it('never holds up who writes, nor is held up', async () => {
    await reading.session(async (client) => {
      await client.query('BEGIN');
      await client.query(`SELECT pg_advisory_xact_lock(hashtext('docket.seal_audit_entries'))`);
      await open(3);
      expect((await log.sealer.round()).entries).toBe(0);
      await client.query('ROLLBACK');
    });
    await log.seal();
  });

  it('puts the entries of one month into seals of their own', async () => {
    await open(2);
    await moveClock(reading.url, '40 days');
    await open(2);
    await log.seal();
    const seals = await reading.sql<{ month: string; entries: string }>(
      `SELECT to_char(month, 'YYYY-MM') AS month, last_sequence - first_sequence + 1 AS entries FROM audit_seals ORDER BY seal`,
    );
    expect(seals).toHaveLength(2);
    expect(seals[0]?.month).not.toBe(seals[1]?.month);
    expect((await log.verify()).findings).toEqual([]);
  });

  it('does nothing, and asks little, while nothing is written', async () => {
    await log.seal();
    const seals = await reading.sql('SELECT * FROM audit_seals');
    for (let round = 0; round < 5; round++) expect(await log.sealer.round()).toMatchObject({ entries: 0, more: false });
    expect(await reading.sql('SELECT * FROM audit_seals')).toEqual(seals);
  });

  it('knows an older state of the database by the checkpoint, begins a new epoch, and a verification tells', async () => {
    await open(3);
    await log.seal();
    await open(3);
    known = await log.seal();
    const lost = known;
    // What a restored backup looks like: the last seal and what it covered were never there.
    await reading.session(async (client) => {
      await client.query('SET session_replication_role = replica');
      await client.query('DELETE FROM audit_entries WHERE entry_id IN (SELECT entry_id FROM sealed_entries WHERE seal = 2)');
      await client.query('DELETE FROM sealed_entries WHERE seal = 2');
      await client.query('DELETE FROM audit_seals WHERE seal = 2');
    });
    await open(2);
    const restarted = openSealedLog(reading, () => known, log.signer);
    const round = (await restarted.rounds())[0];
    expect(round?.restored).toBe('the last seal is 1, but a checkpoint speaks of seal 2');
    known = round?.seals.at(-1) as Seal;
    expect(known.header).toMatchObject({ seal: 2, epoch: 2 });
    await open(2);
    expect((await restarted.rounds()).map(({ restored }) => restored)).toEqual([undefined]);
    expect(await restarted.kinds([known])).toEqual([]);
    expect(await restarted.kinds([lost, known])).toEqual(['LOG_SET_BACK']);
  });

  it('knows that it is on another server, where numbers of transactions begin anew, and seals what came along', async () => {
    await open(3);
    await log.seal();
    await open(4);
    await reading.session(async (client) => {
      await client.query('SET session_replication_role = replica');
      const [seal] = await listSeals(sqlOf(reading.orm.em.fork()), 0, 1);
      const moved = makeSeal({ ...(seal as Seal).header, server: 'another' }, log.signer);
      await client.query(`UPDATE audit_seals SET server = 'another', hash = decode($1, 'hex'), signature = decode($2, 'base64')`, [
        moved.hash,
        moved.signature,
      ]);
      await client.query(`UPDATE audit_entries SET transaction_id = '9000000000' WHERE entry_id > (SELECT max(entry_id) FROM sealed_entries)`);
    });
    const restarted = openSealedLog(reading, () => undefined, log.signer);
    const [round] = await restarted.rounds();
    expect(round?.restored).toBe('the database is on another server than at its last seal');
    await open(2);
    await restarted.seal();
    expect(await unsealed()).toBe(0);
    expect((await restarted.verify()).findings).toEqual([]);
  });

  it('does not build on a seal that was forged', async () => {
    known = await log.seal();
    await open(1);
    await reading.session(async (client) => {
      await client.query('SET session_replication_role = replica');
      await client.query(`UPDATE audit_seals SET hash = decode(repeat('00', 32), 'hex')`);
    });
    const restarted = openSealedLog(reading, () => known, log.signer);
    expect((await restarted.rounds())[0]?.restored).toBe('seal 1 is another one than a checkpoint says');
    await open(1);
    const stranger = openSealedLog(reading);
    expect((await stranger.rounds())[0]?.restored).toMatch(/^the last seal cannot be believed: it is signed with the key [0-9a-f]{16}, which is not among/);
  });

  it('has the same columns to erase in the database as in the program', async () => {
    const [row] = await reading.sql<{ columns: string[] }>('SELECT erasable_columns() AS columns');
    expect(row?.columns.toSorted()).toEqual([...ERASABLE_COLUMNS].sort());
  });

  it('gives the service no way to change what is sealed', async () => {
    await log.seal();
    const em = reading.orm.em.fork();
    for (const statement of [
      'UPDATE sealed_entries SET seal = 7',
      'DELETE FROM sealed_entries',
      'UPDATE audit_seals SET epoch = 3',
      'DELETE FROM audit_seals',
      'TRUNCATE audit_seals',
      'DELETE FROM erasures',
      `INSERT INTO dropped_months VALUES ('2026-01-01', 1, 1, now(), now())`,
    ]) {
      await expect(em.getConnection().execute(statement)).rejects.toThrow(/permission denied|not allowed/);
    }
    for (const statement of [
      'UPDATE sealed_entries SET seal = 7',
      'DELETE FROM sealed_entries',
      'UPDATE audit_seals SET epoch = 3',
      'DELETE FROM audit_seals',
      'TRUNCATE audit_seals',
      'TRUNCATE sealed_entries',
    ]) {
      await expect(reading.sql(statement)).rejects.toThrow('not allowed');
    }
  });

  it('cannot be verified while threads do not reach it, says so, and goes on afterwards', async () => {
    await open(3);
    await log.seal();
    const elsewhere = { ...placeOf(reading.orm.em), url: 'postgres://nobody@127.0.0.1:1/nothing' };
    const failure = await log.verify({ place: elsewhere }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(isDatabaseLost(failure)).toBe(true);
    expect((await log.verify()).findings).toEqual([]);
  });
});
