import { readFileSync } from 'node:fs';
import { readFile, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, run } from './process.ts';

/** A PostgreSQL that runs on a cluster, whoever started it. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** False while it starts, recovers or stops. */
  readonly ready: boolean;
}

const pollMs = 20;
const fastStopLimitMs = 7_000;
const immediateStopLimitMs = 10_000;

/**
 * The PostgreSQL that runs on `cluster` (a real path), or undefined. A process file that a crash
 * left behind does not count, even when another program has got its number since.
 */
export async function findPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const file = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '');
  const found = parse(file);
  return found && (await worksIn(found.pid, cluster)) ? found : undefined;
}

/**
 * Removes the process file of `cluster` when its number belongs by now to another program: PostgreSQL
 * itself would take that one for a running server and refuse to start for ever.
 */
export async function removeStaleProcessFile(cluster: string): Promise<void> {
  const path = join(cluster, 'postmaster.pid');
  const before = await readFile(path, 'utf8').catch(() => '');
  const found = parse(before);
  if (!found || (await worksIn(found.pid, cluster))) return;
  if ((await readFile(path, 'utf8').catch(() => '')) === before) await rm(path, { force: true });
}

/**
 * Stops the PostgreSQL that runs on `cluster`, if any, and waits until it is gone. `fast` ends its
 * sessions and writes everything out; it turns into `immediate` after 7 s. `immediate` drops
 * everything, which the next start repairs. Throws when it is still there after that.
 */
export async function stopPostmaster(cluster: string, mode: 'fast' | 'immediate'): Promise<void> {
  const found = await findPostmaster(cluster);
  if (!found) return;
  if (mode === 'fast') {
    signal(found.pid, 'SIGINT');
    if (await gone(cluster, found.pid, fastStopLimitMs)) return;
  }
  signal(found.pid, 'SIGQUIT');
  if (await gone(cluster, found.pid, immediateStopLimitMs)) return;
  throw new Error(`PostgreSQL (process ${found.pid}) does not stop.`);
}

/** Tells the PostgreSQL on `cluster` to stop without waiting; for the last moment of our own process. */
export function stopPostmasterNow(cluster: string, expectedPid: number, mode: 'fast' | 'immediate'): void {
  try {
    const found = parse(readFileSync(join(cluster, 'postmaster.pid'), 'utf8'));
    if (found?.pid === expectedPid) signal(expectedPid, mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
  } catch {
    // No file, no server.
  }
}

function parse(file: string): Postmaster | undefined {
  const lines = file.split('\n');
  const pid = Math.abs(Number(lines[0]));
  const port = Number(lines[3] ?? 0);
  return pid > 1 ? { pid, port, ready: port > 0 && lines[7]?.trim() === 'ready' } : undefined;
}

/** PostgreSQL stands in its data directory; nothing else does. */
async function worksIn(pid: number, cluster: string): Promise<boolean> {
  if (!isAlive(pid)) return false;
  if (process.platform === 'linux') {
    return (await readlink(`/proc/${pid}/cwd`).catch(() => '')) === cluster;
  }
  return (await run(undefined, 'ps', ['-ww', '-o', 'command=', '-p', String(pid)])).output.includes(cluster);
}

async function gone(cluster: string, pid: number, limitMs: number): Promise<boolean> {
  const deadline = Date.now() + limitMs;
  while ((await findPostmaster(cluster))?.pid === pid) {
    if (Date.now() > deadline) return false;
    await delay(pollMs);
  }
  return true;
}

function signal(pid: number, name: 'SIGINT' | 'SIGQUIT'): void {
  try {
    process.kill(pid, name);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause;
  }
}
