import { rmSync } from 'node:fs';
import { mkdir, realpath, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findBinaries } from './binaries.ts';
import { ensureCluster, ensurePassword, owner } from './cluster.ts';
import { ensureRunning, type Launch, supportsLz4 } from './launch.ts';
import { type Lease, takeLease, urlOf } from './lease.ts';
import { openPlace } from './places.ts';
import { stopPostmaster, stopPostmasterNow } from './postmaster.ts';
import { pickUser } from './user.ts';

/** What an embedded server is started with. */
export interface EmbeddedServerOptions {
  /** Where the password, the log and, if PostgreSQL's user can reach it, the data live. Made when absent. */
  readonly dataDirectory: string;
  /** Drop everything at the end: closing stops at once and removes the directory. Default false. */
  readonly ephemeral?: boolean;
  /** Trade safety for speed: a crash of the machine may lose all data. For tests only. Default false. */
  readonly fastForTests?: boolean;
  /** PostgreSQL settings, by name, over the defaults here; in force only when this call starts the server. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** Gets a line for each thing worth telling a person. */
  readonly log?: (line: string) => void;
}

/** A PostgreSQL that runs as long as this process needs it. */
export interface EmbeddedServer {
  /** Of Docket's database, with the password: never log it. The same for the life of this object. */
  readonly url: string;
  readonly port: number;
  /**
   * Stops PostgreSQL within seconds (fast shutdown), unless another process has the same directory
   * open: then the last of them to close stops it. Calling again changes nothing.
   */
  close(): Promise<void>;
}

const retryMs = 250;
const longestRetryMs = 5_000;
const obtainLimitMs = 120_000;

const defaults = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 200,
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] ',
  log_checkpoints: 'off',
  // Callers get their errors themselves, and statements can hold what no log should.
  log_min_messages: 'log',
} as const;

const fast = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } as const;

/**
 * Starts the PostgreSQL that comes with Docket on a directory that stays: on loopback, with a random
 * free port, a random password (SCRAM) in a file of mode 0600, in its own process group, and never as
 * root. When one runs there already (another process has it open, or a killed one left it) it is
 * joined as it is. Should PostgreSQL die or be stopped meanwhile, it is started again on the same
 * port. Throws when it cannot run here, with the reason.
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const log = options.log ?? (() => undefined);
  const mode = options.ephemeral ? 'immediate' : 'fast';
  const closing = new AbortController();
  const { launch, password } = await prepare(options, log);
  const hold = await obtain(launch, password, undefined, closing.signal);
  const { port } = hold;
  log(`The embedded PostgreSQL is ready on port ${port}${hold.startedPid === undefined ? '; it was running already' : ''}.`);
  const kept = keepAlive(launch, password, hold, closing.signal, log);

  // A process that ends without closing takes along what it started; others that use it start it again.
  const atExit = () => {
    if (hold.startedPid === undefined) return;
    stopPostmasterNow(launch.cluster, hold.startedPid, mode);
    if (options.ephemeral) removeSync(launch);
  };
  process.once('exit', atExit);

  const close = async (): Promise<void> => {
    closing.abort();
    if (!hold.lease) await kept;
    const last = hold.lease ? await hold.lease.giveUp() : true;
    if (last) await stopPostmaster(launch.cluster, mode);
    await hold.lease?.close();
    await kept;
    process.removeListener('exit', atExit);
    if (options.ephemeral && last) await remove(launch);
  };
  let closed: Promise<void> | undefined;
  return { url: urlOf(port, password, owner), port, close: () => (closed ??= close()) };
}

/** What this process has of a running server: no lease while it is being started again. */
interface Hold {
  lease: Lease | undefined;
  port: number;
  /** The server's process when this process started it. */
  startedPid: number | undefined;
}

/** Starts the server again, on its port, whenever it goes away, until `closing` aborts. */
async function keepAlive(launch: Launch, password: string, hold: Hold, closing: AbortSignal, log: (line: string) => void): Promise<void> {
  let pauseMs = retryMs;
  for (;;) {
    await hold.lease?.lost;
    if (closing.aborted) return;
    if (hold.lease) log('The embedded PostgreSQL is gone; starting it again.');
    hold.lease = undefined;
    try {
      Object.assign(hold, await obtain(launch, password, hold.port, closing));
      // Closing waits for this to end when it found no lease; now it has one to give up.
      if (closing.aborted) return;
      log('The embedded PostgreSQL is back.');
      pauseMs = retryMs;
    } catch (cause) {
      if (closing.aborted) return;
      log(`The embedded PostgreSQL does not start again: ${(cause as Error).message}`);
      pauseMs = Math.min(pauseMs * 2, longestRetryMs);
      await delay(pauseMs, undefined, { signal: closing }).catch(() => undefined);
    }
  }
}

async function prepare(options: EmbeddedServerOptions, log: (line: string) => void): Promise<{ launch: Launch; password: string }> {
  await openPlace(resolve(options.dataDirectory));
  await mkdir(options.dataDirectory, { recursive: true });
  const home = await realpath(options.dataDirectory);
  const user = await pickUser(join(home, 'cluster'));
  const binaries = await findBinaries(user, home);
  const password = await ensurePassword(home);
  const sync = !options.fastForTests;
  const cluster = await ensureCluster({ home, user, binaries, password, sync, log });
  const lz4 = await supportsLz4({ binaries, user, cluster });
  const settings = {
    ...defaults,
    ...(lz4 ? { default_toast_compression: 'lz4' } : {}),
    ...(options.fastForTests ? fast : {}),
    ...options.settings,
  };
  return { launch: { home, cluster, user, binaries, settings }, password };
}

/** A lease on a running server, which is started when needed; tried again while it slips away. */
async function obtain(launch: Launch, password: string, fixedPort: number | undefined, signal: AbortSignal): Promise<Hold> {
  const deadline = Date.now() + obtainLimitMs;
  while (Date.now() < deadline) {
    const { pid, port, started } = await ensureRunning(launch, fixedPort, signal);
    const lease = await takeLease(port, password);
    if (lease) return { lease, port, startedPid: started ? pid : undefined };
    await delay(retryMs);
  }
  throw new Error(`The embedded PostgreSQL runs but takes no connection within ${obtainLimitMs / 1000} s.`);
}

async function remove({ home, cluster }: Launch): Promise<void> {
  for (const folder of [cluster, home]) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

function removeSync({ home, cluster }: Launch): void {
  for (const folder of [cluster, home]) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
