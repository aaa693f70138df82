import type { Sql } from '../../foundation/database/sql.ts';
import { csvLine } from '../../foundation/files/csv.ts';
import { SequenceNotReached } from './errors.ts';
import { ENTRY_COLUMNS, type EntryRow, quoted, rfc3339 } from './sealing/entry-text.ts';
import { findLastSeal } from './sealing/read.ts';

/** Entries read in one go. */
const PAGE = 200;
/** A piece is not made longer than this by another line; in characters. */
const PIECE_LENGTH = 500_000;

/** A piece of an export: whole lines. */
export interface ExportedPiece {
  readonly text: string;
  readonly lastSequence: number;
}

/** The form of an exported line. */
export type ExportForm = 'ndjson' | 'csv';

const HEADING = [
  ...['sequence', 'entry_id', 'time', 'actor', 'actor_kind', 'rpc', 'request_id', 'reason', 'entity_type', 'entity_id', 'version', 'operation'],
  ...['changed_fields', 'erased_fields', 'before', 'after'],
];

/**
 * Sealed entries after one sequence and up to another, in pieces of some hundred. An export from the beginning in CSV opens with the heading.
 * Throws SequenceNotReached.
 */
export async function* exportEntries(sql: Sql, form: ExportForm, after: number, end: number | undefined): AsyncGenerator<ExportedPiece> {
  const last = (await findLastSeal(sql))?.header.last_sequence ?? 0;
  if (after > last) throw new SequenceNotReached(after, last);
  if (form === 'csv' && after === 0) yield { text: lineOf(HEADING), lastSequence: 0 };
  for (let reached = after; ; ) {
    const rows = await sql<ExportedRow>(
      `SELECT s.sequence, e.erased_fields, ${ENTRY_COLUMNS}
       FROM (SELECT * FROM sealed_entries WHERE sequence > $1 AND sequence <= $2 ORDER BY sequence LIMIT ${PAGE}) s
       CROSS JOIN LATERAL (SELECT * FROM audit_entries e WHERE e.entry_id = s.entry_id AND e.time = s.time OFFSET 0) e
       ORDER BY s.sequence`,
      [reached, end ?? Number.MAX_SAFE_INTEGER],
    );
    const last = rows.at(-1);
    if (!last) return;
    const write = form === 'csv' ? csvEntry : jsonLine;
    let text = '';
    for (const row of rows) {
      text += write(row);
      if (text.length < PIECE_LENGTH && row !== last) continue;
      yield { text, lastSequence: Number(row.sequence) };
      text = '';
    }
    reached = Number(last.sequence);
  }
}

interface ExportedRow extends EntryRow {
  readonly sequence: string;
  readonly erased_fields: readonly string[];
}

/** JSON by the names that the database has for its columns, numbers as they are. */
function jsonLine(row: ExportedRow): string {
  const request = row.request_id === null ? 'null' : `"${row.request_id}"`;
  return (
    `{"sequence": ${row.sequence}, "entry_id": ${row.entry_id}, "time": "${rfc3339(row.time)}", "actor": ${quoted(row.actor)}, "actor_kind": "${row.actor_kind}", ` +
    `"rpc": ${quoted(row.rpc)}, "request_id": ${request}, "reason": ${quoted(row.reason)}, "entity_type": "${row.entity_type}", ` +
    `"entity_id": ${quoted(row.entity_id)}, "version": ${row.version}, "operation": "${row.operation}", "changed_fields": ${row.changed_fields}, ` +
    `"erased_fields": ${JSON.stringify(row.erased_fields)}, "before": ${row.before ?? 'null'}, "after": ${row.after ?? 'null'}}\n`
  );
}

function csvEntry(row: ExportedRow): string {
  const fields = [
    ...[row.sequence, row.entry_id, rfc3339(row.time), row.actor, row.actor_kind, row.rpc, row.request_id ?? '', row.reason, row.entity_type],
    ...[row.entity_id, row.version, row.operation, (JSON.parse(row.changed_fields) as string[]).join(' '), row.erased_fields.join(' ')],
    ...[row.before ?? '', row.after ?? ''],
  ];
  return lineOf(fields);
}

const lineOf = (fields: readonly string[]): string => csvLine(fields.map((text) => ({ kind: 'text', text })));
