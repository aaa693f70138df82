import cluster from 'node:cluster';

/** Where a process serves. */
export interface ServedPorts {
  readonly grpcPort: number;
  readonly connectPort: number;
  readonly metricsPort: number;
}

/** What a worker says to the process that started it: where it serves, or why it cannot. */
export type WorkerWord = { readonly serving: ServedPorts } | { readonly failed: string };

/** Which worker this process is, counted from 1 over all that were started; undefined when it is none. */
export function thisWorker(): number | undefined {
  return cluster.worker?.id;
}

/** Says it; resolves when it is on its way. */
export function tellPrimary(word: WorkerWord): Promise<void> {
  return new Promise((resolve) => {
    process.send?.(word, undefined, undefined, () => resolve());
  });
}

/** Lets the worker end once nothing is left to do. */
export function leavePrimary(): void {
  cluster.worker?.disconnect();
}
