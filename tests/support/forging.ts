import type pg from 'pg';
import { ENTRY_COLUMNS, type EntryRow, entryText } from '../../src/domain/audit/sealing/entry-text.ts';
import { leafOf } from '../../src/domain/audit/sealing/leaf.ts';
import { merkleRoot } from '../../src/domain/audit/sealing/merkle.ts';
import { listSeals } from '../../src/domain/audit/sealing/read.ts';
import { makeSeal } from '../../src/domain/audit/sealing/seal.ts';
import type { Signer } from '../../src/domain/audit/sealing/signing.ts';
import type { Sql } from '../../src/foundation/database/sql.ts';

// What somebody can do who owns the database and knows the program: it is no secret, and the salts are in a table.

/** Makes the leaves anew from what the entries say now. */
export async function rehashLeaves(client: pg.PoolClient): Promise<void> {
  const { rows } = await client.query<EntryRow & { sequence: string; salts: string }>(
    `SELECT s.sequence, encode(s.salts, 'hex') AS salts, ${ENTRY_COLUMNS}
     FROM sealed_entries s JOIN audit_entries e ON e.entry_id = s.entry_id AND e.time = s.time`,
  );
  for (const row of rows) {
    const leaf = leafOf(entryText(row), row);
    await client.query(`UPDATE sealed_entries SET leaf = decode($1, 'hex') WHERE sequence = $2`, [leaf, row.sequence]);
  }
}

/** Makes the root of a seal anew from its leaves. */
export async function rehashRoot(client: pg.PoolClient, seal: number): Promise<void> {
  const { rows } = await client.query<{ leaf: string }>(`SELECT encode(leaf, 'hex') AS leaf FROM sealed_entries WHERE seal = $1 ORDER BY sequence`, [seal]);
  await client.query(`UPDATE audit_seals SET merkle_root = decode($1, 'hex') WHERE seal = $2`, [merkleRoot(rows.map(({ leaf }) => leaf)), seal]);
}

/** Puts each seal on the hash of the one before; signatures stay what they were, unless there is a signer. */
export async function rehashSeals(client: pg.PoolClient, signer?: Signer): Promise<void> {
  const sql: Sql = async <Row>(text: string, values: readonly unknown[] = []) => (await client.query(text, [...values])).rows as Row[];
  let previous: string | undefined;
  for (const { header } of await listSeals(sql, 0, 100)) {
    const seal = makeSeal({ ...header, previous_hash: previous ?? header.previous_hash }, signer);
    previous = seal.hash;
    await sql(`UPDATE audit_seals SET previous_hash = decode($1, 'hex'), hash = decode($2, 'hex') WHERE seal = $3`, [
      seal.header.previous_hash,
      seal.hash,
      header.seal,
    ]);
    if (signer) await sql(`UPDATE audit_seals SET key_id = $1, signature = decode($2, 'base64') WHERE seal = $3`, [seal.key_id, seal.signature, header.seal]);
  }
}

/** Makes the whole log anew, signed by somebody or by nobody. */
export async function resealAll(client: pg.PoolClient, seals: readonly number[], signer: Signer | undefined): Promise<void> {
  await rehashLeaves(client);
  for (const seal of seals) await rehashRoot(client, seal);
  if (!signer) await client.query('UPDATE audit_seals SET key_id = NULL, signature = NULL');
  await rehashSeals(client, signer);
}
