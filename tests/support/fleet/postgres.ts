import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { findBinaries } from '../../../src/foundation/database/embedded/binaries.ts';
import { ensureCluster, ensurePassword, owner } from '../../../src/foundation/database/embedded/cluster.ts';
import { ensureRunning, type Launch } from '../../../src/foundation/database/embedded/launch.ts';
import { urlOf } from '../../../src/foundation/database/embedded/lease.ts';
import { findPostmaster, stopPostmaster } from '../../../src/foundation/database/embedded/postmaster.ts';
import { pickUser } from '../../../src/foundation/database/embedded/user.ts';

/** A PostgreSQL of one's own that nobody starts again but its maker: to be stopped, killed and started at will. */
export interface OwnPostgres {
  /** Of an empty database; the same through all restarts. */
  readonly url: string;
  /** Starts it again, recovering if need be; resolves when it takes connections. */
  start(): Promise<void>;
  /** Ends its sessions and stops it. */
  stop(): Promise<void>;
  /** Kills its first process as the kernel would, without a word (the others end when they notice), or only one that serves a session. */
  kill(what: 'server' | 'session'): Promise<void>;
  /** SQL as its superuser, on a connection of its own. */
  sql<Row extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
}

/** Makes and starts one on a free port. `settings` are PostgreSQL's own, by name; `fast` gives up safety against power cuts, not against kills. */
export async function startPostgres(
  options: { readonly settings?: Readonly<Record<string, string | number>>; readonly fast?: boolean } = {},
): Promise<OwnPostgres> {
  const home = await realpath(await mkdtemp(join(tmpdir(), `docket-own-${process.pid}-`)));
  await chmod(home, 0o755);
  const user = await pickUser(join(home, 'cluster'));
  const binaries = await findBinaries(user, home);
  const password = await ensurePassword(home);
  const cluster = await ensureCluster({ home, user, binaries, password, sync: false, log: () => undefined });
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 200,
    ...(options.fast ? { fsync: 'off' } : {}),
    ...options.settings,
  };
  const launch: Launch = { home, cluster, user, binaries, settings };
  let port: number | undefined;
  const start = async (): Promise<void> => {
    ({ port } = await ensureRunning(launch, port, new AbortController().signal));
  };
  const ask = async <Row extends pg.QueryResultRow>(database: string, text: string, values: readonly unknown[] = []): Promise<Row[]> => {
    const client = new pg.Client({ connectionString: urlOf(port ?? 0, password, database) });
    client.on('error', () => undefined);
    await client.connect();
    return client.query<Row>(text, [...values]).then(
      ({ rows }) => client.end().then(() => rows),
      (cause: unknown) => client.end().then(() => Promise.reject(cause)),
    );
  };
  await start();
  await ask('postgres', `CREATE DATABASE ${owner}`);
  return {
    url: urlOf(port ?? 0, password, owner),
    start,
    stop: () => stopPostmaster(cluster, 'fast'),
    sql: (text, values) => ask(owner, text, values),
    async kill(what) {
      if (what === 'session') {
        const [session] = await ask<{ pid: number }>(
          owner,
          `SELECT pid FROM pg_stat_activity WHERE application_name = 'docket' ORDER BY state = 'active' DESC, random() LIMIT 1`,
        );
        if (session) killNow(session.pid);
        return;
      }
      const server = await findPostmaster(cluster);
      if (!server) return;
      killNow(server.pid);
      // A moment passes until it is gone; who asked for a start before that would find it running.
      while ((await findPostmaster(cluster))?.pid === server.pid);
    },
    async remove() {
      await stopPostmaster(cluster, 'immediate');
      await rm(cluster, { recursive: true, force: true, maxRetries: 5 });
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause;
  }
}
