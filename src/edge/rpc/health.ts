import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from '../../../gen/grpc/health/v1/health_pb.ts';
import { DomainError } from '../../foundation/errors.ts';
import type { Drain } from './drain.ts';
import { type Route, route } from './endpoints.ts';

/**
 * The gRPC health service: SERVING for the whole server (the empty name) and for each of its services by
 * name, NOT_SERVING from the moment it starts to stop. Open without a token.
 */
export function healthRoute(services: readonly string[], drain: Drain): Route {
  const known = new Set(['', ...services, Health.typeName]);
  const statusNow = () => (drain.draining ? ServingStatus.NOT_SERVING : ServingStatus.SERVING);
  return route(
    Health,
    {
      async check({ service }) {
        if (known.has(service)) return { status: statusNow() };
        throw new DomainError('not_found', 'SERVICE_UNKNOWN', 'there is no such service', { facts: { service } });
      },
      async list() {
        return { statuses: Object.fromEntries([...known].map((service) => [service, { status: statusNow() }])) };
      },
      async *watch({ service }, ctx) {
        // By the health protocol an unknown service is no failure here: it may yet come.
        if (!known.has(service)) yield { status: ServingStatus.SERVICE_UNKNOWN };
        else yield { status: statusNow() };
        const wasDraining = drain.draining;
        await drained(drain, ctx.signal);
        if (known.has(service) && !wasDraining) yield { status: ServingStatus.NOT_SERVING };
        await ended(ctx.signal);
      },
    },
    'open',
  );
}

function drained(drain: Drain, signal: AbortSignal): Promise<void> {
  if (drain.draining) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const forget = drain.onDrain(() => resolve());
    signal.addEventListener(
      'abort',
      () => {
        forget();
        reject(signal.reason);
      },
      { once: true },
    );
  });
}

function ended(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
