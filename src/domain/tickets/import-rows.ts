import type { Sql } from '../../foundation/database/sql.ts';
import { RESULT_RETENTION_DAYS } from '../operations/index.ts';
import type { NewTicket } from './create.ts';

/** A row of a file on its way to a ticket: with the ticket to be, or with why it cannot be one. */
export interface ImportRow {
  readonly ticketId: string;
  readonly line: number;
  /** As it is in the file. */
  readonly cells: readonly string[];
  /** The id of its external reference. */
  readonly reference: string;
  readonly ticket?: NewTicket;
  readonly fault?: { readonly field: string; readonly reason: string; readonly message: string };
}

/** Begins to set rows down; nobody knows of them until `acceptImport`. */
export async function beginImport(sql: Sql, operationId: string): Promise<void> {
  await sql('INSERT INTO imports (operation_id, create_time) VALUES ($1, docket_now())', [operationId]);
}

/** Sets down one chunk of rows. */
export async function storeImportRows(sql: Sql, operationId: string, chunk: number, rows: readonly ImportRow[]): Promise<void> {
  await sql('INSERT INTO import_rows (operation_id, chunk, ticket_ids, lines, rows) VALUES ($1, $2, $3::uuid[], $4::integer[], $5)', [
    operationId,
    chunk,
    rows.map(({ ticketId }) => ticketId),
    rows.map(({ line }) => line),
    JSON.stringify(rows),
  ]);
}

/** Keeps an upload for its operation, and from being dropped meanwhile; answers whether it is there. */
export async function acceptImport(sql: Sql, operationId: string): Promise<boolean> {
  const accepted = await sql('UPDATE imports SET accept_time = docket_now() WHERE operation_id = $1 RETURNING 1', [operationId]);
  return accepted.length > 0;
}

/** Drops uploads that were not accepted; answers nothing for each. */
export async function dropUploads(sql: Sql, operationIds: readonly string[]): Promise<readonly undefined[]> {
  await sql('DELETE FROM imports WHERE operation_id = ANY ($1::uuid[]) AND accept_time IS NULL', [operationIds]);
  return operationIds.map(() => undefined);
}

/** The rows of some chunks, by chunk; null where a row need not be known any more. */
async function readChunks(sql: Sql, operationId: string, chunks: readonly number[]): Promise<ReadonlyMap<number, readonly (ImportRow | null)[]>> {
  const stored = await sql<{ chunk: number; rows: string }>(
    'SELECT chunk, rows FROM import_rows WHERE operation_id = $1 AND chunk = ANY ($2::integer[]) ORDER BY chunk',
    [operationId, chunks],
  );
  return new Map(stored.map(({ chunk, rows }) => [chunk, JSON.parse(rows) as (ImportRow | null)[]]));
}

/** The rows of some chunks that were not dealt with, in their order. */
export async function readImportRows(sql: Sql, operationId: string, chunks: readonly number[]): Promise<(ImportRow | null)[]> {
  return [...(await readChunks(sql, operationId, chunks)).values()].flat();
}

/** Forgets all but the rows that failed. */
export async function keepFailedRows(sql: Sql, operationId: string, chunks: ReadonlyMap<number, readonly (ImportRow | null)[]>): Promise<void> {
  await sql(
    `UPDATE import_rows r SET rows = kept.rows FROM unnest($2::integer[], $3::text[]) AS kept(chunk, rows)
     WHERE r.operation_id = $1 AND r.chunk = kept.chunk`,
    [operationId, [...chunks.keys()], [...chunks.values()].map((rows) => JSON.stringify(rows))],
  );
}

/** A row that failed, and where it stands. */
export interface FailedRow {
  readonly chunk: number;
  /** In the chunk, from 1. */
  readonly place: number;
  readonly field: string;
  readonly message: string;
  readonly row: ImportRow;
}

/** The next rows of an import that failed, after a place in a chunk, in the order of the file. None once they were dropped. */
export async function findFailedRows(sql: Sql, operationId: string, after: readonly [chunk: number, place: number], limit: number): Promise<FailedRow[]> {
  const found = await sql<{ chunk: number; place: string; field: string | null; message: string | null }>(
    `SELECT c.chunk, t.place, t.field, t.message FROM operation_chunks c JOIN operations o USING (operation_id)
     CROSS JOIN LATERAL unnest(c.outcomes, c.fields, c.messages) WITH ORDINALITY AS t(outcome, field, message, place)
     WHERE c.operation_id = $1 AND (c.chunk, t.place) > ($2::integer, $3::bigint) AND t.outcome = 4
       AND (o.end_time IS NULL OR o.end_time > docket_now() - interval '${RESULT_RETENTION_DAYS} days')
     ORDER BY c.chunk, t.place LIMIT $4`,
    [operationId, ...after, limit],
  );
  const chunks = await readChunks(sql, operationId, [...new Set(found.map(({ chunk }) => chunk))]);
  return found.flatMap(({ chunk, place, field, message }) => {
    const row = chunks.get(chunk)?.[Number(place) - 1];
    return row ? [{ chunk, place: Number(place), field: field ?? '', message: message ?? '', row }] : [];
  });
}

/** Hours after which an upload that was not accepted never will be. */
const UPLOAD_HOURS = 24;

/** Drops what is left of uploads that were never accepted, and of operations that ended long ago. */
export async function dropOldImports(sql: Sql): Promise<void> {
  await sql(
    `DELETE FROM imports i WHERE CASE WHEN i.accept_time IS NULL THEN i.create_time < docket_now() - interval '${UPLOAD_HOURS} hours'
       ELSE EXISTS (SELECT FROM operations o WHERE o.operation_id = i.operation_id AND o.end_time < docket_now() - interval '${RESULT_RETENTION_DAYS} days') END`,
  );
}
