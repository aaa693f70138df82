import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { CheckedEntries } from './check-entries.ts';
import type { EntriesToCheck } from './check-thread.ts';
import { type PublicKeys, writePublicKeys } from './signing.ts';

const MOST_THREADS = 4;

/**
 * Threads that hash, shared by all verifications: calls are not to wait for it, and each core does its part. They end with the last
 * verification under way.
 */
export class CheckThreads {
  /** How many are at work at once, at most; more work waits, before anything is read for it. */
  readonly count = Math.min(MOST_THREADS, availableParallelism());
  readonly #keys: string;
  readonly #waiting: (() => void)[] = [];
  #free: Worker[] = [];
  #busy = 0;
  #users = 0;

  /** With the keys that signatures are verified with. */
  constructor(keys: PublicKeys) {
    this.#keys = writePublicKeys(keys);
  }

  /** Says that a verification begins; each `leave`s in the end. */
  enter(): void {
    this.#users += 1;
  }

  leave(): void {
    this.#users -= 1;
    if (this.#users === 0) for (const thread of this.#free.splice(0)) void thread.terminate();
  }

  /** Reads what is to be checked once a thread is free, and has it checked there. */
  async check(read: () => Promise<EntriesToCheck>): Promise<CheckedEntries> {
    if (this.#busy === this.count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#busy += 1;
    try {
      const entries = await read();
      const thread = this.#free.pop() ?? new Worker(new URL('./check-thread.ts', import.meta.url), { workerData: this.#keys });
      thread.postMessage(entries);
      const [checked] = (await once(thread, 'message')) as [CheckedEntries];
      if (this.#users > 0) this.#free.push(thread);
      else void thread.terminate();
      return checked;
    } finally {
      // The place goes to whoever waits for it.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#busy -= 1;
    }
  }
}
