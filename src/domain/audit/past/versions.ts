import type { JsonObject } from '@bufbuild/protobuf';
import type { Sql } from '../../../foundation/database/sql.ts';
import { parseValues } from '../message.ts';
import { type PastTableName, pastTable } from './rows.ts';

/** A row as it was in one version. */
export interface RowVersion {
  /** Its columns by their names in the database, enums by name, whole numbers past 2^53 as text. */
  readonly values: JsonObject;
  /** Columns whose value was erased from the log: they are not among the values. */
  readonly erased: readonly string[];
}

/**
 * A version of a row, from the entry that made it, else from the one that ended it, else it is the row as it is; undefined when none of these is there. Where a
 * row was removed and put back, the later version of that number.
 */
export async function findVersion(sql: Sql, name: PastTableName, id: string, version: string): Promise<RowVersion | undefined> {
  const { table, entityType, id: idOfRow, hidden } = pastTable(name);
  const [found] = await sql<{ state: string; erased: string[] }>(
    `SELECT state::text, erased FROM (
       SELECT 1 AS rank, entry_id, after AS state, ARRAY(SELECT substr(f, 7) FROM unnest(erased_fields) f WHERE f LIKE 'after.%') AS erased
       FROM audit_entries WHERE entity_type = '${entityType}' AND entity_id = $1 AND version = $2::bigint AND operation <> 'DELETE'
       UNION ALL
       SELECT 2, entry_id, after || before,
         ARRAY(SELECT substr(f, strpos(f, '.') + 1) FROM unnest(erased_fields) f WHERE f LIKE 'before.%' OR (f LIKE 'after.%' AND NOT before ? substr(f, 7)))
       FROM audit_entries WHERE entity_type = '${entityType}' AND entity_id = $1 AND version - 1 = $2::bigint AND operation = 'UPDATE'
       UNION ALL
       SELECT 3, 0, to_jsonb(q) - '${hidden}'::text[], '{}' FROM ${table} q WHERE ${idOfRow} = $1 AND q.version = $2::bigint
     ) told ORDER BY rank, entry_id DESC LIMIT 1`,
    [id, version],
  );
  const values = found && parseValues(found.state, entityType);
  return found && values && { values, erased: [...new Set(found.erased)].sort() };
}
