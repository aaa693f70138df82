import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { CheckedEntries } from './check-entries.ts';
import type { Checked, EntriesToCheck } from './check-thread.ts';
import { type PublicKeys, writePublicKeys } from './signing.ts';

const MOST_THREADS = 4;
/** Of what a thread makes next to nothing lives longer than a portion of entries: it is not to wait for tens of megabytes of waste. */
const YOUNG_MEMORY_MB = 16;

/**
 * Threads that read entries and hash them, each over a connection of its own, shared by all verifications: calls are not to wait for it, and each core does its part. They end with the last
 * verification under way.
 */
export class CheckThreads {
  /** How many are at work at once, at most; more work waits. */
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

  /** Has some seals' entries checked, once a thread is free. @throws Error with the code of whatever kept them from being read. */
  async check(entries: EntriesToCheck): Promise<CheckedEntries> {
    if (this.#busy === this.count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#busy += 1;
    try {
      const thread =
        this.#free.pop() ??
        new Worker(new URL('./check-thread.ts', import.meta.url), {
          workerData: this.#keys,
          resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEMORY_MB },
        });
      thread.postMessage(entries);
      const [checked] = (await once(thread, 'message')) as [Checked];
      if (this.#users > 0) this.#free.push(thread);
      else void thread.terminate();
      if ('failed' in checked) throw Object.assign(new Error(checked.failed.message), checked.failed.code !== undefined && { code: checked.failed.code });
      return checked;
    } finally {
      // The place goes to whoever waits for it.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#busy -= 1;
    }
  }
}
