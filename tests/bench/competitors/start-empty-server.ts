import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ServiceProcess } from '../service.ts';

const PROGRAM = fileURLToPath(new URL('./empty-server.ts', import.meta.url));

/** Starts the server of F0 in a process of its own. */
export async function startEmptyServer(): Promise<Omit<ServiceProcess, 'grpcPort'> & { readonly port: number }> {
  const child = fork(PROGRAM);
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
