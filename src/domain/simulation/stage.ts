import { Worker } from 'node:worker_threads';
import { DomainError } from '../../foundation/errors.ts';
import { SimulationTooLarge, TooManySimulations } from './errors.ts';
import { MAX_AT_ONCE, MAX_HEAP_MEGABYTES, MAX_MINUTES } from './limits.ts';
import type { Play, PlayResult } from './player.ts';
import type { ToldStep } from './steps.ts';
import type { Answered, Told } from './thread.ts';

let atOnce = 0;

/**
 * Plays a rehearsal in a thread of its own, so that nobody else's call waits for it. A batch of steps is asked for
 * when the one before has been played. An aborted signal ends the thread at once.
 * @throws DomainError what the player throws, TooManySimulations, SimulationTooLarge.
 */
export async function rehearse(play: Play, batches: AsyncIterable<readonly ToldStep[]>, signal: AbortSignal): Promise<PlayResult> {
  if (atOnce >= MAX_AT_ONCE) throw new TooManySimulations(MAX_AT_ONCE);
  atOnce += 1;
  const thread = new Thread(play, signal);
  try {
    const reader = batches[Symbol.asyncIterator]();
    for (let next = await thread.lives(reader.next()); !next.done; next = await thread.lives(reader.next())) {
      if (next.value.length > 0) await thread.ask({ steps: next.value });
    }
    const answer = await thread.ask('end');
    if (answer === 'more' || !('result' in answer)) throw new Error('a rehearsal ended without a result');
    return answer.result;
  } finally {
    atOnce -= 1;
    await thread.end();
  }
}

/** The thread of one rehearsal. Whatever ends it early rejects what is waited for. */
class Thread {
  readonly #worker: Worker;
  readonly #ended = new AbortController();
  readonly #over: Promise<never>;
  readonly #limit: ReturnType<typeof setTimeout>;

  constructor(play: Play, signal: AbortSignal) {
    this.#worker = new Worker(new URL('./thread.ts', import.meta.url), {
      workerData: play,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MEGABYTES },
    });
    this.#worker.on('error', (error) => this.#ended.abort(isOutOfMemory(error) ? new SimulationTooLarge('megabytes of memory', MAX_HEAP_MEGABYTES) : error));
    this.#limit = setTimeout(() => this.#ended.abort(new SimulationTooLarge('minutes', MAX_MINUTES)), MAX_MINUTES * 60_000);
    const over = AbortSignal.any([signal, this.#ended.signal]);
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => undefined);
    if (over.aborted) reject(over.reason);
    over.addEventListener('abort', () => reject(over.reason), { once: true });
    this.#over = promise;
  }

  /** Waits for something as long as the thread lives. */
  lives<T>(waited: Promise<T>): Promise<T> {
    waited.catch(() => undefined);
    return Promise.race([waited, this.#over]);
  }

  /** Tells it something; answers what it answers, or throws why it cannot go on. */
  async ask(told: Told): Promise<Answered> {
    const answered = Promise.withResolvers<Answered>();
    this.#worker.once('message', answered.resolve);
    this.#worker.postMessage(told);
    const answer = await this.lives(answered.promise);
    if (answer === 'more' || !('refused' in answer)) return answer;
    const { kind, reason, message, facts, violations } = answer.refused;
    throw new DomainError(kind, reason, message, { facts, violations });
  }

  async end(): Promise<void> {
    clearTimeout(this.#limit);
    await this.#worker.terminate();
  }
}

const isOutOfMemory = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
