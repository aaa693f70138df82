import type { DescMethod, Message } from '@bufbuild/protobuf';
import type { Caller, Context, Intent, Role } from '../../foundation/context.ts';
import { DomainError } from '../../foundation/errors.ts';
import type { SpanContext } from '../../foundation/tracing.ts';

/** The protocol a call came by. */
export type Transport = 'grpc' | 'grpc-web' | 'connect';

/** Who may call an RPC: anybody, anybody with a valid token, or holders of one of these roles. */
export type Access = 'open' | 'token' | ReadonlySet<Role>;

/** One RPC as the edge serves it, worked out once at start. */
export interface Endpoint {
  readonly method: DescMethod;
  /** Fully qualified, for instance `ticketing.v1.TicketService/CreateTicket`. */
  readonly rpc: string;
  /** The HTTP path, which is the name with a slash before it. */
  readonly path: string;
  readonly access: Access;
  /** Whether the RPC changes something, and so has an intent. */
  readonly mutates: boolean;
  /** Runs the handler on the call's request and context, and sends its answers. */
  readonly handle: (call: Call) => Promise<void>;
}

/**
 * One layer around a call. It does its part, awaits `next()` once, and throws to end the call. What it
 * learns it writes into the call. The request is not read before some layer asks for it.
 */
export type Interceptor = (call: Call, next: () => Promise<void>) => Promise<void>;

/** Writable view of a context while the layers fill it in. */
type Filled<T> = T | undefined;

/** One RPC call in progress, whichever transport it came by. */
export abstract class Call {
  readonly endpoint: Endpoint;
  /** When the call's headers were there, on the process's monotonic clock, in milliseconds. */
  readonly startedMs: number = performance.now();
  /** Set by the transport when the headers alone show that the call cannot be served. */
  refusal: Filled<DomainError> = undefined;
  /** Set by `trace`, if it is there: the span of the call. */
  span: Filled<SpanContext> = undefined;
  /** Set by `authenticate`. */
  caller: Filled<Caller> = undefined;
  /** Set by `audit` on RPCs that change something. */
  intent: Filled<Intent> = undefined;
  /** Set by `audit`: the one request message of unary and server-streaming RPCs. */
  request: Filled<Message> = undefined;
  /** Set by `audit`: the request messages of client and bidirectional streams, as they come. */
  requests: Filled<AsyncIterable<Message>> = undefined;
  /** Where `Drain` keeps it; -1 while it does not. */
  place = -1;
  /** Set by `context`. */
  context: Filled<Context> = undefined;

  /** Made when somebody asks for the signal: most calls end before anybody does. */
  #controller: AbortController | undefined = undefined;
  #aborted: Error | undefined = undefined;
  #onAbort: ((reason: Error) => void) | undefined = undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined = undefined;

  constructor(endpoint: Endpoint, timeoutMs: number | undefined) {
    this.endpoint = endpoint;
    if (timeoutMs !== undefined) {
      this.#deadline = setTimeout(() => this.abort(new DeadlineExceeded()), timeoutMs);
    }
  }

  /** The protocol the call came by. */
  abstract readonly transport: Transport;

  /** The first value of a request header, by its lower-case name. */
  abstract header(name: string): string | undefined;

  /**
   * Reads and parses the one request message of a unary or server-streaming RPC.
   * @throws DomainError when there is none, or it is malformed or too large.
   */
  abstract receive(): Promise<Message>;

  /** The request messages of a client or bidirectional stream, as they come. */
  abstract receiveAll(): AsyncIterable<Message>;

  /** Sends an answer; resolves when the transport can take another one. */
  abstract send(message: Message): Promise<void>;

  /** Aborted, with a `DomainError` or `RpcFailure` as the reason, when the caller leaves, the deadline passes or the server stops. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#aborted);
    }
    return this.#controller.signal;
  }

  /** Why the call was ended early; undefined while it was not. */
  get aborted(): Error | undefined {
    return this.#aborted;
  }

  /** Tells one listener, `errors`, when the call is ended early. */
  onAbort(listener: (reason: Error) => void): void {
    this.#onAbort = listener;
  }

  /** Ends the call early for this reason; the first reason counts. */
  abort(reason: Error): void {
    if (this.#aborted) return;
    this.#aborted = reason;
    this.#controller?.abort(reason);
    this.#onAbort?.(reason);
  }

  /** Releases the deadline's timer once the answer is known. */
  settle(): void {
    clearTimeout(this.#deadline);
  }
}

/** Whether callers send any number of request messages, rather than one. */
export const takesStream = ({ methodKind }: DescMethod): boolean => methodKind === 'client_streaming' || methodKind === 'bidi_streaming';

/** Whether callers get one answer, rather than any number. */
export const givesOne = ({ methodKind }: DescMethod): boolean => methodKind === 'unary' || methodKind === 'client_streaming';

/** The deadline passed before the answer was ready. */
export class DeadlineExceeded extends DomainError {
  constructor() {
    super('deadline_exceeded', 'DEADLINE_EXCEEDED', 'the deadline passed before the answer was ready');
  }
}

/** The caller went away. */
export class CallCancelled extends DomainError {
  constructor() {
    super('cancelled', 'CANCELLED', 'the caller ended the call');
  }
}
