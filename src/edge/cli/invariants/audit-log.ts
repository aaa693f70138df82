import { readRows } from '../../../foundation/database/rows.ts';
import type { Sql } from '../../../foundation/database/sql.ts';
import type { Findings } from './findings.ts';

/** A table under audit: what its entries are called, and the columns that make up the entity's id. */
interface AuditedTable {
  readonly table: string;
  readonly entityType: string;
  readonly key: readonly string[];
}

const AUDITED: readonly AuditedTable[] = [
  { table: 'settings', entityType: 'settings', key: ['settings_id'] },
  { table: 'groups', entityType: 'group', key: ['group_id'] },
  { table: 'agents', entityType: 'agent', key: ['agent_id'] },
  { table: 'memberships', entityType: 'membership', key: ['group_id', 'agent_id'] },
  { table: 'tickets', entityType: 'ticket', key: ['ticket_id'] },
  { table: 'service_tokens', entityType: 'service_token', key: ['token_id'] },
  { table: 'erasures', entityType: 'erasure', key: ['erasure_id'] },
  { table: 'operations', entityType: 'operation', key: ['operation_id'] },
  { table: 'dropped_months', entityType: 'dropped_month', key: ['month'] },
];

/** Triggers that keep the log of one table: what each is called, after the table's name. */
const TRIGGERS = ['audit_create', 'audit_update', 'audit_delete', 'no_truncate', 'key_stays', 'version'];

/** Holds the audit log against the tables it speaks of, and looks whether its triggers are all in force. */
export async function checkAuditLog(sql: Sql, findings: Findings): Promise<void> {
  await checkTriggers(sql, findings);
  await checkDefaultPartition(sql, findings);
  const firstMonth = await findFirstMonth(sql);
  for (const table of AUDITED) {
    await checkVersions(sql, table, firstMonth, findings);
    await checkLatest(sql, table, findings);
  }
  const [entries] = await sql<{ count: string }>(`SELECT count(*) FROM audit_entries WHERE entity_type <> 'call'`);
  findings.note('I7', `${entries?.count ?? 0} entries of ${AUDITED.length} tables held against their rows`);
}

async function checkTriggers(sql: Sql, findings: Findings): Promise<void> {
  const rows = await sql<{ table: string; trigger: string; enabled: boolean }>(
    `SELECT c.relname AS table, t.tgname AS trigger, t.tgenabled IN ('O', 'A') AS enabled
     FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal`,
  );
  const enabled = new Map(rows.map((row) => [`${row.table}.${row.trigger}`, row.enabled]));
  const known = new Set(AUDITED.map(({ table }) => table));
  for (const row of rows) {
    if (row.trigger === `${row.table}_audit_update` && !known.has(row.table))
      findings.report('I7', `table ${row.table} is under audit, but this check does not know it`);
    if (!row.enabled) findings.report('I7', `trigger ${row.trigger} of table ${row.table} is disabled`);
  }
  for (const { table } of AUDITED) {
    for (const name of TRIGGERS) if (!enabled.has(`${table}.${table}_${name}`)) findings.report('I7', `table ${table} has no trigger ${table}_${name}`);
  }
}

async function checkDefaultPartition(sql: Sql, findings: Findings): Promise<void> {
  const [stray] = await sql<{ count: string }>('SELECT count(*) FROM audit_entries_default');
  if (stray && stray.count !== '0') findings.report('I7', `${stray.count} entries are in the default partition: the month they belong to is missing`);
}

/** Beginning of the oldest month of the log that is still there; what is older may have been dropped. */
async function findFirstMonth(sql: Sql): Promise<string> {
  const [oldest] = await sql<{ month: string | null }>(
    `SELECT min(substring(c.relname FROM '[0-9]{4}_[0-9]{2}$')) AS month FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'audit_entries'::regclass`,
  );
  return oldest?.month ? `${oldest.month.replace('_', '-')}-01 00:00:00+00` : 'infinity';
}

async function checkVersions(sql: Sql, { entityType }: AuditedTable, firstMonth: string, findings: Findings): Promise<void> {
  const rows = readRows<{
    entity_id: string;
    entry_id: string;
    operation: string;
    version: string;
    last_operation: string | null;
    last_version: string | null;
  }>(
    sql,
    `SELECT * FROM (
       SELECT entity_id, entry_id, operation, version, lag(operation) OVER history AS last_operation, lag(version) OVER history AS last_version,
         (coalesce(after, before) ->> 'create_time')::timestamptz < '${firstMonth}' AS older
       FROM audit_entries WHERE entity_type = '${entityType}' WINDOW history AS (PARTITION BY entity_id ORDER BY entry_id)
     ) entry
     WHERE CASE
       WHEN last_version IS NULL THEN NOT (operation = 'CREATE' AND version = 1) AND NOT coalesce(older, false)
       WHEN operation = 'CREATE' THEN NOT (last_operation = 'DELETE' AND version = 1)
       WHEN operation = 'UPDATE' THEN last_operation = 'DELETE' OR version <> last_version + 1
       ELSE last_operation = 'DELETE' OR version <> last_version END`,
  );
  for await (const row of rows) {
    const before = row.last_version === null ? 'no entry' : `${row.last_operation} of version ${row.last_version}`;
    findings.report('I7', `${entityType} ${row.entity_id}: entry ${row.entry_id} (${row.operation} of version ${row.version}) follows on ${before}`);
  }
}

async function checkLatest(sql: Sql, { table, entityType, key }: AuditedTable, findings: Findings): Promise<void> {
  const entityId = key.map((column) => `t.${column}::text`).join(` || '/' || `);
  // Columns that an entry does not have, secret or newer than it, are taken from the row.
  const rows = readRows<{ entity_id: string; entry_id: string | null; there: boolean; fields: string[] | null }>(
    sql,
    `SELECT coalesce(e.entity_id, r.entity_id) AS entity_id, e.entry_id, r.entity_id IS NOT NULL AS there,
       (SELECT array_agg(said.key ORDER BY said.key) FROM jsonb_each(to_jsonb(jsonb_populate_record(r.t, e.after))) said
        WHERE said.value IS DISTINCT FROM to_jsonb(r.t) -> said.key) AS fields
     FROM (
       SELECT DISTINCT ON (entity_id) entity_id, entry_id, operation, after FROM audit_entries WHERE entity_type = '${entityType}' ORDER BY entity_id, entry_id DESC
     ) e
     FULL JOIN (SELECT ${entityId} AS entity_id, t FROM ${table} t) r ON r.entity_id = e.entity_id COLLATE "C"
     WHERE CASE
       WHEN e.entity_id IS NULL THEN true
       WHEN r.entity_id IS NULL THEN e.operation <> 'DELETE'
       ELSE e.operation = 'DELETE' OR jsonb_populate_record(r.t, e.after) IS DISTINCT FROM r.t END`,
  );
  for await (const row of rows) {
    if (row.entry_id === null) findings.report('I7', `${entityType} ${row.entity_id} has no audit entry`);
    else if (!row.there) findings.report('I7', `${entityType} ${row.entity_id} is gone without an audit entry; the last one is ${row.entry_id}`);
    else
      findings.report('I7', `${entityType} ${row.entity_id} differs from its latest audit entry ${row.entry_id} in ${row.fields?.join(', ') ?? 'being there'}`);
  }
}
