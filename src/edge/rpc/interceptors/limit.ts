import { DomainError } from '../../../foundation/errors.ts';
import type { Metrics } from '../../../foundation/metrics.ts';
import type { Interceptor } from '../call.ts';
import { type Rate, RateLimit } from '../rate-limit.ts';

/**
 * Holds each caller to a rate of calls, by his name: whichever token he shows, whichever port he comes to. What tells about the service
 * (health, reflection) is not counted.
 */
export function makeLimit(rate: Rate, metrics: Metrics): Interceptor {
  const limit = new RateLimit(rate);
  const refused = metrics.meter('rpc').createCounter('docket_rate_limited_calls_total', { description: 'Calls refused since their caller made too many' });
  const facts = { limit_per_second: String(rate.perSecond), burst: String(rate.burst) };
  return async (call, next) => {
    const { caller } = call;
    if (caller && typeof call.endpoint.access !== 'string') {
      const waitMs = limit.take(`${caller.actorKind} ${caller.actor}`);
      if (waitMs > 0) {
        refused.add(1, { rpc: call.endpoint.rpc });
        // Whole milliseconds, so that whoever waits exactly that long is let through.
        throw new DomainError('resource_exhausted', 'RATE_LIMITED', 'this caller makes too many calls', { facts, retryAfterMs: Math.ceil(waitMs) });
      }
    }
    return next();
  };
}
