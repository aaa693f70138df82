import { hash } from 'node:crypto';
import type { Message } from '@bufbuild/protobuf';
import type { Intent } from '../../../foundation/context.ts';
import { type Endpoint, type Interceptor, takesStream } from '../call.ts';
import { canonicalBytes } from '../canonical.ts';

/**
 * Reads the request (not before: strangers make us read nothing) and, where the RPC changes something,
 * says what the caller intends: under which request id, why, only checked or done, and a hash over the
 * method and everything else he asked.
 */
export const audit: Interceptor = async (call, next) => {
  if (takesStream(call.endpoint.method)) call.requests = call.receiveAll();
  else call.request = await call.receive();
  if (call.endpoint.mutates && call.request) call.intent = intentOf(call.endpoint, call.request);
  return next();
};

/** The intent that a mutating request states. */
export function intentOf(endpoint: Endpoint, request: Message): Intent {
  const { requestId, validateOnly, reason } = request as { requestId?: string; validateOnly?: boolean; reason?: string };
  const body = canonicalBytes(endpoint.method.input, request);
  const name = Buffer.from(`${endpoint.rpc}\n`);
  return {
    // UUIDs are equal whatever the case of their letters.
    requestId: requestId ? requestId.toLowerCase() : undefined,
    bodyHash: hash('sha256', Buffer.concat([name, body]), 'buffer'),
    validateOnly: validateOnly ?? false,
    reason: reason ?? '',
  };
}
