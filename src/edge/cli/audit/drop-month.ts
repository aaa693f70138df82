import { userInfo } from 'node:os';
import pg from 'pg';
import { SCHEMA } from '../../../foundation/database/names.ts';
import { withRequest } from '../../../foundation/database/requests.ts';

/**
 * Drops a month of the audit log as the owner of the database, on record under the name of whoever does it. Its seals stay, so that
 * the log still verifies. Answers what to print.
 * @throws Error when the month is not over, not all sealed, or not there.
 */
export async function dropMonth(databaseUrl: string, month: string, reason: string): Promise<string> {
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(month)) throw new Error(`${month} is no month such as 2025-11`);
  const client = new pg.Client({ connectionString: databaseUrl, options: `-c search_path=${SCHEMA} -c timezone=UTC -c lock_timeout=30000` });
  await client.connect();
  try {
    await client.query('BEGIN');
    const sql = async <Row>(text: string, values: readonly unknown[] = []) => (await client.query(text, [...values])).rows as Row[];
    await withRequest(sql, { actor: `cli:${userInfo().username}`, actorKind: 'USER', rpc: 'cli/audit drop-month', reason });
    const [row] = await sql<{ entries: string }>('SELECT drop_audit_month($1) AS entries', [`${month}-01`]);
    await client.query('COMMIT');
    return `${month} is dropped: ${row?.entries ?? 0} entries are gone, their seals stay.`;
  } finally {
    await client.end();
  }
}
