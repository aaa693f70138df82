import { spawn } from 'node:child_process';
import { chown, open, readFile, stat, truncate } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Binaries } from './binaries.ts';
import { findPostmaster, type Postmaster, removeStaleProcessFile } from './postmaster.ts';
import { run, type SystemUser, surroundings } from './process.ts';

const pollMs = 20;
const startLimitMs = 120_000;
const logLimitBytes = 8 * 1024 * 1024;

/** Everything needed to start PostgreSQL on a cluster. */
export interface Launch {
  readonly home: string;
  /** Real path. */
  readonly cluster: string;
  readonly user: SystemUser | undefined;
  readonly binaries: Binaries;
  /** PostgreSQL's settings by name. */
  readonly settings: Readonly<Record<string, string | number>>;
}

interface Attempt {
  readonly logStart: number;
  pid: number | undefined;
  ended: boolean;
}

/** What PostgreSQL says when somebody else was quicker: another start, or the server before it that is still leaving. */
const passing = /lock file "postmaster.pid"|pre-existing shared memory|could not create any TCP\/IP sockets|could not bind/;

/**
 * The PostgreSQL on this cluster once it takes connections: the one that runs already, or a new
 * one on `port` (else on a random free port); `started` tells which. Throws with PostgreSQL's own words when
 * it will not run, after two minutes, and when `signal` aborts.
 */
export async function ensureRunning(launch: Launch, port: number | undefined, signal: AbortSignal): Promise<Postmaster & { started: boolean }> {
  const deadline = Date.now() + startLimitMs;
  let attempt: Attempt | undefined;
  for (;;) {
    const running = await findPostmaster(launch.cluster);
    if (running?.ready) return { ...running, started: running.pid === attempt?.pid };
    // One that was just started must show itself before we go, or nobody could find it to stop it.
    if (running || (attempt?.ended ?? true)) signal.throwIfAborted();
    if (!running && (attempt?.ended ?? true)) {
      if (attempt) await judge(launch, attempt);
      attempt = await start(launch, port ?? (await freePort()));
    }
    if (Date.now() > deadline) throw new Error(`PostgreSQL is not ready after ${startLimitMs / 1000} s; its log is ${logOf(launch)}.`);
    await delay(pollMs);
  }
}

/** Whether these binaries can compress large values with lz4, which costs a fraction of the default's time. */
export async function supportsLz4({ binaries, user, cluster }: Pick<Launch, 'binaries' | 'user' | 'cluster'>): Promise<boolean> {
  const setting = 'default_toast_compression';
  return (await run(user, binaries.postgres, ['-D', cluster, '-c', `${setting}=lz4`, '-C', setting])).code === 0;
}

async function start(launch: Launch, port: number): Promise<Attempt> {
  const { cluster, user, binaries } = launch;
  const path = logOf(launch);
  const log = await open(path, 'a', 0o600);
  try {
    if (user) await chown(path, user.uid, user.gid);
    if ((await stat(path)).size > logLimitBytes) await truncate(path);
    const attempt: Attempt = { logStart: (await stat(path)).size, pid: undefined, ended: false };
    const settings = { ...launch.settings, port };
    const args = ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
    // Detached: its own session and process group, so that Ctrl-C in the terminal reaches us alone.
    const child = spawn(binaries.postgres, args, { ...surroundings, ...user, detached: true, stdio: ['ignore', log.fd, log.fd] });
    const end = () => (attempt.ended = true);
    child.once('exit', end).once('error', end);
    child.unref();
    attempt.pid = child.pid;
    return attempt;
  } finally {
    await log.close();
  }
}

/** After a start that failed: returns when another try can help, throws when it cannot. */
async function judge(launch: Launch, attempt: Attempt): Promise<void> {
  const words = (await readFile(logOf(launch))).subarray(attempt.logStart).toString().trim();
  if (!passing.test(words)) throw new Error(`PostgreSQL does not start on ${launch.cluster}: ${words || 'it said nothing'}`);
  await removeStaleProcessFile(launch.cluster);
  await delay(pollMs * 5);
}

function logOf({ home }: Pick<Launch, 'home'>): string {
  return join(home, 'postgres.log');
}

function freePort(): Promise<number> {
  return new Promise((settle, fail) => {
    const probe = createServer();
    probe.once('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => settle(port));
    });
  });
}
