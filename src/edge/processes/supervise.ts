import cluster, { type Worker } from 'node:cluster';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ServedPorts, WorkerWord } from './worker.ts';

/** A worker may take this long to stop, in milliseconds; it gives itself less. */
const STOP_MS = 9_500;
/** The pause before a worker is replaced that did not live long; it doubles each time, up to the longest. */
const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** One that served this long is replaced at once. */
const LONG_LIFE_MS = 10_000;

/** Which workers to start. */
export interface Wanted {
  readonly count: number;
  /** Environment variables of the worker at a place, counted from 0, beside those of this process. */
  environmentOf(place: number): Readonly<Record<string, string>>;
  readonly log: Logger;
}

/** Workers that serve; one that ends is replaced. */
export interface RunningWorkers {
  /** Where each one serves, by place. */
  readonly ports: readonly ServedPorts[];
  /** Tells all to stop, and resolves when all are gone, within ten seconds. */
  stop(): Promise<void>;
}

/**
 * Starts workers, which run the same program with the same flags and share its ports, and resolves when all serve.
 * One that ends later is replaced, unnoticed by the others.
 * @throws Error with the reason when one of them cannot start; then all are stopped.
 */
export async function startWorkers(wanted: Wanted): Promise<RunningWorkers> {
  // Connections are dealt out in turn: left to the system, most of the long ones would lie with one process.
  cluster.schedulingPolicy = cluster.SCHED_RR;
  const stopping = new AbortController();
  const alive = new Set<Worker>();
  const places = Array.from({ length: wanted.count }, (_, place) => {
    const first = Promise.withResolvers<ServedPorts>();
    return { serving: first.promise, ended: keepServing(wanted, place, alive, stopping.signal, first) };
  });
  const stop = async (): Promise<void> => {
    stopping.abort();
    for (const worker of alive) worker.process.kill('SIGTERM');
    const tooLong = setTimeout(() => {
      for (const worker of alive) worker.process.kill('SIGKILL');
    }, STOP_MS);
    await Promise.all(places.map((place) => place.ended));
    clearTimeout(tooLong);
  };
  try {
    return { ports: await Promise.all(places.map((place) => place.serving)), stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

/** Keeps a worker at a place until `stopping` aborts, or the first one there could not start. */
async function keepServing(wanted: Wanted, place: number, alive: Set<Worker>, stopping: AbortSignal, first: PromiseWithResolvers<ServedPorts>): Promise<void> {
  let pauseMs = 0;
  for (let isFirst = true; !stopping.aborted; isFirst = false) {
    const startedMs = performance.now();
    const worker = cluster.fork(wanted.environmentOf(place));
    alive.add(worker);
    const life = await lifeOf(worker, (ports) => {
      wanted.log.info({ worker: worker.id, pid: worker.process.pid, metrics_port: ports.metricsPort }, 'a worker serves');
      first.resolve(ports);
    });
    alive.delete(worker);
    if (isFirst && !life.served) first.reject(new Error(`worker ${worker.id} cannot start: ${life.end}`));
    if (stopping.aborted || (isFirst && !life.served)) return;
    pauseMs = life.served && performance.now() - startedMs > LONG_LIFE_MS ? 0 : Math.min(Math.max(2 * pauseMs, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS);
    wanted.log.error({ worker: worker.id, end: life.end, pause_ms: pauseMs }, 'a worker ended; another takes its place');
    await delay(pauseMs, undefined, { signal: stopping }).catch(() => undefined);
  }
}

/** Resolves when the worker is gone, with how it ended and whether it had served before. */
function lifeOf(worker: Worker, onServing: (ports: ServedPorts) => void): Promise<{ readonly served: boolean; readonly end: string }> {
  let served = false;
  let failure: string | undefined;
  worker.on('message', (word: WorkerWord) => {
    if ('failed' in word) failure = word.failed;
    else {
      served = true;
      onServing(word.serving);
    }
  });
  // A channel that breaks while something is sent by it: its end follows.
  worker.on('error', () => undefined);
  return new Promise((resolve) => {
    worker.on('exit', (code: number | null, signal: string | null) =>
      resolve({ served, end: failure ?? (signal ? `ended by ${signal}` : `exit code ${code}`) }),
    );
  });
}
