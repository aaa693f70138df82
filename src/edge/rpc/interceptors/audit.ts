import { hash } from 'node:crypto';
import { clone, type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';
import type { Intent } from '../../../foundation/context.ts';
import { type Call, type Endpoint, type Interceptor, takesStream } from '../call.ts';
import { canonicalBytes } from '../canonical.ts';

/**
 * Reads the request (not before: strangers make us read nothing) and, where the RPC changes something,
 * says what the caller intends: under which request id, why, only checked or done, and a hash over the
 * method and everything else he asked. Of a stream the first message says so; what it and others bring in bytes is for the handler to read.
 */
export const audit: Interceptor = async (call, next) => {
  if (!takesStream(call.endpoint.method)) call.request = await call.receive();
  else if (call.endpoint.mutates) call.requests = await readIntent(call);
  else call.requests = call.receiveAll();
  if (call.endpoint.mutates && call.request) call.intent = intentOf(call.endpoint, call.request);
  return next();
};

/** Reads the first message of a stream, sets down what it intends, and gives all messages again. */
async function readIntent(call: Call): Promise<AsyncIterable<Message>> {
  const messages = call.receiveAll()[Symbol.asyncIterator]();
  const first = await messages.next();
  if (!first.done) call.intent = intentOf(call.endpoint, withoutBytes(call.endpoint.method.input, first.value));
  return {
    async *[Symbol.asyncIterator]() {
      try {
        for (let next = first; !next.done; next = await messages.next()) yield next.value;
      } finally {
        await messages.return?.();
      }
    },
  };
}

/** However a file is cut into messages, it is the same request. */
function withoutBytes(schema: DescMessage, message: Message): Message {
  const rest = clone(schema, message) as Message & Record<string, unknown>;
  for (const field of schema.fields) if (field.scalar === ScalarType.BYTES) rest[field.localName] = new Uint8Array();
  return rest;
}

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
