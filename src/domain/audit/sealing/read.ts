import type { Sql } from '../../../foundation/database/sql.ts';
import { ENTRY_COLUMNS, type EntryRow } from './entry-text.ts';
import type { Seal } from './seal.ts';

const SEAL_COLUMNS = `seal, epoch, first_sequence, last_sequence, to_char(month, 'YYYY-MM-DD') AS month, encode(merkle_root, 'hex') AS merkle_root,
  encode(previous_hash, 'hex') AS previous_hash, encode(hash, 'hex') AS hash, to_jsonb(time) #>> '{}' AS time, key_id, translate(encode(signature, 'base64'), E'\\n', '') AS signature,
  settled_entry_id, server, epoch_entry_id`;

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
  readonly settled_entry_id: string;
  readonly server: string;
  readonly epoch_entry_id: string;
}

function toSeal(row: SealRow): Seal {
  const { epoch, month, merkle_root, previous_hash, time } = row;
  return {
    header: {
      ...{ format: 1, seal: Number(row.seal), epoch, first_sequence: Number(row.first_sequence), last_sequence: Number(row.last_sequence) },
      ...{ month, merkle_root, previous_hash, time },
      ...{ settled_entry_id: Number(row.settled_entry_id), server: row.server, epoch_entry_id: Number(row.epoch_entry_id) },
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

/** The newest seal. */
export async function findLastSeal(sql: Sql): Promise<Seal | undefined> {
  const [row] = await sql<SealRow>(`SELECT ${SEAL_COLUMNS} FROM audit_seals ORDER BY seal DESC LIMIT 1`);
  return row && toSeal(row);
}

/** A sealed entry with all that its seal says of it, as text; the entry's own columns are null when it is gone. */
export interface SealedRow extends EntryRow {
  readonly sequence: string;
  readonly seal: string;
  readonly sealed_entry_id: string;
  /** Bytes as the database prints them: `\x` and hexadecimal digits. */
  readonly salts: string;
  readonly leaf: string;
  /** JSON. */
  readonly digests: string | null;
  /** Joined by commas. */
  readonly erased: string | null;
}

/**
 * The entries of a range of sequences, in any order. With bounds for the entries too the two are joined in one pass, whatever the planner thinks of
 * the sizes of months.
 */
export const SEALED_ROWS = `WITH s AS MATERIALIZED (SELECT * FROM sealed_entries WHERE sequence BETWEEN $1 AND $2)
  SELECT s.sequence, s.seal, s.entry_id AS sealed_entry_id, s.salts, s.leaf, s.digests,
    CASE e.erased_fields WHEN '{}' THEN NULL ELSE array_to_string(e.erased_fields, ',') END AS erased, ${ENTRY_COLUMNS}
  FROM s LEFT JOIN (
    SELECT * FROM audit_entries WHERE entry_id BETWEEN (SELECT min(entry_id) FROM s) AND (SELECT max(entry_id) FROM s)
      AND time BETWEEN (SELECT min(time) FROM s) AND (SELECT max(time) FROM s)
  ) e ON e.entry_id = s.entry_id AND e.time = s.time`;

/** Whether a seal covers `audit_entries e`: a row that says so is not enough, nor a seal that nothing is chained to. */
const IS_SEALED = `EXISTS (SELECT FROM sealed_entries s JOIN audit_seals t ON t.seal = s.seal AND t.seal >= 1 AND s.sequence BETWEEN t.first_sequence AND t.last_sequence
  WHERE s.entry_id = e.entry_id AND s.time = e.time)`;
/** Whether an entry may still be sealed: it came after all that was settled, by a number that was given out. */
const MAY_BE_SEALED = 'e.entry_id > $1 AND e.entry_id <= (SELECT last_value FROM audit_entry_ids)';

/** Entries that no seal covers and none will, the first hundred. */
export function listInserted(sql: Sql, settledEntryId: number): Promise<{ entry_id: string }[]> {
  return sql(`SELECT e.entry_id FROM audit_entries e WHERE NOT (${MAY_BE_SEALED}) AND NOT ${IS_SEALED} ORDER BY e.entry_id LIMIT 100`, [settledEntryId]);
}

/** Rows that call an entry sealed without being of a seal, the first hundred. */
export function listStrayRows(sql: Sql): Promise<{ sequence: string; entry_id: string }[]> {
  return sql(`SELECT s.sequence, s.entry_id FROM sealed_entries s
    WHERE NOT EXISTS (SELECT FROM audit_seals t WHERE t.seal = s.seal AND t.seal >= 1 AND s.sequence BETWEEN t.first_sequence AND t.last_sequence)
    ORDER BY s.sequence LIMIT 100`);
}

/** How many entries wait to be sealed. */
export async function countUnsealed(sql: Sql, settledEntryId: number): Promise<number> {
  const [left] = await sql<{ count: number }>(`SELECT count(*)::integer AS count FROM audit_entries e WHERE ${MAY_BE_SEALED} AND NOT ${IS_SEALED}`, [
    settledEntryId,
  ]);
  return left?.count ?? 0;
}

/** What explains that something is missing. */
export interface Excuses {
  /** Erasures by the entity's type and id: which columns, and the entry that says so. */
  readonly erasures: ReadonlyMap<string, readonly { readonly entryId: number; readonly fields: readonly string[] }[]>;
  /** The newest month that was dropped, and with it all before; '' for none. */
  readonly droppedThrough: string;
}

/** What was erased and dropped by the book. The log alone says so, in entries that are sealed or about to be: tables that anybody may write prove nothing. */
export async function readExcuses(sql: Sql, settledEntryId: number): Promise<Excuses> {
  const rows = await sql<{ entry_id: string; entity: string | null; fields: string[] | null; month: string | null }>(
    `SELECT e.entry_id, e.after ->> 'entity_type' || ' ' || (e.after -> 'entity_id')::text AS entity, e.after -> 'fields' AS fields, e.after ->> 'month' AS month
     FROM audit_entries e
     WHERE e.entity_type IN ('erasure', 'dropped_month') AND e.operation = 'CREATE' AND (${IS_SEALED} OR (${MAY_BE_SEALED}))`,
    [settledEntryId],
  );
  const erasures = new Map<string, { entryId: number; fields: readonly string[] }[]>();
  let droppedThrough = '';
  for (const { entry_id: entryId, entity, fields, month } of rows) {
    if (month !== null && month > droppedThrough) droppedThrough = month;
    if (entity !== null && Array.isArray(fields)) erasures.set(entity, [...(erasures.get(entity) ?? []), { entryId: Number(entryId), fields }]);
  }
  return { erasures, droppedThrough };
}
