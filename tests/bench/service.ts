import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeToken } from '../support/fleet/process.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The service in a process of its own. */
export interface ServiceProcess {
  readonly pid: number;
  readonly grpcPort: number;
  /** Its /metrics, as text. */
  metrics(): Promise<string>;
  /** Tells it to stop and waits until it has. */
  stop(): Promise<void>;
}

/** What to start, and where it leaves its log. */
export interface ServiceOptions {
  readonly databaseUrl: string;
  readonly logDirectory: string;
  /** The program, instead of `docket serve`. */
  readonly program?: string;
}

let started = 0;

/**
 * Starts it as `npm start` does, on free ports, everything on and nothing set but the database. It logs into
 * a file, as under any init system: a pipe would make the reader's work part of what is measured.
 */
export async function startService({ databaseUrl, logDirectory, program }: ServiceOptions): Promise<ServiceProcess> {
  const path = join(logDirectory, `service-${++started}.log`);
  const log = openSync(path, 'w');
  const start = npmStart();
  const env = { ...process.env, ...start.env, DATABASE_URL: databaseUrl, DOCKET_GRPC_PORT: '0', DOCKET_CONNECT_PORT: '0', DOCKET_METRICS_PORT: '0' };
  const serving = untilServing(path);
  const child = spawn(process.execPath, [...start.flags, ...(program ? [program] : start.program)], { cwd: ROOT, env, stdio: ['ignore', log, log] });
  closeSync(log);
  const endToo = (): void => void child.kill('SIGKILL');
  process.once('exit', endToo);
  const ended = once(child, 'exit').finally(() => process.removeListener('exit', endToo));
  const tooSoon = Promise.withResolvers<never>();
  const onExit = (code: number): void => tooSoon.reject(new Error(`the service ended with ${code} before it served:\n${readFileSync(path)}`));
  child.once('exit', onExit);
  const ports = await Promise.race([serving.ports, tooSoon.promise]).finally(() => serving.close());
  child.removeListener('exit', onExit);
  return {
    pid: child.pid ?? 0,
    grpcPort: ports.grpc_port,
    metrics: async () => (await fetch(`http://127.0.0.1:${ports.metrics_port}/metrics`)).text(),
    stop: () => stop(child, ended),
  };
}

/** What `npm start` runs, read from package.json: variables, flags of Node, and the program with its arguments. */
function npmStart(): { readonly env: Record<string, string>; readonly flags: readonly string[]; readonly program: readonly string[] } {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: { start: string } };
  const words = scripts.start.split(' ');
  const rest = words.slice(words.indexOf('node') + 1);
  const flags = rest.filter((word) => word.startsWith('--'));
  const env = Object.fromEntries(words.filter((word) => word.indexOf('=') > 0 && !word.startsWith('--')).map((word) => word.split('=') as [string, string]));
  return { env, flags, program: rest.slice(flags.length) };
}

/** The bare token of an administrator of a database. */
export async function administratorToken(databaseUrl: string): Promise<string> {
  return (await makeToken(databaseUrl)).replace(/^Bearer /, '');
}

interface Ports {
  readonly grpc_port: number;
  readonly metrics_port: number;
}

function untilServing(path: string): { readonly ports: Promise<Ports>; close(): void } {
  const found = Promise.withResolvers<Ports>();
  const watcher = watch(path, () => {
    const line = readFileSync(path, 'utf8')
      .split('\n')
      .find((each) => each.includes('"msg":"serving"') && each.endsWith('}'));
    if (line) found.resolve(JSON.parse(line) as Ports);
  });
  return { ports: found.promise, close: () => watcher.close() };
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  await ended;
}
