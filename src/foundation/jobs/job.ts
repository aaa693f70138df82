import type { MikroORM } from '@mikro-orm/postgresql';
import type { CommandQueue } from '../commands/queue.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Tracing } from '../tracing.ts';

/** What a job works with. */
export interface JobDeps {
  readonly orm: MikroORM;
  /** Changes go through it, as those of callers do: see `submitJob`. */
  readonly queue: Pick<CommandQueue, 'submit' | 'depth'>;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Undefined: no traces are made. */
  readonly tracing?: Tracing | undefined;
  /**
   * Aborted when the process stops, or when the run takes too long and somebody else may take over. A
   * long job looks at it between two steps and answers `again()`.
   */
  readonly signal: AbortSignal;
}

/** How one run of a job ended. A run that throws is tried again with growing delays, and given up in the end. */
export type JobOutcome<Data extends object = object> =
  | { readonly kind: 'done' }
  /** There is more to do: run it again after a while, not counted as a failure; with the same data unless given. */
  | { readonly kind: 'again'; readonly afterMs: number; readonly data: Data | undefined }
  /** It makes no sense to try any further; the job is kept among the dead letters. */
  | { readonly kind: 'give_up'; readonly reason: string };

/** The work is done. */
export const DONE: JobOutcome<never> = { kind: 'done' };

/** There is more to do, after `afterMs` milliseconds. */
export const again = <Data extends object = never>(afterMs = 0, data?: Data): JobOutcome<Data> => ({ kind: 'again', afterMs, data });

/** There is no point in trying any further. */
export const giveUp = (reason: string): JobOutcome<never> => ({ kind: 'give_up', reason });

/** Work for later. It may run more than once, and after any delay: each run looks for itself at what is left to do. */
export interface Job<Data extends object = object> {
  /** Unique; letters, digits, `-` and `_`. It stays when the code moves: jobs that wait carry it. */
  readonly name: string;
  /** When it runs by itself, with no data: at most one run at a time, and one in all for times that were missed. */
  readonly schedule?: { readonly cron: string; readonly timeZone: string };
  run(data: Data, deps: JobDeps): Promise<JobOutcome<Data>>;
}
