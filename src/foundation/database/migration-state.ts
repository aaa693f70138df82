import type { ClientBase } from 'pg';
import { listMigrations } from './migrate.ts';
import { SCHEMA } from './names.ts';

/** Which migrations a database has, and which this release has. */
export interface MigrationState {
  /** Those that ran, in their order, with the time. */
  readonly applied: readonly { readonly name: string; readonly time: Date }[];
  /** Those that would run. */
  readonly pending: readonly string[];
  /** Those that ran and that this release does not know: a newer one was here. */
  readonly unknown: readonly string[];
}

/** Reads it as it is; changes nothing. A database that Docket has never seen has none applied. */
export async function readMigrationState(client: ClientBase): Promise<MigrationState> {
  const known = listMigrations().map(({ name }) => name);
  const { rows: tables } = await client.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [`${SCHEMA}.migrations`]);
  const { rows } = tables[0]?.there
    ? await client.query<{ name: string; executed_at: Date }>(`SELECT name, executed_at FROM ${SCHEMA}.migrations ORDER BY name COLLATE "C"`)
    : { rows: [] };
  const ran = new Set(rows.map(({ name }) => name));
  return {
    applied: rows.map(({ name, executed_at: time }) => ({ name, time })),
    pending: known.filter((name) => !ran.has(name)),
    unknown: [...ran].filter((name) => !known.includes(name)),
  };
}
