import type { Histogram } from '@opentelemetry/api';
import type { Logger } from 'pino';
import { Code } from '../../../../gen/google/rpc/code_pb.ts';
import type { Metrics } from '../../../foundation/metrics.ts';
import type { Call, Interceptor } from '../call.ts';
import type { Drain } from '../drain.ts';
import { codeName, RpcFailure } from '../error-map.ts';

/** Upper bounds of the duration's buckets, in seconds. */
const bucketsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** Codes that tell of trouble of ours. */
const faults: ReadonlySet<number> = new Set([Code.INTERNAL, Code.UNKNOWN, Code.DATA_LOSS, Code.UNIMPLEMENTED]);

/**
 * The outermost layer: counts the call in and out, measures it, and writes its one line into the log: which
 * RPC, by whom, under which request id, how it ended and how long it took.
 */
export function makeObserve(deps: { readonly drain: Drain; readonly log: Logger; readonly metrics: Metrics }): Interceptor {
  const meter = deps.metrics.meter('rpc');
  meter
    .createObservableGauge('docket_rpc_in_flight', { description: 'Calls that have no answer yet' })
    .addCallback((result) => result.observe(deps.drain.inFlight));
  const duration = meter.createHistogram('docket_rpc_duration_seconds', {
    description: 'Time from the headers of a call to its answer; its count is the number of calls',
    advice: { explicitBucketBoundaries: bucketsSeconds },
  });
  // What is told of a call that went well holds nothing that would have to be blanked out; looking for it would cost more than the rest.
  const plainLog = deps.log.child({}, { redact: [] });
  return async (call, next) => {
    deps.drain.enter(call);
    let failure: unknown;
    try {
      await next();
    } catch (thrown) {
      failure = thrown;
      throw thrown;
    } finally {
      call.settle();
      deps.drain.leave(call);
      tell(call, failure, { duration, log: deps.log, plainLog });
    }
  };
}

function tell(call: Call, failure: unknown, to: { readonly duration: Histogram; readonly log: Logger; readonly plainLog: Logger }): void {
  const code = failure === undefined ? Code.OK : failure instanceof RpcFailure ? failure.code : Code.INTERNAL;
  const { rpc } = call.endpoint;
  const elapsedMs = performance.now() - call.startedMs;
  to.duration.record(elapsedMs / 1000, { rpc, code: codeName(code), transport: call.transport });
  const line = {
    rpc,
    code: codeName(code),
    duration_ms: Math.round(elapsedMs * 100) / 100,
    transport: call.transport,
    actor: call.caller?.actor,
    request_id: call.intent?.requestId,
  };
  if (code === Code.OK) return to.plainLog.info(line, 'rpc');
  const told = failure instanceof RpcFailure ? { reason: failure.reason, incident: failure.incident } : {};
  if (faults.has(code)) return to.log.error({ ...line, ...told, err: causeOf(failure) }, 'rpc');
  // Trouble with the database: the caller hears little of it, so the log must hold it.
  if (code === Code.UNAVAILABLE || code === Code.ABORTED) return to.log.warn({ ...line, ...told, err: causeOf(failure) }, 'rpc');
  return to.log.info({ ...line, ...told }, 'rpc');
}

function causeOf(failure: unknown): unknown {
  return failure instanceof RpcFailure ? failure.cause : failure;
}
