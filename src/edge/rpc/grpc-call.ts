import { fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import { Metadata, type ServerInterceptingCallInterface, status } from '@grpc/grpc-js';
import { Code } from '../../../gen/google/rpc/code_pb.ts';
import { StatusSchema } from '../../../gen/google/rpc/status_pb.ts';
import { encoded } from '../../foundation/encoded.ts';
import { DomainError } from '../../foundation/errors.ts';
import { Call, CallCancelled, type Endpoint, givesOne } from './call.ts';
import { failureOf, RpcFailure, statusOf } from './error-map.ts';
import { MAX_MESSAGE_BYTES } from './limits.ts';
import { MessageTooLarge, RequestMalformed } from './request-errors.ts';

/** What grpc-js hands to `sendStatus`. */
type GrpcStatus = Parameters<ServerInterceptingCallInterface['sendStatus']>[0];

interface Reader {
  resolve(message: Uint8Array | undefined): void;
  reject(reason: unknown): void;
}

/** One call on the gRPC port, straight on the call object of grpc-js: no streams in between. */
export class GrpcCall extends Call {
  readonly transport = 'grpc';
  readonly #base: ServerInterceptingCallInterface;
  readonly #sendStatus: (status: GrpcStatus) => void;
  readonly #metadata: Metadata;
  #reader: Reader | undefined;
  #ended = false;

  constructor(endpoint: Endpoint, base: ServerInterceptingCallInterface, metadata: Metadata, timeoutMs: number | undefined) {
    super(endpoint, timeoutMs);
    this.#base = base;
    this.#metadata = metadata;
    this.#sendStatus = base.sendStatus.bind(base);
    // What grpc-js itself finds wrong with a message takes the same way out as all other failures.
    base.sendStatus = (found) => this.abort(failureInMessage(found));
  }

  /** Runs the call through its layers and tells the caller how it ended. */
  begin(serve: (call: Call) => Promise<void>): void {
    serve(this).then(
      () => this.#end({ code: status.OK, details: 'OK', metadata: null }),
      (thrown) => this.#fail(thrown),
    );
  }

  /** Takes what was read: a message, or nothing at the end of the request. */
  take(message: Uint8Array | undefined): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.resolve(message);
  }

  /** The caller is gone, or has his answer. */
  leave(): void {
    if (!this.#ended) this.abort(new CallCancelled());
  }

  header(name: string): string | undefined {
    const [value] = this.#metadata.get(name);
    return value?.toString();
  }

  async receive(): Promise<Message> {
    const bytes = await this.#read();
    if (!bytes) throw new RequestMalformed('the request message is missing');
    if (await this.#read()) throw new RequestMalformed('there is more than one request message');
    return this.#parse(bytes);
  }

  async *receiveAll(): AsyncIterable<Message> {
    for (let bytes = await this.#read(); bytes; bytes = await this.#read()) yield this.#parse(bytes);
  }

  async send(message: Message): Promise<void> {
    const { method } = this.endpoint;
    const bytes = encoded(method.output, message);
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (givesOne(method)) {
      // Not waiting for the write lets the status travel in the same packet.
      this.#base.sendMessage(buffer, () => {});
      return;
    }
    await new Promise<void>((resolve, reject) => {
      this.#base.sendMessage(buffer, resolve);
      this.signal.addEventListener('abort', () => reject(this.signal.reason), { once: true });
    });
  }

  override abort(reason: Error): void {
    super.abort(reason);
    this.#reader?.reject(this.aborted);
    this.#reader = undefined;
  }

  #read(): Promise<Uint8Array | undefined> {
    if (this.aborted) return Promise.reject(this.aborted);
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
      this.#base.startRead();
    });
  }

  #parse(bytes: Uint8Array): Message {
    try {
      return fromBinary(this.endpoint.method.input, bytes);
    } catch (cause) {
      throw new RequestMalformed(cause instanceof Error ? cause.message : 'it cannot be parsed');
    }
  }

  #fail(thrown: unknown): void {
    const failure = failureOf(thrown);
    const metadata = new Metadata();
    metadata.set('grpc-status-details-bin', Buffer.from(toBinary(StatusSchema, statusOf(failure))));
    this.#end({ code: failure.code as number, details: failure.message, metadata });
  }

  #end(outcome: GrpcStatus): void {
    this.#ended = true;
    this.#sendStatus(outcome);
  }
}

/** What grpc-js says of a message that it cannot take, in our own terms. */
function failureInMessage(found: GrpcStatus): Error {
  if (found.code === status.RESOURCE_EXHAUSTED) return new MessageTooLarge(MAX_MESSAGE_BYTES);
  if (found.code === status.UNIMPLEMENTED) return new RpcFailure(Code.UNIMPLEMENTED, 'ENCODING_UNSUPPORTED', found.details ?? '', { details: [] });
  if (found.code === status.INTERNAL) return new RequestMalformed(String(found.details ?? 'it cannot be read'));
  return new DomainError('cancelled', 'CANCELLED', 'the call was ended');
}
