import type { IncomingHttpHeaders } from 'node:http2';
import type { Message } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { Call, CallCancelled, type Endpoint, givesOne, type Transport } from './call.ts';
import { detailSchema, failureOf, RpcFailure } from './error-map.ts';
import { MAX_MESSAGE_BYTES } from './limits.ts';
import { Outbox } from './outbox.ts';
import { MessageTooLarge, RequestMalformed } from './request-errors.ts';

/** A failure as connect-node sends it; the codes are gRPC's. */
export function connectErrorOf(thrown: unknown): ConnectError {
  const failure = failureOf(thrown);
  return new ConnectError(failure.message, failure.code as number as Code, undefined, outgoing(failure), failure.cause);
}

/**
 * One call on the Connect port. connect-node asks a gate before it reads the request, then reads and parses
 * it, then calls the handler. The layers start at the gate, which opens when one of them wants the request.
 */
export class ConnectCall extends Call {
  readonly transport: Transport;
  readonly #headers: IncomingHttpHeaders;
  readonly #wanted = Promise.withResolvers<void>();
  readonly #delivered = Promise.withResolvers<unknown>();
  readonly #answered = Promise.withResolvers<Message>();
  readonly #outbox = new Outbox<Message>();
  #answer: Message | undefined;
  #asked = false;
  #ended = false;

  constructor(endpoint: Endpoint, transport: Transport, headers: IncomingHttpHeaders, timeoutMs: number | undefined) {
    super(endpoint, timeoutMs);
    this.transport = transport;
    this.#headers = headers;
    for (const promise of [this.#wanted.promise, this.#delivered.promise, this.#answered.promise]) promise.catch(() => {});
  }

  /** Starts the layers; resolves when the request is wanted, rejects with a `ConnectError` when the call ends before. */
  begin(serve: (call: Call) => Promise<void>): Promise<void> {
    serve(this).then(
      () => this.#end(undefined),
      (thrown) => this.#end(connectErrorOf(thrown)),
    );
    return this.#wanted.promise;
  }

  /** Hands over the request or requests of a call with one answer; resolves with it, rejects with a `ConnectError`. */
  answer(request: unknown): Promise<Message> {
    this.#delivered.resolve(request);
    return this.#answered.promise;
  }

  /** Hands over the request or requests of a stream; gives the answers, throws a `ConnectError`. */
  async *answers(request: unknown): AsyncIterable<Message> {
    this.#delivered.resolve(request);
    try {
      yield* this.#outbox;
    } finally {
      if (!this.#ended) this.abort(new CallCancelled());
    }
  }

  /** connect-node is done with the call: it is over, the caller left, or the request could not be read. */
  leave(reason: unknown): void {
    if (this.#ended) return;
    if (!(reason instanceof ConnectError) || reason.code === Code.Canceled || reason.code === Code.Aborted) return this.abort(new CallCancelled());
    const failure = this.signal.aborted ? failureOf(this.signal.reason) : failureOf(failureInRequest(reason));
    // connect-node is about to send this very error: it gets our code and details.
    Object.assign(reason, { code: failure.code, details: outgoing(failure), rawMessage: failure.message, message: failure.message });
    this.#delivered.reject(failure);
  }

  header(name: string): string | undefined {
    const value = this.#headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  receive(): Promise<Message> {
    return this.#want() as Promise<Message>;
  }

  async *receiveAll(): AsyncIterable<Message> {
    try {
      yield* (await this.#want()) as AsyncIterable<Message>;
    } catch (error) {
      throw error instanceof ConnectError && !this.signal.aborted ? failureInRequest(error) : error;
    }
  }

  async send(message: Message): Promise<void> {
    if (givesOne(this.endpoint.method)) this.#answer = message;
    else await this.#outbox.put(message, this.signal);
  }

  #want(): Promise<unknown> {
    this.#asked = true;
    this.#wanted.resolve();
    return this.#delivered.promise;
  }

  #end(error: ConnectError | undefined): void {
    this.#ended = true;
    if (error) {
      if (!this.#asked) this.#wanted.reject(error);
      this.#answered.reject(error);
    } else if (this.#answer) {
      this.#answered.resolve(this.#answer);
    }
    // A stream without parameters may be answered before its request was wanted.
    this.#wanted.resolve();
    this.#outbox.close(error);
  }
}

function outgoing(failure: RpcFailure) {
  return failure.details.map((value) => ({ desc: detailSchema(value), value }));
}

/** What connect-node says of a request that it cannot take, in our own terms. */
function failureInRequest(found: ConnectError): Error {
  if (found.code === Code.ResourceExhausted) return new MessageTooLarge(MAX_MESSAGE_BYTES);
  const isEncoding = found.code === Code.Unimplemented && !found.rawMessage.startsWith('protocol error');
  if (isEncoding) return new RpcFailure(found.code as number as RpcFailure['code'], 'ENCODING_UNSUPPORTED', found.rawMessage, { details: [] });
  return new RequestMalformed(found.rawMessage);
}
