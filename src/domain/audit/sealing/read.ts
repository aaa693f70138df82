import type { Sql } from '../../../foundation/database/sql.ts';
import { ENTRY_PARTS } from './entry-text.ts';
import type { Seal } from './seal.ts';

const SEAL_COLUMNS = `seal, epoch, first_sequence, last_sequence, to_char(month, 'YYYY-MM-DD') AS month, encode(merkle_root, 'hex') AS merkle_root,
  encode(previous_hash, 'hex') AS previous_hash, encode(hash, 'hex') AS hash, to_jsonb(time) #>> '{}' AS time, key_id, translate(encode(signature, 'base64'), E'\\n', '') AS signature`;

interface SealRow {
  readonly seal: string;
  readonly epoch: number;
  readonly first_sequence: string;
  readonly last_sequence: string;
  readonly month: string;
  readonly merkle_root: string;
  readonly previous_hash: string;
  readonly hash: string;
  readonly time: string;
  readonly key_id: string | null;
  readonly signature: string | null;
}

function toSeal(row: SealRow): Seal {
  const { epoch, month, merkle_root, previous_hash, time } = row;
  return {
    header: {
      ...{ format: 1, seal: Number(row.seal), epoch, first_sequence: Number(row.first_sequence), last_sequence: Number(row.last_sequence) },
      ...{ month, merkle_root, previous_hash, time },
    },
    hash: row.hash,
    ...(row.key_id !== null && { key_id: row.key_id }),
    ...(row.signature !== null && { signature: row.signature }),
  };
}

/** Seals after the given one, in order, so many at most. */
export async function listSeals(sql: Sql, after: number, limit: number): Promise<Seal[]> {
  const rows = await sql<SealRow>(`SELECT ${SEAL_COLUMNS} FROM audit_seals WHERE seal > $1 ORDER BY seal LIMIT $2`, [after, limit]);
  return rows.map(toSeal);
}

/** One seal by its number. */
export async function findSeal(sql: Sql, seal: number): Promise<Seal | undefined> {
  const [found] = await listSeals(sql, seal - 1, 1);
  return found?.header.seal === seal ? found : undefined;
}

/** Hashes of those of the seals that are there. */
export async function findHashes(sql: Sql, seals: readonly number[]): Promise<ReadonlyMap<number, string>> {
  const rows = await sql<{ seal: string; hash: string }>(`SELECT seal, encode(hash, 'hex') AS hash FROM audit_seals WHERE seal = ANY ($1::bigint[])`, [seals]);
  return new Map(rows.map((row) => [Number(row.seal), row.hash]));
}

/** The seal that covers a sequence, or the first beyond it. */
export async function findSealOf(sql: Sql, sequence: number): Promise<Seal | undefined> {
  const [row] = await sql<SealRow>(`SELECT ${SEAL_COLUMNS} FROM audit_seals WHERE last_sequence >= $1 ORDER BY last_sequence LIMIT 1`, [sequence]);
  return row && toSeal(row);
}

/** The newest seal, with the entry up to which none is left unsealed. */
export async function findLastSeal(sql: Sql): Promise<{ readonly seal: Seal; readonly settledEntryId: string } | undefined> {
  const [row] = await sql<SealRow & { settled_entry_id: string }>(`SELECT ${SEAL_COLUMNS}, settled_entry_id FROM audit_seals ORDER BY seal DESC LIMIT 1`);
  return row && { seal: toSeal(row), settledEntryId: row.settled_entry_id };
}

/** The entries of a range of sequences with all that their seals say of them, a line each, in any order: one long text is read in a fraction of the time of rows. */
export async function readSealedLines(sql: Sql, first: number, last: number): Promise<string> {
  // With bounds for the entries too the two are joined in one pass, whatever the planner thinks of the sizes of months.
  const [row] = await sql<{ lines: string | null }>(
    `WITH s AS MATERIALIZED (SELECT * FROM sealed_entries WHERE sequence BETWEEN $1 AND $2)
     SELECT string_agg(concat_ws(chr(31), s.sequence, s.seal, s.entry_id, coalesce(encode(s.salt, 'hex'), ''), encode(s.leaf, 'hex'), coalesce(s.erased::text, ''),
         coalesce(array_to_string(e.erased_fields, ','), ''), CASE WHEN e.entry_id IS NOT NULL THEN concat_ws(chr(31), ${ENTRY_PARTS}) END), E'\n') AS lines
     FROM s LEFT JOIN (
       SELECT * FROM audit_entries WHERE entry_id BETWEEN (SELECT min(entry_id) FROM s) AND (SELECT max(entry_id) FROM s)
         AND time BETWEEN (SELECT min(time) FROM s) AND (SELECT max(time) FROM s)
     ) e ON e.entry_id = s.entry_id AND e.time = s.time`,
    [first, last],
  );
  return row?.lines ?? '';
}

/** Whether a seal covers `audit_entries e`: a row that says so is not enough. */
const IS_SEALED = `EXISTS (SELECT FROM sealed_entries s JOIN audit_seals t ON t.seal = s.seal AND s.sequence BETWEEN t.first_sequence AND t.last_sequence
  WHERE s.entry_id = e.entry_id AND s.time = e.time)`;

/** Entries that no seal covers though all up to there were sealed, the first hundred. */
export function listInserted(sql: Sql, settledEntryId: string): Promise<{ entry_id: string }[]> {
  return sql(`SELECT e.entry_id FROM audit_entries e WHERE e.entry_id <= $1 AND NOT ${IS_SEALED} ORDER BY e.entry_id LIMIT 100`, [settledEntryId]);
}

/** How many entries wait to be sealed. */
export async function countUnsealed(sql: Sql, settledEntryId: string): Promise<number> {
  const [left] = await sql<{ count: number }>(`SELECT count(*)::integer AS count FROM audit_entries e WHERE e.entry_id > $1 AND NOT ${IS_SEALED}`, [
    settledEntryId,
  ]);
  return left?.count ?? 0;
}

/** What was erased and dropped by the book: each is itself in the log, or it does not count. */
export async function readExcuses(
  sql: Sql,
): Promise<{ readonly erasedFields: ReadonlyMap<string, ReadonlySet<string>>; readonly droppedMonths: ReadonlySet<string> }> {
  // The entry that says so may itself have been of a month that was dropped since.
  const onRecord = (type: string, key: string): string =>
    `(EXISTS (SELECT FROM audit_entries e WHERE e.entity_type = '${type}' AND e.entity_id = ${key} AND e.operation = 'CREATE')
      OR EXISTS (SELECT FROM dropped_months d WHERE d.month = date_trunc('month', x.create_time AT TIME ZONE 'UTC')::date AND d.create_time > x.create_time))`;
  const erasures = await sql<{ entity: string; fields: string[] }>(
    `SELECT entity_type || ' ' || to_json(entity_id)::text AS entity, fields FROM erasures x WHERE ${onRecord('erasure', 'x.erasure_id::text')}`,
  );
  const months = await sql<{ month: string }>(
    `SELECT to_char(month, 'YYYY-MM-DD') AS month FROM dropped_months x WHERE ${onRecord('dropped_month', 'x.month::text')}`,
  );
  const erasedFields = new Map<string, Set<string>>();
  for (const { entity, fields } of erasures) erasedFields.set(entity, new Set([...(erasedFields.get(entity) ?? []), ...fields]));
  return { erasedFields, droppedMonths: new Set(months.map(({ month }) => month)) };
}
