import type { JobResult, JobWithMetadata, PgBoss } from 'pg-boss';
import type { Job, JobDeps, JobOutcome } from '../../foundation/jobs/job.ts';

/**
 * Runs one claimed job and says what becomes of it: finished, tried again later, or given up. Never
 * throws; what a run throws is a failure that is tried again as long as tries are left.
 */
export async function runJob(boss: PgBoss, job: Job, claimed: JobWithMetadata<object>, deps: JobDeps): Promise<JobResult> {
  const log = deps.log.child({ job: job.name, job_id: claimed.id });
  const startedMs = performance.now();
  let result: JobResult;
  try {
    result = await settle(boss, job, claimed, await job.run(claimed.data ?? {}, { ...deps, log }));
  } catch (error) {
    const last = claimed.retryCount >= claimed.retryLimit;
    log[last ? 'error' : 'warn']({ err: error, attempt: claimed.retryCount + 1 }, last ? 'job failed for the last time' : 'job failed; it will be tried again');
    result = { id: claimed.id, status: 'failed', output: { message: error instanceof Error ? error.message : String(error) } };
  }
  if (result.status === 'deadletter') log.error(result.output as object, 'job given up');
  deps.metrics
    .meter('jobs')
    .createHistogram('docket_job_duration_seconds', { description: 'Time that runs of jobs took; its count is the number of runs' })
    .record((performance.now() - startedMs) / 1000, { job: job.name, result: result.status });
  return result;
}

async function settle(boss: PgBoss, job: Job, claimed: JobWithMetadata<object>, outcome: JobOutcome): Promise<JobResult> {
  switch (outcome.kind) {
    case 'done':
      return { id: claimed.id, status: 'completed' };
    case 'again':
      // The next run is on record before this one ends: in between, the worst is one run too many.
      await boss.send(job.name, outcome.data ?? claimed.data ?? {}, outcome.afterMs > 0 ? { startAfter: outcome.afterMs / 1000 } : {});
      return { id: claimed.id, status: 'completed', output: { again: true } };
    case 'give_up':
      return { id: claimed.id, status: 'deadletter', output: { reason: outcome.reason } };
  }
}
