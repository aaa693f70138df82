import { Code } from '../../../../gen/google/rpc/code_pb.ts';
import type { Call, Interceptor } from '../call.ts';
import { codeName, RpcFailure } from '../error-map.ts';
import { MAX_REFUSAL_REASON_LENGTH } from '../limits.ts';
import type { Refusal } from '../refusal-folds.ts';

/**
 * Statuses that say no to a caller. Left out is what tells of us: trouble, time-outs, callers who left; and RESOURCE_EXHAUSTED, since
 * whoever is too busy to serve must not be made to write for it.
 */
const refusing: ReadonlySet<number> = new Set([
  Code.PERMISSION_DENIED,
  Code.INVALID_ARGUMENT,
  Code.NOT_FOUND,
  Code.ALREADY_EXISTS,
  Code.FAILED_PRECONDITION,
  Code.OUT_OF_RANGE,
]);
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Notes each call that was to change something and was refused, if its caller is known. What would only have been checked is
 * noted when it was denied. It stands outside `errors`, where failures have their status, and looks on from the side: no answer waits for it.
 */
export function makeRefusals(note: (refusal: Refusal) => void): Interceptor {
  return (call, next) => {
    const served = next();
    if (call.endpoint.mutates) {
      served.catch((failure) => {
        const refusal = refusalOf(call, failure);
        if (refusal) note(refusal);
      });
    }
    return served;
  };
}

function refusalOf(call: Call, failure: unknown): Refusal | undefined {
  const { caller, intent } = call;
  if (!caller || !(failure instanceof RpcFailure)) return undefined;
  const { code, reason } = failure;
  // Of the conflicts, only that with what the caller has read is his; the others are ours.
  if (!refusing.has(code) && reason !== 'ETAG_MISMATCH') return undefined;
  if (intent?.validateOnly && code !== Code.PERMISSION_DENIED) return undefined;
  return {
    actor: caller.actor,
    actorKind: caller.actorKind,
    rpc: call.endpoint.rpc,
    code: codeName(code),
    errorReason: reason,
    requestId: intent?.requestId !== undefined && uuid.test(intent.requestId) ? intent.requestId : undefined,
    reason: storable(intent?.reason ?? ''),
  };
}

/** What was refused was not held to its rules: its text may be megabytes, or hold what no database stores. */
function storable(text: string): string {
  const cut =
    text.length > MAX_REFUSAL_REASON_LENGTH
      ? Array.from(text.slice(0, 2 * MAX_REFUSAL_REASON_LENGTH))
          .slice(0, MAX_REFUSAL_REASON_LENGTH)
          .join('')
      : text;
  return cut.replaceAll('\u0000', '').toWellFormed();
}
