import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { CheckedEntries } from './check-entries.ts';
import type { EntriesToCheck } from './check-thread.ts';

const MOST_THREADS = 4;

/** Threads that hash: calls are not to wait for it, and each core does its part. */
export class CheckThreads {
  readonly #keys: string;
  readonly #free: Worker[] = [];
  readonly #all: Worker[] = [];

  /** How many may be at work at once. */
  readonly count = Math.min(MOST_THREADS, availableParallelism());

  /** With the public keys in PEM. */
  constructor(keys: string) {
    this.#keys = keys;
  }

  /** Checks in a thread that has nothing else to do. @throws Error when more are asked for at once than there are threads. */
  async check(entries: EntriesToCheck): Promise<CheckedEntries> {
    const thread = this.#free.pop() ?? this.#start();
    thread.postMessage(entries);
    const [checked] = (await once(thread, 'message')) as [CheckedEntries];
    this.#free.push(thread);
    return checked;
  }

  #start(): Worker {
    if (this.#all.length === this.count) throw new Error('no thread is free');
    const thread = new Worker(new URL('./check-thread.ts', import.meta.url), { workerData: this.#keys });
    this.#all.push(thread);
    return thread;
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((thread) => thread.terminate()));
  }
}
