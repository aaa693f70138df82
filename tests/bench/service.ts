import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** The service in a process of its own, as `npm start` runs it. */
export interface ServiceProcess {
  readonly grpcPort: number;
  readonly token: string;
  /** Resident size, in bytes. */
  residentBytes(): number;
  /** CPU time that the process has used, in seconds. */
  cpuSeconds(): number;
  stop(): Promise<void>;
}

/** Starts it on a database, on free ports, with a token that may do everything. */
export async function startService(databaseUrl: string): Promise<ServiceProcess> {
  const env = {
    ...process.env,
    DATABASE_URL: databaseUrl,
    DOCKET_GRPC_PORT: '0',
    DOCKET_CONNECT_PORT: '0',
    DOCKET_METRICS_PORT: '0',
    DOCKET_LOG_LEVEL: 'info',
  };
  const child = spawn(process.execPath, [MAIN, 'serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const grpcPort = await servingPort(child);
  const made = spawn(process.execPath, [MAIN, 'token', 'create', '--name', 'bench', '--role', 'admin'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  made.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  await once(made, 'close');
  const token = /docket_\w+_\w+/.exec(printed)?.[0];
  if (!token) throw new Error(`no token was made: ${printed}`);
  return {
    grpcPort,
    token,
    residentBytes: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024,
    cpuSeconds() {
      const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      return (Number(fields[11]) + Number(fields[12])) / 100;
    },
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

async function servingPort(child: ChildProcess): Promise<number> {
  if (!child.stdout) throw new Error('the service has no output');
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    const logged = JSON.parse(line) as { msg?: string; grpc_port?: number };
    if (logged.msg !== 'serving' || logged.grpc_port === undefined) continue;
    // What follows is read and dropped, so that the service never waits for us.
    child.stdout.resume();
    return logged.grpc_port;
  }
  throw new Error('the service ended before it served');
}
