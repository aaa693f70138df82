import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ServiceProcess } from '../service.ts';

/** A competitor's server. */
export type CompetingServer = Omit<ServiceProcess, 'grpcPort'> & { readonly port: number };

/** Starts a program of this folder in a process of its own, which sends the port that it serves at. */
export async function startServer(program: string, args: readonly string[] = []): Promise<CompetingServer> {
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), args);
  const ended = once(child, 'exit');
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return {
    pid: child.pid ?? 0,
    port,
    metrics: async () => '',
    async stop() {
      child.disconnect();
      await ended;
    },
  };
}
