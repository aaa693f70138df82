import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dumpSchema, SCHEMA_FILE } from '../../scripts/schema.ts';
import { migrate } from '../../src/foundation/database/migrate.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/database/index.ts';
import { withAdmin } from '../support/database/template.ts';

describe('the committed schema', () => {
  let database: TestDatabase;
  let last: string;
  beforeAll(async () => {
    database = await createEmptyDatabase();
    await migrate({ url: database.url });
    last = await dumpSchema(database.url);
  });
  afterAll(() => database.drop());

  it('is what the migrations lead to', () => {
    expect(last === readFileSync(SCHEMA_FILE, 'utf8'), 'run `npm run schema`').toBe(true);
  });

  it.each([
    'ALTER TABLE docket.tickets ADD COLUMN colour text',
    'ALTER TABLE docket.tickets ALTER COLUMN title DROP NOT NULL',
    `ALTER TABLE docket.tickets ALTER COLUMN title SET DEFAULT 'none'`,
    'ALTER TABLE docket.tickets SET (fillfactor = 70)',
    'ALTER TABLE docket.tickets DROP CONSTRAINT tickets_status_check',
    'ALTER TABLE docket.tickets DISABLE TRIGGER tickets_version',
    'CREATE INDEX another_index ON docket.tickets (title)',
    'DROP TRIGGER tickets_audit_update ON docket.tickets',
    `CREATE OR REPLACE FUNCTION docket.docket_now() RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'`,
    'CREATE SEQUENCE docket.another_sequence',
    'CREATE TABLE docket.another_table ()',
    'GRANT INSERT ON docket.audit_entries TO docket_service',
  ])('would not hide %s', async (change) => {
    const before = last;
    await withAdmin(database.url, (client) => client.query(change));
    last = await dumpSchema(database.url);
    expect(last).not.toBe(before);
  });
});
