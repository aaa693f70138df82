import { totalmem } from 'node:os';
import pg from 'pg';
import { startEmbeddedServer } from '../../src/foundation/database/embedded/index.ts';
import type { MeteredServer } from './measure/meters.ts';
import { parentOf } from './measure/processes.ts';

/** The one PostgreSQL that the service and all its competitors share. */
export interface BenchServer extends MeteredServer {
  /** `PostgreSQL 18…`, and the settings that matter. */
  readonly version: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Makes an empty database; answers its URL. */
  createDatabase(name: string): Promise<string>;
  dropDatabase(url: string): Promise<void>;
  /** Runs SQL as the owner in one of its databases. */
  sql<Row extends pg.QueryResultRow>(url: string, text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** How many statements a database is asked for while `work` goes on. Counting costs time: nothing is measured meanwhile. */
  countStatements(url: string, work: () => Promise<void>): Promise<number>;
  close(): Promise<void>;
}

const GIB = 2 ** 30;
/** Settings that would make figures meaningless if they were off. */
const MUST_BE_ON = ['fsync', 'synchronous_commit', 'full_page_writes', 'autovacuum'];
const SHOWN = [...MUST_BE_ON, 'shared_buffers', 'max_wal_size', 'checkpoint_timeout', 'wal_level', 'jit'];

/**
 * Starts an embedded PostgreSQL on a directory that goes when it is closed: durable (this is checked), with
 * the buffers that a database server of this size would be given, and room for every competitor's connections.
 */
export async function startServer(directory: string): Promise<BenchServer> {
  const server = await startEmbeddedServer({
    dataDirectory: directory,
    ephemeral: true,
    settings: {
      shared_buffers: totalmem() >= 8 * GIB ? '1GB' : '256MB',
      max_wal_size: '4GB',
      max_connections: 600,
      shared_preload_libraries: 'pg_stat_statements',
    },
  });
  const owner = new pg.Client({ connectionString: server.url });
  await owner.connect();
  const settings: Record<string, string> = {};
  for (const name of SHOWN) settings[name] = String(Object.values((await owner.query(`SHOW ${name}`)).rows[0] ?? {})[0]);
  const off = MUST_BE_ON.filter((name) => settings[name] !== 'on');
  if (off.length > 0) throw new Error(`PostgreSQL runs with ${off.join(', ')} off: what is measured then is nothing`);
  await count(owner, 'none');
  await owner.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements SCHEMA public');
  const { rows } = await owner.query<{ version: string; pid: number }>(`SELECT split_part(version(), ' on ', 1) AS version, pg_backend_pid() AS pid`);
  const ask = async <Row extends pg.QueryResultRow>(url: string, text: string, values: readonly unknown[] = []): Promise<Row[]> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Row>(text, [...values])).rows;
    } finally {
      await client.end();
    }
  };
  return {
    version: rows[0]?.version ?? '',
    settings,
    pid: parentOf(rows[0]?.pid ?? 0),
    async read() {
      const found = await owner.query<{ wal: string; transactions: string }>(
        `SELECT pg_current_wal_insert_lsn() - '0/0' AS wal, pg_snapshot_xmax(pg_current_snapshot())::text AS transactions`,
      );
      return { walBytes: Number(found.rows[0]?.wal), writingTransactions: Number(found.rows[0]?.transactions) };
    },
    async createDatabase(name) {
      await owner.query(`CREATE DATABASE ${name}`);
      return urlOf(server.url, name);
    },
    dropDatabase: async (url) => void (await owner.query(`DROP DATABASE ${new URL(url).pathname.slice(1)} WITH (FORCE)`)),
    sql: ask,
    async countStatements(url, work) {
      await count(owner, 'top');
      await owner.query('SELECT public.pg_stat_statements_reset()');
      await work();
      const found = await owner.query<{ calls: string }>(
        `SELECT coalesce(sum(calls), 0) AS calls FROM public.pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = $1`,
        [new URL(url).pathname.slice(1)],
      );
      await count(owner, 'none');
      return Number(found.rows[0]?.calls);
    },
    async close() {
      await owner.end();
      await server.close();
    },
  };
}

/** Turns the counting of statements on or off for everybody. */
async function count(owner: pg.Client, what: 'none' | 'top'): Promise<void> {
  await owner.query(`ALTER SYSTEM SET pg_stat_statements.track = '${what}'`);
  await owner.query('SELECT pg_reload_conf()');
}

function urlOf(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = `/${database}`;
  return other.href;
}
