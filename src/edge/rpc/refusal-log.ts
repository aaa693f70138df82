import type { Counter } from '@opentelemetry/api';
import type { Logger } from 'pino';
import type { RefusedCalls } from '../../domain/audit/index.ts';
import { ReadOnly } from '../../foundation/database/writes.ts';
import { steadyNowMs } from '../../foundation/expiring-cache.ts';
import type { Metrics } from '../../foundation/metrics.ts';
import { databaseTrouble } from './database-trouble.ts';
import { MAX_REFUSALS_PER_WRITE, REFUSAL_CLOSE_MS, REFUSAL_WRITE_MS } from './limits.ts';
import { type Fold, type Refusal, RefusalFolds } from './refusal-folds.ts';

/** What the log of refused calls stands on. */
export interface RefusalLogDeps {
  /** Puts these on record, all or none, in a transaction of its own; ends early when the signal is aborted. */
  readonly write: (calls: readonly RefusedCalls[], signal: AbortSignal) => Promise<void>;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Milliseconds of a clock that does not go back; the process's own unless given. */
  readonly nowMs?: () => number;
}

/**
 * Puts refused calls on record, apart from the calls themselves: none waits for it, and none fails by it. While the database is
 * away, what is counted is kept, within the same bounds, and tried again every second. An answer of the database that is lost
 * on its way makes it try again too: then calls are counted twice, never missed.
 */
export class RefusalLog {
  readonly #deps: RefusalLogDeps;
  readonly #nowMs: () => number;
  readonly #folds = new RefusalFolds();
  readonly #outcomes: Counter;
  readonly #ending = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<boolean> | undefined;
  #underway: readonly Fold[] = [];
  #failing = false;
  #closed: Promise<void> | undefined;

  constructor(deps: RefusalLogDeps) {
    this.#deps = deps;
    this.#nowMs = deps.nowMs ?? steadyNowMs;
    this.#outcomes = deps.metrics
      .meter('audit')
      .createCounter('docket_audit_refused_calls_total', { description: 'Refused calls, by whether they are on record in the audit log' });
  }

  /** Counts a call. It is on record within seconds, or with the others like it when their minute is over. */
  note(refusal: Refusal): void {
    if (!this.#folds.count(refusal, this.#nowMs())) this.#outcomes.add(1, { outcome: 'dropped' });
    this.#wake();
  }

  /** Writes what is due now; resolves when that is done or has failed. By itself it happens every second while there is something. */
  async writeDue(): Promise<void> {
    await this.#writeNext();
  }

  /** Writes all that is counted, for at most a second; what is not on record then is told of in the process's log. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #wake(): void {
    if (this.#timer || this.#closed) return;
    this.#timer = setTimeout(async () => {
      await this.#writeNext();
      this.#timer = undefined;
      if (!this.#folds.empty) this.#wake();
    }, REFUSAL_WRITE_MS);
    this.#timer.unref();
  }

  /** One write at a time; answers whether something was written. */
  #writeNext(): Promise<boolean> {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #write(): Promise<boolean> {
    const folded = this.#folds.take(this.#nowMs(), MAX_REFUSALS_PER_WRITE);
    if (folded.length === 0) return false;
    this.#underway = folded;
    try {
      await this.#deps.write(
        folded.map(({ calls }) => calls),
        this.#ending.signal,
      );
      this.#outcomes.add(callsOf(folded), { outcome: 'recorded' });
      this.#failing = false;
      return true;
    } catch (error) {
      this.#heed(error, folded);
      return false;
    } finally {
      this.#underway = [];
    }
  }

  #heed(error: unknown, folded: readonly Fold[]): void {
    const { log } = this.#deps;
    const trouble = error instanceof ReadOnly ? error : databaseTrouble(error);
    if (this.#ending.signal.aborted || (trouble && trouble.kind !== 'invalid_argument')) {
      this.#folds.giveBack(folded);
      if (!this.#failing) log.warn({ err: error }, 'refused calls wait to be written into the audit log');
      this.#failing = true;
      return;
    }
    // What the database will never take must not keep out what it would take.
    const calls = callsOf(folded);
    this.#outcomes.add(calls, { outcome: 'dropped' });
    log.error({ err: error, calls }, 'refused calls cannot be written into the audit log');
  }

  async #close(): Promise<void> {
    clearTimeout(this.#timer);
    const { signal } = this.#ending;
    const expired = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    const bound = setTimeout(() => this.#ending.abort(new Error('the process is stopping')), REFUSAL_CLOSE_MS);
    await Promise.race([this.#writeAll(), expired]);
    clearTimeout(bound);
    this.#ending.abort();
    const calls = this.#folds.waitingCalls + callsOf(this.#underway);
    if (calls === 0) return;
    this.#outcomes.add(calls, { outcome: 'dropped' });
    this.#deps.log.warn({ calls }, 'refused calls are not on record: the database did not take them before the end');
  }

  async #writeAll(): Promise<void> {
    await this.#writing;
    this.#folds.endWindow();
    while (!this.#ending.signal.aborted && (await this.#writeNext()));
  }
}

const callsOf = (folds: readonly Fold[]): number => folds.reduce((sum, { calls }) => sum + calls.count, 0);
