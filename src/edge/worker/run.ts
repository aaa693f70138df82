import type { JobResult, JobWithMetadata, PgBoss } from 'pg-boss';
import { TRACE_PARENT } from '../../foundation/jobs/enqueue.ts';
import type { Job, JobDeps, JobOutcome } from '../../foundation/jobs/job.ts';
import { endFailed, readTraceParent, SpanKind } from '../../foundation/tracing.ts';

/**
 * Runs one claimed job and says what becomes of it: finished, tried again later, or given up. Never
 * throws; what a run throws is a failure that is tried again as long as tries are left.
 */
export async function runJob(boss: PgBoss, job: Job, claimed: JobWithMetadata<object>, deps: JobDeps): Promise<JobResult> {
  const log = deps.log.child({ job: job.name, job_id: claimed.id });
  const startedMs = performance.now();
  const traced = traceOf(job, claimed, deps);
  let result: JobResult;
  try {
    result = await settle(boss, job, claimed, await job.run(traced.data, { ...deps, log, queue: traced.queue }));
  } catch (error) {
    const last = claimed.retryCount >= claimed.retryLimit;
    log[last ? 'error' : 'warn']({ err: error, attempt: claimed.retryCount + 1 }, last ? 'job failed for the last time' : 'job failed; it will be tried again');
    result = { id: claimed.id, status: 'failed', output: { message: error instanceof Error ? error.message : String(error) } };
  }
  if (result.status === 'completed') traced.span?.end();
  else if (traced.span) endFailed(traced.span, result.status);
  if (result.status === 'deadletter') log.error(result.output as object, 'job given up');
  deps.metrics
    .meter('jobs')
    .createHistogram('docket_job_duration_seconds', { description: 'Time that runs of jobs took; its count is the number of runs' })
    .record((performance.now() - startedMs) / 1000, { job: job.name, result: result.status });
  return result;
}

/** Its data without what tells where it comes from; and, if traces are made, a span that goes on from there, which its changes belong to. */
function traceOf(job: Job, claimed: JobWithMetadata<object>, { tracing, queue }: JobDeps) {
  const { [TRACE_PARENT]: origin, ...data } = (claimed.data ?? {}) as Record<string, unknown>;
  if (!tracing) return { data, queue, span: undefined };
  const parent = readTraceParent(typeof origin === 'string' ? origin : undefined);
  const span = tracing.begin(`job ${job.name}`, { kind: SpanKind.CONSUMER, parent, attributes: { 'docket.attempt': claimed.retryCount + 1 } });
  const trace = span.spanContext();
  const tracedQueue: JobDeps['queue'] = {
    submit: (command, signal) => queue.submit({ ...command, trace }, signal),
    get depth() {
      return queue.depth;
    },
  };
  return { data, queue: tracedQueue, span };
}

async function settle(boss: PgBoss, job: Job, claimed: JobWithMetadata<object>, outcome: JobOutcome): Promise<JobResult> {
  switch (outcome.kind) {
    case 'done':
      return { id: claimed.id, status: 'completed' };
    case 'again':
      // The next run is on record before this one ends: in between, the worst is one run too many.
      await boss.send(job.name, { ...originOf(claimed), ...(outcome.data ?? claimed.data) }, outcome.afterMs > 0 ? { startAfter: outcome.afterMs / 1000 } : {});
      return { id: claimed.id, status: 'completed', output: { again: true } };
    case 'give_up':
      return { id: claimed.id, status: 'deadletter', output: { reason: outcome.reason } };
  }
}

/** The next run belongs to the same trace. */
function originOf({ data }: JobWithMetadata<object>): object {
  const origin = (data as Record<string, unknown> | null)?.[TRACE_PARENT];
  return origin === undefined ? {} : { [TRACE_PARENT]: origin };
}
