import { stringify } from 'csv-stringify/sync';
import type { Sql } from '../../foundation/database/sql.ts';
import { SequenceNotReached } from './errors.ts';
import { ENTRY_PARTS, type EntryParts, PART_SEPARATOR, rfc3339 } from './sealing/entry-text.ts';
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
  if (form === 'csv' && after === 0) yield { text: `${HEADING.join(',')}\r\n`, lastSequence: 0 };
  for (let reached = after; ; ) {
    const rows = await sql<{ sequence: string; erased: string[]; parts: string }>(
      `SELECT s.sequence, e.erased_fields AS erased, concat_ws(chr(31), ${ENTRY_PARTS}) AS parts
       FROM (SELECT * FROM sealed_entries WHERE sequence > $1 AND sequence <= $2 ORDER BY sequence LIMIT ${PAGE}) s
       CROSS JOIN LATERAL (SELECT * FROM audit_entries e WHERE e.entry_id = s.entry_id AND e.time = s.time OFFSET 0) e
       ORDER BY s.sequence`,
      [reached, end ?? Number.MAX_SAFE_INTEGER],
    );
    const last = rows.at(-1);
    if (!last) return;
    const write = form === 'csv' ? csvLine : jsonLine;
    let text = '';
    for (const { sequence, erased, parts } of rows) {
      text += write(sequence, erased, parts.split(PART_SEPARATOR) as unknown as EntryParts);
      if (text.length < PIECE_LENGTH && sequence !== last.sequence) continue;
      yield { text, lastSequence: Number(sequence) };
      text = '';
    }
    reached = Number(last.sequence);
  }
}

/** JSON by the names that the database has for its columns, numbers as they are. */
function jsonLine(sequence: string, erased: readonly string[], parts: EntryParts): string {
  const [entryId, time, actor, actorKind, rpc, requestId, entityType, entityId, version, operation, changedFields, reason, before, after] = parts;
  const request = requestId === '' ? 'null' : `"${requestId}"`;
  return (
    `{"sequence": ${sequence}, "entry_id": ${entryId}, "time": "${rfc3339(time)}", "actor": ${actor}, "actor_kind": "${actorKind}", "rpc": ${rpc}, ` +
    `"request_id": ${request}, "reason": ${reason}, "entity_type": "${entityType}", "entity_id": ${entityId}, "version": ${version}, ` +
    `"operation": "${operation}", "changed_fields": ${changedFields}, "erased_fields": ${JSON.stringify(erased)}, ` +
    `"before": ${before || 'null'}, "after": ${after || 'null'}}\n`
  );
}

function csvLine(sequence: string, erased: readonly string[], parts: EntryParts): string {
  const [entryId, time, actor, actorKind, rpc, requestId, entityType, entityId, version, operation, changedFields, reason, before, after] = parts;
  const text = (json: string): string => JSON.parse(json) as string;
  const fields = [
    ...[sequence, entryId, rfc3339(time), text(actor), actorKind, text(rpc), requestId, text(reason), entityType, text(entityId), version, operation],
    ...[(JSON.parse(changedFields) as string[]).join(' '), erased.join(' '), before, after],
  ];
  return stringify([fields], { escape_formulas: true, record_delimiter: '\r\n' });
}
