import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Seal } from '../../src/domain/audit/index.ts';
import { makeSeal } from '../../src/domain/audit/sealing/seal.ts';
import { rehashLeaves, rehashRoot, rehashSeals, resealAll } from '../support/forging.ts';
import { insertAgent, insertGroup, insertTickets, type Reading, startReading } from '../support/reading.ts';
import { newSigner, openSealedLog, type SealedLog } from '../support/sealed-log.ts';

/** What somebody does who owns the database, with every trigger out of his way. */
type Attack = (client: pg.PoolClient) => Promise<unknown>;

describe('somebody who owns the database', () => {
  let reading: Reading;
  let log: SealedLog;
  /** Of the first seal and of the last; there are three. */
  let checkpoints: Seal[];
  beforeAll(async () => {
    reading = await startReading();
    log = openSealedLog(reading);
    const kyc = await insertGroup(reading, 'KYC');
    checkpoints = [];
    for (const agent of ['ada', 'bob', 'cyd']) {
      await insertAgent(reading, agent, [kyc]);
      await insertTickets(
        reading,
        [1, 2, 3].map((number) => ({ key: `KYC-${agent}-${number}`, groupId: kyc, title: `Ticket of ${agent}` })),
      );
      await reading.sql(`UPDATE tickets SET title = 'Changed' WHERE key = $1`, [`KYC-${agent}-1`]);
      checkpoints.push(await log.seal());
    }
  });
  afterAll(() => reading.close());

  /** Kinds of findings after an attack, which is undone afterwards. */
  async function findingsAfter(attack: Attack, kept: readonly Seal[] = checkpoints): Promise<string[]> {
    const saved = ['audit_entries', 'sealed_entries', 'audit_seals', 'erasures', 'dropped_months'];
    return reading.session(async (client) => {
      for (const table of saved) await client.query(`CREATE TEMPORARY TABLE saved_${table} AS SELECT * FROM ${table}`);
      await client.query('SET session_replication_role = replica');
      try {
        await attack(client);
        return await log.kinds(kept);
      } finally {
        for (const table of saved) {
          await client.query(`DELETE FROM ${table}`);
          await client.query(`INSERT INTO ${table} SELECT * FROM saved_${table}`);
          await client.query(`DROP TABLE saved_${table}`);
        }
        await client.query('SET session_replication_role = origin');
      }
    });
  }

  const FORGED = `-1::bigint AS entry_id, time, 'ada' AS actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields, transaction_id, erased_fields`;
  const one = 'sequence = 6';
  const entry = `(entry_id, time) = (SELECT entry_id, time FROM sealed_entries WHERE ${one})`;
  const run =
    (...statements: string[]): Attack =>
    async (client) => {
      for (const statement of statements) {
        const { rowCount } = await client.query(statement);
        if (rowCount === 0) throw new Error(`the attack did nothing: ${statement}`);
      }
    };

  it('who does nothing is not accused of anything', async () => {
    expect(await findingsAfter(async () => undefined)).toEqual([]);
    const { tally } = await log.verify({ checkpoints });
    expect(tally).toMatchObject({ seals: 3, signatures: 3, checkpoints: 3, unsealedEntries: 0 });
    expect(tally.entries).toBe(tally.lastSequence);
    expect(tally.entries).toBeGreaterThan(15);
  });

  it.each<[string, Attack, string[]]>([
    ['changes who did it', run(`UPDATE audit_entries SET actor = 'nobody' WHERE ${entry}`), ['ENTRY_ALTERED']],
    ['changes when it was', run(`UPDATE audit_entries SET after = after || '{"update_time": "2020-01-01T00:00:00+00:00"}' WHERE ${entry}`), ['ENTRY_ALTERED']],
    [
      'changes the time of an entry in both tables',
      run(
        `UPDATE audit_entries SET time = time + interval '1 second' WHERE ${entry}`,
        `UPDATE sealed_entries SET time = time + interval '1 second' WHERE ${one}`,
      ),
      ['ENTRY_ALTERED'],
    ],
    ['changes a number', run(`UPDATE audit_entries SET after = jsonb_set(after, '{status}', '4') WHERE ${entry}`), ['ENTRY_ALTERED']],
    ['changes a title', run(`UPDATE audit_entries SET after = jsonb_set(after, '{title}', '"Another"') WHERE ${entry}`), ['ENTRY_ALTERED']],
    [
      'takes a title out as if it had been erased',
      run(`UPDATE audit_entries SET after = after - 'title', erased_fields = '{after.title}' WHERE ${entry}`),
      ['ENTRY_ALTERED', 'ERASURE_NOT_ON_RECORD'],
    ],
    ['changes a reason', run(`UPDATE audit_entries SET reason = 'asked to' WHERE ${entry}`), ['ENTRY_ALTERED']],
    ['changes names of fields', run(`UPDATE audit_entries SET changed_fields = '{labels}' WHERE ${entry}`), ['ENTRY_ALTERED']],
    ['removes an entry', run(`DELETE FROM audit_entries WHERE ${entry}`), ['ENTRY_MISSING']],
    ['removes an entry with its seal row', run(`DELETE FROM audit_entries WHERE ${entry}`, `DELETE FROM sealed_entries WHERE ${one}`), ['ENTRY_MISSING']],
    ['removes the first entry of all', run(`DELETE FROM sealed_entries WHERE sequence = 1`), ['ENTRY_INSERTED', 'ENTRY_MISSING']],
    [
      'puts an entry among old ones',
      run(
        `INSERT INTO audit_entries SELECT * FROM (SELECT -1::bigint AS entry_id, time, 'ada' AS actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields, transaction_id, erased_fields FROM audit_entries WHERE ${entry}) forged`,
      ),
      ['ENTRY_INSERTED'],
    ],
    [
      'puts an entry among old ones, with a row that calls it sealed',
      run(
        `INSERT INTO audit_entries SELECT * FROM (SELECT -1::bigint AS entry_id, time, 'ada' AS actor, actor_kind, rpc, request_id, reason, entity_type, entity_id, version, operation, before, after, changed_fields, transaction_id, erased_fields FROM audit_entries WHERE ${entry}) forged`,
        `INSERT INTO sealed_entries SELECT 1000000, 1, -1, time, salts, leaf FROM sealed_entries WHERE ${one}`,
      ),
      ['ENTRY_INSERTED'],
    ],
    [
      'puts an entry among old ones, with a seal beside the chain',
      run(
        `INSERT INTO audit_entries SELECT ${FORGED} FROM audit_entries WHERE ${entry}`,
        'ALTER TABLE audit_seals DROP CONSTRAINT audit_seals_seal_check; INSERT INTO audit_seals SELECT -5, epoch, 1000000, 1000000, month, merkle_root, previous_hash, hash, time, key_id, signature, settled_entry_id, server, epoch_entry_id FROM audit_seals WHERE seal = 1',
        `INSERT INTO sealed_entries SELECT 1000000, -5, -1, time, salts, leaf FROM sealed_entries WHERE ${one}`,
      ),
      ['ENTRY_INSERTED'],
    ],
    [
      'puts in an entry that will never be sealed',
      run(
        `INSERT INTO audit_entries SELECT ${FORGED.replace('-1::bigint', '900000::bigint')} FROM audit_entries WHERE ${entry}`,
        `UPDATE audit_entries SET transaction_id = '9000000000000' WHERE entry_id = 900000`,
      ),
      ['ENTRY_INSERTED'],
    ],
    [
      'puts in an entry and says that nothing was settled',
      run(`INSERT INTO audit_entries SELECT ${FORGED} FROM audit_entries WHERE ${entry}`, `UPDATE audit_seals SET settled_entry_id = -100`),
      ['SEAL_ALTERED'],
    ],
    [
      'drops a month by two rows that excuse each other',
      run(
        `DELETE FROM audit_entries WHERE ${entry}`,
        `INSERT INTO dropped_months SELECT month, 1, 1, '2020-01-15', now() FROM audit_seals WHERE seal = 1`,
        `INSERT INTO dropped_months VALUES ('2020-01-01', 1, 1, now(), now())`,
      ),
      ['ENTRY_MISSING'],
    ],
    [
      'drops a month by an entry that nobody sealed',
      run(
        `DELETE FROM audit_entries WHERE ${entry}`,
        `INSERT INTO audit_entries (entry_id, time, actor, actor_kind, rpc, reason, entity_type, entity_id, version, operation, after, changed_fields, transaction_id)
         SELECT 900001, now(), 'x', 'USER', '', '', 'dropped_month', month::text, 1, 'CREATE', jsonb_build_object('month', month), '{}', '9000000000000' FROM audit_seals WHERE seal = 1`,
      ),
      ['ENTRY_INSERTED', 'ENTRY_MISSING'],
    ],
    [
      'exchanges two entries',
      run(
        `UPDATE sealed_entries a SET (entry_id, time, salts, leaf) = (SELECT entry_id, time, salts, leaf FROM sealed_entries b WHERE b.sequence = 13 - a.sequence) WHERE sequence IN (6, 7)`,
      ),
      ['ENTRIES_REORDERED'],
    ],
    [
      'puts a copy in the place of an entry',
      run(
        `UPDATE sealed_entries a SET (entry_id, time, salts, leaf) = (SELECT entry_id, time, salts, leaf FROM sealed_entries b WHERE b.sequence = 7) WHERE ${one}`,
      ),
      ['ENTRIES_REORDERED', 'ENTRY_INSERTED'],
    ],
    ['moves an entry to another seal', run(`UPDATE sealed_entries SET seal = 2 WHERE ${one}`), ['ENTRY_INSERTED', 'ENTRY_MISSING']],
    ['changes an entry and its leaf', (client) => alterWithLeaf(client), ['ENTRIES_REORDERED']],
    ['changes an entry, its leaf and the root', (client) => alterWithRoot(client, false), ['SEAL_ALTERED']],
    ['changes an entry and hashes the log anew', (client) => alterWithRoot(client, true), ['CHECKPOINT_CONTRADICTED', 'SIGNATURE_INVALID']],
    ['removes a seal', run('DELETE FROM audit_seals WHERE seal = 2'), ['ENTRY_INSERTED', 'SEAL_MISSING']],
    [
      'removes a seal with its entries',
      run(
        'DELETE FROM audit_entries WHERE (entry_id, time) IN (SELECT entry_id, time FROM sealed_entries WHERE seal = 2)',
        'DELETE FROM sealed_entries WHERE seal = 2',
        'DELETE FROM audit_seals WHERE seal = 2',
      ),
      ['SEAL_MISSING'],
    ],
    [
      'cuts the tail, seal and all',
      run(
        'DELETE FROM audit_entries WHERE (entry_id, time) IN (SELECT entry_id, time FROM sealed_entries WHERE seal = 3)',
        'DELETE FROM sealed_entries WHERE seal = 3',
        'DELETE FROM audit_seals WHERE seal = 3',
      ),
      ['LOG_CUT'],
    ],
    ['changes what a seal says', run(`UPDATE audit_seals SET time = time - interval '1 day' WHERE seal = 2`), ['SEAL_ALTERED']],
    ['changes what a seal says, and its hash', (client) => alterSeal(client), ['CHECKPOINT_CONTRADICTED', 'SEAL_ALTERED', 'SIGNATURE_INVALID']],
    ['takes a signature off', run('UPDATE audit_seals SET key_id = NULL, signature = NULL WHERE seal = 3'), ['SIGNATURE_INVALID']],
    ['signs with a key of his own', (client) => rehashSeals(client, newSigner()), ['SIGNATURE_INVALID']],
    [
      'has the months dropped by himself',
      run(`DELETE FROM audit_entries WHERE ${entry}`, `INSERT INTO dropped_months SELECT month, 1, 1, now(), now() FROM audit_seals WHERE seal = 1`),
      ['ENTRY_MISSING'],
    ],
    [
      'erases without the record being in the log',
      run(
        `INSERT INTO erasures SELECT gen_random_uuid(), entity_type, entity_id, '{title}', 1, now(), now() FROM audit_entries WHERE ${entry}`,
        `UPDATE audit_entries SET after = after - 'title', erased_fields = '{after.title}' WHERE ${entry}`,
      ),
      ['ENTRY_ALTERED', 'ERASURE_NOT_ON_RECORD'],
    ],
  ])('%s: it is found', async (_what, attack, expected) => {
    expect(await findingsAfter(attack)).toEqual(expected);
  });

  it('writes the whole log anew without the key: it is found by the signatures, and by a checkpoint', async () => {
    const everything: Attack = async (client) => {
      await client.query(`UPDATE audit_entries SET actor = 'somebody else'`);
      await resealAll(client, [1, 2, 3], undefined);
    };
    expect(await findingsAfter(everything)).toEqual(['CHECKPOINT_CONTRADICTED', 'SIGNATURE_INVALID']);
    expect(await findingsAfter(everything, [])).toEqual(['SIGNATURE_INVALID']);
    const signed: Attack = async (client) => {
      await client.query(`UPDATE audit_entries SET actor = 'somebody else'`);
      await resealAll(client, [1, 2, 3], newSigner());
    };
    expect(await findingsAfter(signed, [])).toEqual(['SIGNATURE_INVALID']);
  });

  it('is told of by sequence and entry', async () => {
    const found = await reading.session(async (client) => {
      await client.query('BEGIN');
      await client.query('SET LOCAL session_replication_role = replica');
      await client.query(`UPDATE audit_entries SET actor = 'nobody' WHERE ${entry}`);
      await client.query('COMMIT');
      const { findings } = await log.verify();
      await client.query('BEGIN');
      await client.query('SET LOCAL session_replication_role = replica');
      await client.query(`UPDATE audit_entries SET actor = 'database:docket' WHERE ${entry}`);
      await client.query('COMMIT');
      return findings;
    });
    const [{ id } = { id: '' }] = await reading.sql<{ id: string }>(`SELECT entry_id AS id FROM sealed_entries WHERE ${one}`);
    expect(found).toEqual([{ kind: 'ENTRY_ALTERED', says: 'the entry is not what was sealed', seal: 1, sequence: 6, entryId: id }]);
    expect((await log.verify()).findings).toEqual([]);
  });

  it('finds it with a range around it, and nothing with one beside it', async () => {
    await reading.session(async (client) => {
      await client.query('SET session_replication_role = replica');
      await client.query(`UPDATE audit_entries SET actor = 'nobody' WHERE ${entry}`);
      expect((await log.verify({ startSequence: 5, endSequence: 7 })).findings).toHaveLength(1);
      const [{ first } = { first: 0 }] = (await client.query<{ first: number }>('SELECT first_sequence::integer AS first FROM audit_seals WHERE seal = 2'))
        .rows;
      const beside = await log.verify({ startSequence: first });
      expect(beside.findings).toEqual([]);
      expect(beside.tally.seals).toBe(2);
      await client.query(`UPDATE audit_entries SET actor = 'database:docket' WHERE ${entry}`);
      await client.query('SET session_replication_role = origin');
    });
  });

  /** The seal is right in itself; the next one knows it otherwise. */
  async function alterSeal(client: pg.PoolClient): Promise<void> {
    const seal = makeSeal({ ...(checkpoints[1] as Seal).header, time: '2020-01-01T00:00:00+00:00' }, undefined);
    await client.query(`UPDATE audit_seals SET time = $1, hash = decode($2, 'hex') WHERE seal = 2`, [seal.header.time, seal.hash]);
  }

  async function alterWithLeaf(client: pg.PoolClient): Promise<void> {
    await client.query(`UPDATE audit_entries SET actor = 'nobody' WHERE ${entry}`);
    await rehashLeaves(client);
  }

  async function alterWithRoot(client: pg.PoolClient, andHashes: boolean): Promise<void> {
    await alterWithLeaf(client);
    await rehashRoot(client, 1);
    if (andHashes) await rehashSeals(client);
  }
});
