import type { Writes } from '../../../foundation/database/writes.ts';
import type { Tracing } from '../../../foundation/tracing.ts';
import type { Call, Endpoint, Interceptor } from '../call.ts';
import { makeAdmit } from './admit.ts';
import { audit } from './audit.ts';
import { authorize } from './authorize.ts';
import { type ContextDeps, makeContext } from './context.ts';
import { errors } from './errors.ts';
import { makeObserve } from './observe.ts';
import { makeTrace } from './trace.ts';
import { makeValidate } from './validate.ts';
import { makeWritable } from './writable.ts';

/** What the layers stand on. */
export type ChainDeps = { readonly tracing: Tracing | undefined } & ContextDeps &
  Parameters<typeof makeObserve>[0] & {
    readonly refusals: Interceptor;
    readonly authenticate: Interceptor;
    readonly limit: Interceptor | undefined;
    readonly writes: Pick<Writes, 'closed'>;
  };

/** Runs a call through all layers and its handler; rejects with an `RpcFailure` and nothing else. */
export type Serve = (call: Call) => Promise<void>;

/**
 * The layers around every call of every transport, outermost first. This list is their order:
 *
 * (trace) → observe → refusals → errors → admit → authenticate → (limit) → authorize → audit → writable → validate → context → handler
 *
 * - `trace` is there if traces go somewhere. It stands outside all others, which have their time in its span.
 * - Refused changes are noted by `refusals`, where every failure has its status, whichever layer it came from.
 * - The request is read in `audit`: who may not call makes us read, inflate and parse nothing.
 * - What is open to everybody (health) passes `admit`, `authenticate` and `authorize` untouched.
 * - `limit` is there if a rate is set. It needs to know who calls, and counts what is refused after it too.
 * - `writable` comes after `audit`, which reads whether a change is only to be checked; that is answered by a service that only reads.
 * - Permission comes before validation, so that a refused caller learns nothing from it.
 */
export function makeServe(endpoints: readonly Endpoint[], deps: ChainDeps): Serve {
  const layers: readonly Interceptor[] = [
    ...(deps.tracing ? [makeTrace(deps.tracing)] : []),
    makeObserve(deps),
    deps.refusals,
    errors,
    makeAdmit(deps.drain),
    deps.authenticate,
    ...(deps.limit ? [deps.limit] : []),
    authorize,
    audit,
    makeWritable(deps.writes),
    makeValidate(endpoints),
    makeContext(deps),
  ];
  const handler: Serve = (call) => call.endpoint.handle(call);
  return layers.reduceRight<Serve>((inner, layer) => (call) => layer(call, () => inner(call)), handler);
}
