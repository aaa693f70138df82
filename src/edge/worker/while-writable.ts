import type { PgBoss } from 'pg-boss';
import type { Enqueue } from '../../foundation/commands/command.ts';
import { ReadOnly, type Writes } from '../../foundation/database/writes.ts';
import { makeEnqueue } from '../../foundation/jobs/enqueue.ts';
import type { Logger } from '../../foundation/log.ts';
import type { Worker } from './start.ts';

/** How long a start that failed is left alone before the next, in milliseconds. */
const RETRY_MS = 5_000;
/** How long running jobs may go on once nothing may be changed, in milliseconds. */
const CLOSING_MS = 2_000;

/** What starting the jobs needs. */
export interface JobsWhileWritableDeps {
  readonly writes: Writes;
  readonly log: Logger;
  readonly openBoss: () => Promise<PgBoss>;
  /** Begins to run jobs; stopping them closes the job queue. */
  readonly startWorker: (boss: PgBoss) => Promise<Worker>;
}

/** Jobs run while changes may be made, and only then: looking for jobs is itself a change. */
export class JobsWhileWritable {
  readonly #deps: JobsWhileWritableDeps;
  #running: { readonly enqueue: Enqueue; readonly worker: Worker } | undefined;
  /** Starts and stops one after another. */
  #turn: Promise<void> = Promise.resolve();
  #retry: ReturnType<typeof setTimeout> | undefined;
  #ended = false;

  constructor(deps: JobsWhileWritableDeps) {
    this.#deps = deps;
  }

  /** Starts them, unless nothing may be changed; from then on follows what may. Fails if the first start does. */
  async start(): Promise<void> {
    this.#deps.writes.onChange(() => void this.#follow());
    if (this.#deps.writes.closed === undefined) await this.#open();
  }

  /** Leaves a job in the caller's transaction. */
  readonly enqueue: Enqueue = (...args) => {
    if (!this.#running) throw new ReadOnly();
    return this.#running.enqueue(...args);
  };

  /** Stops for good; running jobs get `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#retry);
    await this.#turn;
    await this.#running?.worker.stop(graceMs);
    this.#running = undefined;
  }

  #follow(): Promise<void> {
    clearTimeout(this.#retry);
    this.#turn = this.#turn.then(() => this.#adjust()).catch((error: unknown) => this.#again(error));
    return this.#turn;
  }

  async #adjust(): Promise<void> {
    if (this.#ended) return;
    if (this.#deps.writes.closed === undefined) {
      if (!this.#running) await this.#open();
    } else if (this.#running) {
      const { worker } = this.#running;
      this.#running = undefined;
      await worker.stop(CLOSING_MS);
    }
  }

  async #open(): Promise<void> {
    const boss = await this.#deps.openBoss();
    try {
      this.#running = { enqueue: makeEnqueue(boss), worker: await this.#deps.startWorker(boss) };
    } catch (error) {
      await boss.stop({ graceful: false, close: true }).catch(() => undefined);
      throw error;
    }
  }

  #again(error: unknown): void {
    this.#deps.log.warn({ err: error }, 'the jobs could not be started or stopped; it will be tried again');
    if (!this.#ended) this.#retry = setTimeout(() => void this.#follow(), RETRY_MS).unref();
  }
}
