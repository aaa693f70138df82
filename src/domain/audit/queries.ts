import type { Instant } from '../../foundation/clock.ts';
import type { Sql } from '../../foundation/database/sql.ts';
import { compileFilter, type FilterSchema } from '../../foundation/filter/index.ts';
import { afterPosition, type Order, orderBySql, type Position, parseOrderBy, positionSql } from '../../foundation/page/index.ts';
import { AuditEntryNotFound } from './errors.ts';
import { AUDIT_ENTRY_COLUMNS, type AuditEntryRow } from './message.ts';

/** Which entries are wanted; '' and undefined mean any. */
export interface WantedEntries {
  readonly entityType?: string;
  readonly entityId?: string;
  readonly actor?: string;
  readonly rpc?: string;
  readonly requestId?: string;
  /** From this time on. */
  readonly startTime?: Instant | undefined;
  /** Before this time. */
  readonly endTime?: Instant | undefined;
  /** CEL over `AUDIT_FILTER_FIELDS`. */
  readonly filter?: string;
}

/** What callers may filter audit entries by. */
export const AUDIT_FILTER_FIELDS: FilterSchema = {
  time: { sql: 'e.time', type: 'timestamp' },
  actor: { sql: 'e.actor', type: 'string' },
  actor_kind: { sql: 'e.actor_kind', type: 'enum', constants: { USER: 'USER', SERVICE: 'SERVICE', SYSTEM: 'SYSTEM', DATABASE: 'DATABASE' } },
  rpc: { sql: 'e.rpc', type: 'string' },
  request_id: { sql: 'e.request_id', type: 'uuid', nullable: true },
  reason: { sql: 'e.reason', type: 'string' },
  entity_type: { sql: 'e.entity_type', type: 'string' },
  entity_id: { sql: 'e.entity_id', type: 'string' },
  version: { sql: 'e.version', type: 'int' },
  operation: { sql: 'e.operation', type: 'enum', constants: { CREATE: 'CREATE', UPDATE: 'UPDATE', DELETE: 'DELETE', REFUSE: 'REFUSE' } },
  changed_fields: { sql: 'e.changed_fields', type: 'string_list' },
};

/** Newest first. Ids rise with the order in which entries were written, which is all that indexes can serve. */
export const NEWEST_FIRST: Order = parseOrderBy('entry_id desc', { entry_id: { sql: 'e.entry_id', type: 'bigint' } }, ['entry_id'], ['entry_id']);

/** At most `limit` entries, newest first, with their positions. Throws FilterError. */
export async function listEntries(sql: Sql, wanted: WantedEntries, limit: number, after?: Position): Promise<AuditEntryRow[]> {
  const conditions: string[] = ['true'];
  const values: unknown[] = [];
  const plain = (condition: (parameter: string) => string, value: unknown): void => {
    if (value !== undefined && value !== '') conditions.push(condition(`$${values.push(value)}`));
  };
  const compiled = (part: { readonly text: string; readonly values: readonly unknown[] }): void => {
    conditions.push(part.text);
    values.push(...part.values);
  };
  plain((p) => `e.entity_type = ${p}`, wanted.entityType);
  plain((p) => `e.entity_id = ${p}`, wanted.entityId);
  plain((p) => `e.actor = ${p}`, wanted.actor);
  plain((p) => `e.rpc = ${p}`, wanted.rpc);
  plain((p) => `e.request_id = ${p}::uuid`, wanted.requestId);
  plain((p) => `e.time >= ${p}::timestamptz`, wanted.startTime);
  plain((p) => `e.time < ${p}::timestamptz`, wanted.endTime);
  compiled(compileFilter(wanted.filter ?? '', AUDIT_FILTER_FIELDS, { firstParameter: values.length + 1 }));
  if (after) compiled(afterPosition(NEWEST_FIRST, after, values.length + 1));
  // Each month's index yields its entries in this order; a time range leaves out whole months.
  return sql(
    `SELECT ${AUDIT_ENTRY_COLUMNS}, ${positionSql(NEWEST_FIRST)} FROM audit_entries e
     WHERE ${conditions.join(' AND ')} ORDER BY ${orderBySql(NEWEST_FIRST)} LIMIT ${limit}`,
    values,
  );
}

/** One entry by its id; throws AuditEntryNotFound. */
export async function getAuditEntry(sql: Sql, entryId: string): Promise<AuditEntryRow> {
  const [row] = await sql<AuditEntryRow>(`SELECT ${AUDIT_ENTRY_COLUMNS} FROM audit_entries e WHERE e.entry_id = $1`, [entryId]);
  if (!row) throw new AuditEntryNotFound(entryId);
  return row;
}
