import { DomainError } from '../../../foundation/errors.ts';
import type { Interceptor } from '../call.ts';
import type { Drain } from '../drain.ts';
import { MAX_CALLS_IN_FLIGHT, OVERLOAD_RETRY_AFTER_MS } from '../limits.ts';

/**
 * Refuses what cannot be served whoever asks: broken headers, a server that is stopping, too many calls at
 * once. What is open to everybody (health) is answered to the end.
 */
export function makeAdmit(drain: Drain): Interceptor {
  return async (call, next) => {
    if (call.refusal) throw call.refusal;
    if (call.endpoint.access === 'open') return next();
    if (drain.draining) throw new DomainError('unavailable', 'SHUTTING_DOWN', 'this process is stopping', { retryAfterMs: OVERLOAD_RETRY_AFTER_MS });
    if (drain.inFlight > MAX_CALLS_IN_FLIGHT) {
      throw new DomainError('resource_exhausted', 'TOO_MANY_CALLS', 'too many calls are in flight', { retryAfterMs: OVERLOAD_RETRY_AFTER_MS });
    }
    return next();
  };
}
