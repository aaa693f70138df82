import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sqlOf } from '../../src/foundation/database/sql.ts';
import { newId } from '../../src/foundation/ids.ts';
import { AUDITED, differences, installShadow } from '../support/audit-shadow.ts';
import { insertOperation } from '../support/operations.ts';
import { insertAgent, insertGroup, insertTickets, type Reading, startReading } from '../support/reading.ts';

describe('the audit log', () => {
  let reading: Reading;
  let kyc: string;
  beforeAll(async () => {
    reading = await startReading();
    await installShadow(reading);
    kyc = await insertGroup(reading, 'KYC');
    await insertAgent(reading, 'ada', [kyc]);
    await insertTickets(
      reading,
      [1, 2, 3].map((number) => ({ key: `KYC-${number}`, groupId: kyc })),
    );
    await reading.sql(`SELECT erase_entries('ticket', 'none', '{title}')`);
    await reading.sql(`INSERT INTO dropped_months VALUES ('2020-01-01', 1, 1, now(), now())`);
    await insertOperation(reading.sql, 'root', newId());
    await reading.sql(`INSERT INTO service_tokens (token_id, prefix, secret_hash, name, roles) VALUES ($1, 'pre', '\\xdeadbeefdeadbeef', 'ci', '{admin}')`, [
      newId(),
    ]);
  });
  afterAll(() => reading.close());

  /** Entries that some statements caused, oldest first. */
  const entriesOf = async (...statements: string[]) => {
    const [before] = await reading.sql<{ last: string }>('SELECT max(entry_id) AS last FROM audit_entries');
    for (const statement of statements) await reading.sql(statement);
    return reading.sql<{
      entity_type: string;
      operation: string;
      version: string;
      changed_fields: string[];
      before: Record<string, unknown> | null;
      after: Record<string, unknown> | null;
      actor: string;
    }>('SELECT * FROM audit_entries WHERE entry_id > $1 ORDER BY entry_id', [before?.last]);
  };

  it('covers every table that holds what people decide', async () => {
    const rows = await reading.sql<{ name: string }>(
      `SELECT DISTINCT tgrelid::regclass::text AS name FROM pg_trigger WHERE tgname LIKE '%\\_audit\\_%' AND tgenabled = 'O'`,
    );
    expect(rows.map((row) => row.name).sort()).toEqual(Object.keys(AUDITED).sort());
    // Derived counters, decisions (a log of their own), keys and queues of the machinery: nobody edits them.
    const others = await reading.sql<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'docket'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> ALL ($1) ORDER BY 1`,
      [[...Object.keys(AUDITED), 'shadow', 'test_clock']],
    );
    expect(others.map((row) => row.name)).toEqual([
      'agent_counters',
      'agent_presence',
      'assignment_decisions',
      'assignment_releases',
      'assignment_rounds',
      'audit_entries',
      'audit_seals',
      'deployment_secrets',
      'eligibility_changes',
      'external_reference_keys',
      'group_counters',
      'group_pools',
      'group_relaxations',
      'handicaps',
      'import_rows',
      'imports',
      'migrations',
      'operation_chunks',
      'operation_progress',
      'pools',
      'reassignment_plan_tickets',
      'reassignment_plans',
      'requests',
      'sealed_entries',
    ]);
  });

  it('tells of each row that a statement changed, of rows changed to the same, and of none it left alone', async () => {
    const many = await entriesOf(`UPDATE tickets SET priority = 4 WHERE key IN ('KYC-1', 'KYC-2')`);
    expect(many.map((entry) => [entry.operation, entry.changed_fields])).toEqual([
      ['UPDATE', ['priority']],
      ['UPDATE', ['priority']],
    ]);
    expect(await entriesOf(`UPDATE tickets SET priority = priority WHERE key = 'KYC-1'`)).toMatchObject([{ operation: 'UPDATE', changed_fields: [] }]);
    expect(await entriesOf(`UPDATE tickets SET priority = 1 WHERE key = 'KYC-77'`)).toEqual([]);
    expect(await differences(reading)).toEqual([]);
  });

  it('holds the whole row afterwards, the old values of what changed, and the whole row of a deletion', async () => {
    const [changed, deleted] = await entriesOf(`UPDATE memberships SET create_time = '2020-01-01'`, 'DELETE FROM memberships');
    expect(changed?.before).toMatchObject({ version: 1 });
    expect(Object.keys(changed?.before ?? {}).sort()).toEqual(['create_time', 'update_time', 'version']);
    expect(changed?.after).toMatchObject({ group_id: kyc, agent_id: 'ada', version: 2 });
    expect(deleted).toMatchObject({ operation: 'DELETE', version: '2', after: null, before: { group_id: kyc, agent_id: 'ada', version: 2 } });
  });

  it('tells insert from update where a statement does both', async () => {
    const both = await entriesOf(
      `INSERT INTO agents (agent_id, create_time, update_time) VALUES ('ada', now(), now()), ('new', now(), now()) ON CONFLICT (agent_id) DO UPDATE SET display_name = 'again'`,
      `INSERT INTO agents (agent_id, create_time, update_time) VALUES ('ada', now(), now()) ON CONFLICT DO NOTHING`,
    );
    expect(both.map((entry) => [entry.operation, entry.changed_fields]).sort()).toEqual([
      ['CREATE', []],
      ['UPDATE', ['display_name']],
    ]);
    expect(await differences(reading)).toEqual([]);
  });

  it('has exactly one entry for every change, committed with it, whatever statements come in whatever order', { timeout: 120_000 }, async () => {
    const agent = fc.constantFrom('a1', 'a2', 'a3', 'a4');
    const agents = fc.uniqueArray(agent, { minLength: 1 });
    const values = (names: readonly string[]) => names.map((name) => `('${name}', now(), now())`).join(', ');
    const list = (names: readonly string[]) => names.map((name) => `'${name}'`).join(', ');
    const statement = fc.oneof(
      agents.map(
        (names) =>
          `INSERT INTO agents (agent_id, create_time, update_time) VALUES ${values(names)} ON CONFLICT (agent_id) DO UPDATE SET weight = agents.weight % 1000 + 1`,
      ),
      agents.map((names) => `INSERT INTO agents (agent_id, create_time, update_time) VALUES ${values(names)} ON CONFLICT DO NOTHING`),
      agents.map((names) => `UPDATE agents SET display_name = display_name || 'x' WHERE agent_id IN (${list(names)})`),
      agents.map((names) => `DELETE FROM memberships WHERE agent_id IN (${list(names)})`),
      agents.map(
        (names) =>
          `INSERT INTO memberships (group_id, agent_id, create_time, update_time) SELECT '${kyc}', agent_id, now(), now() FROM agents WHERE agent_id IN (${list(names)}) ON CONFLICT (group_id, agent_id) DO UPDATE SET create_time = now()`,
      ),
      agents.map(
        (names) =>
          `WITH up AS (UPDATE agents SET email = 'e' WHERE agent_id IN (${list(names)}) RETURNING 1), gone AS (DELETE FROM memberships WHERE agent_id IN (${list(names)}) RETURNING 1) UPDATE tickets SET title = title || (SELECT count(*) FROM up, gone) WHERE key <> 'KYC-3'`,
      ),
      fc.constantFrom(
        'SAVEPOINT s',
        'ROLLBACK TO s',
        `UPDATE settings SET business_time_zone = 'Europe/Berlin'`,
        `UPDATE groups SET name = name || '!', version = 1`,
        `UPDATE service_tokens SET revoke_time = now(), secret_hash = '\\x00'`,
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(statement, { minLength: 1, maxLength: 12 }), fc.boolean(), async (statements, commit) => {
        await reading.session(async (client) => {
          await client.query('BEGIN; SAVEPOINT s');
          for (const text of statements) await client.query(text);
          await client.query(commit ? 'COMMIT' : 'ROLLBACK');
        });
        expect(await differences(reading)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('is missed by this check as soon as one trigger is gone', async () => {
    const found = await reading.session(async (client) => {
      await client.query('BEGIN; DROP TRIGGER agents_audit_update ON agents');
      await client.query(`UPDATE agents SET email = 'f' WHERE agent_id = 'ada'`);
      const unlogged = await differences({ sql: async (text) => (await client.query(text)).rows });
      await client.query('ROLLBACK');
      return unlogged;
    });
    expect(found).toMatchObject([{ entity_type: 'agent', entity_id: 'ada', operation: 'UPDATE', too_many: -1 }]);
  });

  it('sees versions that rise with every change, whatever the statement says', async () => {
    const entries = await entriesOf(`UPDATE groups SET version = 1`, `UPDATE groups SET version = 99`);
    expect(Number(entries[1]?.version) - Number(entries[0]?.version)).toBe(1);
    expect(Number(entries[0]?.version)).toBeGreaterThan(1);
  });

  it('never holds the secret of a token, though it tells that it changed', async () => {
    const entries = await entriesOf(
      `UPDATE service_tokens SET secret_hash = '\\xfeedfacefeedface'`,
      `INSERT INTO service_tokens (token_id, prefix, secret_hash, name, roles) VALUES ('${newId()}', 'other', '\\xfeedfacefeedface', 'cd', '{agent}')`,
      `DELETE FROM service_tokens WHERE name = 'cd'`,
    );
    expect(entries.map((entry) => entry.operation)).toEqual(['UPDATE', 'CREATE', 'DELETE']);
    const [found] = await reading.sql<{ count: number }>(
      `SELECT count(*)::integer AS count FROM audit_entries e WHERE e::text ~* 'secret_hash|deadbeef|feedface'`,
    );
    expect(found?.count).toBe(0);
  });

  it.each(Object.entries(AUDITED))('refuses to let a row of %s change its identifier, and the table be emptied at once', async (table, { key }) => {
    for (const column of key.filter((name) => name !== 'settings_id')) {
      const other = ({ agent_id: `'somebody'`, month: `'2021-01-01'` } as Record<string, string>)[column] ?? `'${newId()}'`;
      // Somebody must be there to be renamed.
      await reading.sql(`INSERT INTO memberships (group_id, agent_id, create_time, update_time) VALUES ('${kyc}', 'ada', now(), now()) ON CONFLICT DO NOTHING`);
      await expect(reading.sql(`UPDATE ${table} SET ${column} = ${other}`)).rejects.toMatchObject({ code: '23000' });
    }
    await expect(reading.sql(`TRUNCATE ${table} CASCADE`)).rejects.toMatchObject({ code: '42501' });
    await expect(sqlOf(reading.orm.em.fork())(`TRUNCATE ${table} CASCADE`)).rejects.toMatchObject({ code: '42501' });
  });

  it('cannot be changed by the owner of the database', async () => {
    const [partition] = await reading.sql<{ name: string }>('SELECT tableoid::regclass::text AS name FROM audit_entries LIMIT 1');
    for (const table of ['audit_entries', partition?.name, 'audit_entries_default']) {
      await expect(reading.sql(`TRUNCATE ${table}`)).rejects.toMatchObject({ code: '42501' });
    }
    for (const table of ['audit_entries', partition?.name]) {
      await expect(reading.sql(`UPDATE ${table} SET reason = 'rewritten'`)).rejects.toMatchObject({ code: '42501' });
      await expect(reading.sql(`DELETE FROM ${table}`)).rejects.toMatchObject({ code: '42501' });
    }
  });

  it('can only be read by the role that the service runs under, which can switch nothing off either', async () => {
    const sql = sqlOf(reading.orm.em.fork());
    expect(await sql('SELECT current_user AS role')).toEqual([{ role: 'docket_service' }]);
    expect((await sql('SELECT 1 FROM audit_entries LIMIT 1')).length).toBe(1);
    const [partition] = await reading.sql<{ name: string }>('SELECT tableoid::regclass::text AS name FROM audit_entries LIMIT 1');
    const refused = [
      `INSERT INTO audit_entries (time, actor, actor_kind, rpc, reason, entity_type, entity_id, version, operation, changed_fields) VALUES (now(), 'me', 'USER', '', '', 'ticket', 'x', 1, 'CREATE', '{}')`,
      `INSERT INTO ${partition?.name} SELECT * FROM ${partition?.name}`,
      `UPDATE audit_entries SET reason = ''`,
      'DELETE FROM audit_entries',
      `DELETE FROM ${partition?.name}`,
      'TRUNCATE audit_entries',
      `DROP TABLE ${partition?.name}`,
      'ALTER TABLE tickets DISABLE TRIGGER ALL',
      'DROP TRIGGER tickets_audit_update ON tickets',
      'ALTER TABLE audit_entries DISABLE TRIGGER ALL',
      `SET session_replication_role = replica`,
      `CREATE OR REPLACE FUNCTION tickets_audit_update() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
    ];
    for (const statement of refused) await expect(sql(statement), statement).rejects.toMatchObject({ code: '42501' });
  });

  it('puts the partitions of new months under the same rules', async () => {
    await reading.sql('SELECT make_audit_partitions(14)');
    const names = await reading.sql<{ name: string }>(`SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'audit_entries'::regclass`);
    expect(names.length).toBeGreaterThanOrEqual(16);
    const sql = sqlOf(reading.orm.em.fork());
    for (const { name } of names) {
      await expect(reading.sql(`TRUNCATE ${name}`), name).rejects.toMatchObject({ code: '42501' });
      await expect(sql(`DELETE FROM ${name}`), name).rejects.toMatchObject({ code: '42501' });
    }
  });
});
