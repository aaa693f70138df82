import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertGroup, insertTickets, type Reading, startReading } from '../support/reading.ts';
import { openSealedLog, type SealedLog } from '../support/sealed-log.ts';

describe('erasing from the log', () => {
  let reading: Reading;
  let log: SealedLog;
  let kyc: string;
  beforeAll(async () => {
    reading = await startReading();
    log = openSealedLog(reading);
    kyc = await insertGroup(reading, 'KYC');
  });
  afterAll(() => reading.close());

  let number = 0;
  const openTicket = async (title: string): Promise<string> => {
    number += 1;
    const [id] = await insertTickets(reading, [{ key: `KYC-${number}`, groupId: kyc, title }]);
    return id as string;
  };
  const erase = (id: string, columns: string[]) => reading.sql('SELECT erase_entries($1, $2, $3)', ['ticket', id, columns]);
  const everything = async () => {
    const tables = await reading.sql<{ name: string }>(`SELECT relname AS name FROM pg_class WHERE relnamespace = 'docket'::regnamespace AND relkind = 'r'`);
    const texts = await Promise.all(tables.map(({ name }) => reading.sql<{ text: string | null }>(`SELECT string_agg(t::text, ' ') AS text FROM ${name} t`)));
    return texts.map(([row]) => row?.text ?? '').join(' ');
  };

  it('leaves a log that verifies, shows what was erased, and holds none of it', async () => {
    const id = await openTicket('Secret Title');
    await reading.sql(`UPDATE tickets SET title = 'Second Secret', labels = '{kept}' WHERE ticket_id = $1`, [id]);
    await log.seal();
    const { tally: before } = await log.verify();
    await erase(id, ['title']);
    await reading.sql(`UPDATE tickets SET title = '' WHERE ticket_id = $1`, [id]);
    // Its own entry would hold the last value.
    await erase(id, ['title']);
    const { findings, tally } = await log.verify();
    expect(findings).toEqual([]);
    expect(tally.entries).toBe(before.entries);
    expect(tally.erasedEntries).toBe(2);
    expect(await everything()).not.toMatch(/Secret/);
    await log.seal();
    expect((await log.verify()).findings).toEqual([]);
    const [entry] = await reading.sql(
      `SELECT erased_fields, after, before FROM audit_entries WHERE entity_id = $1 AND operation = 'UPDATE' ORDER BY entry_id LIMIT 1`,
      [id],
    );
    expect(entry?.erased_fields).toEqual(['after.title', 'before.title']);
    expect(entry?.after).toMatchObject({ labels: ['kept'] });
    expect(entry?.after).not.toHaveProperty('title');
  });

  it('forgets the salts of what is gone, so that nobody can try values', async () => {
    const id = await openTicket('Guess me');
    await log.seal();
    const stored = () =>
      reading.sql(`SELECT encode(salts, 'hex') AS salts, digests FROM sealed_entries JOIN audit_entries USING (entry_id) WHERE entity_id = $1`, [id]);
    const [before] = await stored();
    await erase(id, ['title']);
    const [row] = await stored();
    // Titles come before user ids, which have the only other salt.
    expect(before?.salts).toHaveLength(2 * 32);
    expect(row?.salts).toBe(before?.salts.slice(32));
    expect(Object.keys(row?.digests)).toEqual(['after.title']);
  });

  it('explains nothing that came after it, and nothing that was put in its place', async () => {
    const id = await openTicket('Erase me');
    await log.seal();
    await erase(id, ['title']);
    await reading.sql(`UPDATE tickets SET title = 'Another title' WHERE ticket_id = $1`, [id]);
    await log.seal();
    const owned = (...statements: string[]) =>
      reading.session(async (client) => {
        await client.query('SET session_replication_role = replica');
        for (const statement of statements) await client.query(statement);
        await client.query('SET session_replication_role = origin');
      });
    // As if the later title had been erased too.
    const later = `entity_id = '${id}' AND operation = 'UPDATE'`;
    await owned(
      // Its salts are of after.title, after.user_id and before.title.
      `UPDATE sealed_entries s SET salts = substr(salts, 17, 16), digests = (SELECT jsonb_object_agg(n, hex_hash(encode(substr(s.salts, at, 16), 'hex') || v))
         FROM (VALUES ('after.title', 1, '"Another title"'), ('before.title', 33, '"Erase me"')) x(n, at, v)) FROM audit_entries e WHERE e.entry_id = s.entry_id AND e.${later}`,
      `UPDATE audit_entries SET after = after - 'title', before = before - 'title', erased_fields = '{after.title,before.title}' WHERE ${later}`,
      `UPDATE erasures SET fields = '{title,description,reason}'`,
    );
    expect(await log.kinds()).toContain('ERASURE_NOT_ON_RECORD');
    await owned(`UPDATE audit_entries SET after = after || '{"title": "Forged"}', erased_fields = '{}' WHERE entity_id = '${id}' AND operation = 'CREATE'`);
    expect(await log.kinds()).toContain('ENTRY_ALTERED');
    await owned(`UPDATE sealed_entries SET digests = '1' WHERE digests IS NOT NULL`);
    expect(await log.kinds()).toContain('ENTRY_ALTERED');
    await reading.close();
    reading = await startReading();
    log = openSealedLog(reading);
    kyc = await insertGroup(reading, 'KYC');
  });

  it('verifies whatever was erased in whatever order, sealed or not yet, and finds what is changed afterwards', async () => {
    const columns = fc.uniqueArray(fc.constantFrom('title', 'description', 'attributes', 'labels', 'user_id', 'external_references', 'reason'), {
      minLength: 1,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(columns, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        fc.string({ unit: 'grapheme', maxLength: 20 }),
        async (erasures, sealsFirst, text) => {
          const id = await openTicket(`t${text.replaceAll('\0', '')}`);
          await reading.sql(`UPDATE tickets SET description = $2, attributes = $3, labels = $4, user_id = 12345 WHERE ticket_id = $1`, [
            id,
            `"${text.replaceAll('\0', '')}\\\n`,
            JSON.stringify({ title: text.replaceAll('\0', ''), n: 1.5, deep: { user_id: [1, { a: '}' }] } }),
            ['a"b', 'c'],
          ]);
          if (sealsFirst) await log.seal();
          for (const erased of erasures) await erase(id, erased);
          await log.seal();
          expect((await log.verify()).findings).toEqual([]);
        },
      ),
      { numRuns: 30 },
    );
    const id = await openTicket('Erased');
    await reading.sql(`UPDATE tickets SET user_id = 77 WHERE ticket_id = $1`, [id]);
    await log.seal();
    await erase(id, ['title']);
    await reading.session(async (client) => {
      await client.query('SET session_replication_role = replica');
      await client.query(`UPDATE audit_entries SET after = jsonb_set(after, '{user_id}', '78') WHERE entity_id = $1 AND operation = 'UPDATE'`, [id]);
    });
    expect(await log.kinds()).toEqual(['ENTRY_ALTERED']);
  }, 240_000);
});
