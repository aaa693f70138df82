import type { PgBoss } from 'pg-boss';
import type { Job, JobDeps } from '../../foundation/jobs/job.ts';
import { runJob } from './run.ts';
import { setUpQueues } from './schedule.ts';

/** Runs jobs until it is stopped. */
export interface Worker {
  /**
   * Takes no more jobs, tells the running ones to come to an end, waits for them for at most
   * `graceMs`, hands back what is not finished then, and closes the job queue.
   */
  stop(graceMs?: number): Promise<void>;
}

/** Seconds before the first retry of a job that failed; the delay doubles with each one. */
const RETRY_DELAY_SECONDS = 1;
/** How often a worker looks for jobs by itself, in seconds; new ones are announced to it at once. */
const POLL_SECONDS = 2;
/** … and while announcements come through: then it looks for those whose time has come. */
const ANNOUNCED_POLL_SECONDS = 5;
/** How long stopping waits for running jobs, in milliseconds. */
const GRACE_MS = 8_000;

/**
 * Registers the jobs with the queue and begins to run them in this process, one of each kind at a
 * time. From then on any process can enqueue them.
 */
export async function startWorker(
  boss: PgBoss,
  jobs: readonly Job[],
  deps: Omit<JobDeps, 'signal'>,
  options: { readonly retryDelaySeconds?: number; readonly pollSeconds?: number } = {},
): Promise<Worker> {
  await setUpQueues(boss, jobs, options.retryDelaySeconds ?? RETRY_DELAY_SECONDS);
  const stopping = new AbortController();
  const claiming = {
    pollingIntervalSeconds: options.pollSeconds ?? POLL_SECONDS,
    notifyPollingIntervalSeconds: options.pollSeconds ?? ANNOUNCED_POLL_SECONDS,
    batchSize: 1,
    includeMetadata: true,
    perJobResults: true,
  } as const;
  for (const job of jobs) {
    await boss.work<object, unknown, typeof claiming>(job.name, claiming, (claimed) =>
      Promise.all(claimed.map((one) => runJob(boss, job, one, { ...deps, signal: AbortSignal.any([one.signal, stopping.signal]) }))),
    );
  }
  return {
    async stop(graceMs = GRACE_MS) {
      stopping.abort(new Error('the process is stopping'));
      await boss.stop({ graceful: true, close: true, timeout: graceMs });
    },
  };
}
