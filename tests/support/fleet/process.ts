import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Client } from '@grpc/grpc-js';
import { grpcChannel } from '../edge/clients.ts';

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
/** Lines of output kept of each process, the last ones. */
const LINES_KEPT = 200;

/** `docket serve` in a process of its own. */
export interface ServingProcess {
  readonly pid: number;
  /** A channel to its gRPC port. */
  readonly channel: Client;
  /** `http://127.0.0.1:…` of its Connect port. */
  readonly url: string;
  /** The last lines that it printed on either output. */
  readonly lines: readonly string[];
  /** Lines logged at `error` and above. */
  readonly faults: readonly string[];
  /** Whether it runs. */
  readonly alive: boolean;
  /** Settles with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** Sends it a signal; does not wait. */
  signal(name: 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
}

const environmentOf = (databaseUrl: string, more: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  ...process.env,
  DATABASE_URL: databaseUrl,
  DOCKET_GRPC_PORT: '0',
  DOCKET_CONNECT_PORT: '0',
  DOCKET_METRICS_PORT: '0',
  DOCKET_LOG_LEVEL: 'info',
  ...more,
});

/** Starts it on free ports and resolves when it serves; throws with its last words when it ends before. */
export async function startProcess(databaseUrl: string, settings: Readonly<Record<string, string>> = {}): Promise<ServingProcess> {
  const child = spawn(process.execPath, [MAIN, 'serve'], { env: environmentOf(databaseUrl, settings), stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const faults: string[] = [];
  const serving = Promise.withResolvers<{ grpc_port: number; connect_port: number }>();
  const hear = (line: string): void => {
    if (lines.push(line) > LINES_KEPT) lines.shift();
    if (/"level":"?(50|60|error|fatal)/.test(line)) faults.push(line);
    if (line.includes('"msg":"serving"')) serving.resolve(JSON.parse(line) as { grpc_port: number; connect_port: number });
  };
  createInterface({ input: child.stdout }).on('line', hear);
  createInterface({ input: child.stderr }).on('line', hear);
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string);
  let alive = true;
  void ended.then((how) => {
    alive = false;
    serving.reject(new Error(`the service ended with ${how} before it served:\n${lines.join('\n')}`));
  });
  const { grpc_port, connect_port } = await serving.promise;
  return {
    pid: child.pid ?? 0,
    channel: grpcChannel(`127.0.0.1:${grpc_port}`),
    url: `http://127.0.0.1:${connect_port}`,
    lines,
    faults,
    get alive() {
      return alive;
    },
    ended,
    signal: (name) => void child.kill(name),
  };
}

/** An administrator's header for a database, made by `docket token create`. */
export async function makeToken(databaseUrl: string): Promise<string> {
  const child = spawn(process.execPath, [MAIN, 'token', 'create', '--name', 'load', '--role', 'admin'], {
    env: environmentOf(databaseUrl, { DOCKET_LOG_LEVEL: 'warn' }),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  await once(child, 'close');
  const token = /docket_\w+_\w+/.exec(printed)?.[0];
  if (!token) throw new Error(`no token was made: ${printed}`);
  return `Bearer ${token}`;
}
