import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodClientStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '../../../gen/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../../../gen/google/rpc/status_pb.ts';
import { TicketService } from '../../../gen/ticketing/v1/ticket_service_pb.ts';

/** Options of one call by grpc-js. */
export interface GrpcCallOptions {
  readonly token?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

const asIs = (bytes: Buffer): Buffer => bytes;

/** A grpc-js channel to an address, such as any Node program would open; without TLS unless other credentials are given. */
export function grpcChannel(address: string, options: Record<string, unknown> = {}, by = credentials.createInsecure()): Client {
  return new Client(address, by, { 'grpc.enable_retries': 0, 'grpc.use_local_subchannel_pool': 1, ...options });
}

/** One call by grpc-js, with the messages of the generated code; of a stream of answers it gives the last. */
export async function callGrpc<I extends DescMessage, O extends DescMessage>(
  client: Client,
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  options: GrpcCallOptions = {},
): Promise<MessageShape<O>> {
  if ((method as DescMethod).methodKind === 'server_streaming') {
    const answers = await readGrpc(client, method as unknown as DescMethodServerStreaming<I, O>, request, options);
    return answers.at(-1) ?? create(method.output);
  }
  const bytes = await callGrpcBytes(client, pathOf(method), toBinary(method.input, create(method.input, request)), options);
  return fromBinary(method.output, bytes);
}

/** All answers of one server stream by grpc-js. */
export async function readGrpc<I extends DescMessage, O extends DescMessage>(
  client: Client,
  method: DescMethodServerStreaming<I, O>,
  request: MessageInitShape<I>,
  options: GrpcCallOptions = {},
): Promise<MessageShape<O>[]> {
  const answers = await readGrpcBytes(client, pathOf(method), toBinary(method.input, create(method.input, request)), options);
  return answers.map((answer) => fromBinary(method.output, answer));
}

/** All answers of one server stream whose request is whatever bytes are given. */
export async function readGrpcBytes(client: Client, path: string, bytes: Uint8Array, options: GrpcCallOptions = {}): Promise<Buffer[]> {
  const metadata = new Metadata();
  if (options.token !== undefined) metadata.set('authorization', options.token);
  const deadline = options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs };
  const call = client.makeServerStreamRequest(path, asIs, asIs, Buffer.from(bytes), metadata, deadline);
  options.signal?.addEventListener('abort', () => call.cancel(), { once: true });
  const answers: Buffer[] = [];
  for await (const answer of call) answers.push(answer as Buffer);
  return answers;
}

/** The HTTP path of a method. */
export const pathOf = (method: { readonly parent: { readonly typeName: string }; readonly name: string }): string =>
  `/${method.parent.typeName}/${method.name}`;

/** One unary call by grpc-js whose request is whatever bytes are given. */
export function callGrpcBytes(client: Client, path: string, bytes: Uint8Array, options: GrpcCallOptions = {}): Promise<Buffer> {
  const metadata = new Metadata();
  if (options.token !== undefined) metadata.set('authorization', options.token);
  for (const [name, value] of Object.entries(options.metadata ?? {})) metadata.set(name, value);
  const deadline = options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs };
  return new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest(path, asIs, asIs, Buffer.from(bytes), metadata, deadline, (error, answer) => {
      if (error) reject(error);
      else resolve(answer as Buffer);
    });
    options.signal?.addEventListener('abort', () => call.cancel(), { once: true });
  });
}

/** The details that a failure carries, whichever client met it. */
export interface FailureDetails {
  readonly reason: string | undefined;
  readonly domain: string | undefined;
  readonly facts: Readonly<Record<string, string>>;
  readonly violations: readonly { readonly field: string; readonly description: string }[];
  readonly retryDelayMs: number | undefined;
}

/** What `grpc-status-details-bin` of a grpc-js error says. */
export function detailsOf(error: unknown): FailureDetails {
  const [bytes] = (error as ServiceError).metadata.get('grpc-status-details-bin');
  const found = bytes === undefined ? create(StatusSchema) : fromBinary(StatusSchema, bytes as Buffer);
  const info = found.details.map((any) => anyUnpack(any, ErrorInfoSchema)).find((detail) => detail !== undefined);
  const bad = found.details.map((any) => anyUnpack(any, BadRequestSchema)).find((detail) => detail !== undefined);
  const retry = found.details.map((any) => anyUnpack(any, RetryInfoSchema)).find((detail) => detail !== undefined);
  return {
    reason: info?.reason,
    domain: info?.domain,
    facts: info?.metadata ?? {},
    violations: bad?.fieldViolations ?? [],
    retryDelayMs: retry?.retryDelay ? Number(retry.retryDelay.seconds) * 1000 + retry.retryDelay.nanos / 1e6 : undefined,
  };
}

/** The outcome of a call that must fail. */
export async function failureOf(call: Promise<unknown>): Promise<Error & { code: number }> {
  try {
    await call;
  } catch (error) {
    return error as Error & { code: number };
  }
  throw new Error('the call succeeded');
}

/** connect-node clients of the tickets' service over one protocol. */
export function connectClient(
  url: string,
  protocol: 'connect' | 'grpc' | 'grpc-web',
  options: { readonly httpVersion?: '1.1' | '2'; readonly json?: boolean } = {},
) {
  const shared = { baseUrl: url, useBinaryFormat: !options.json };
  const httpVersion = options.httpVersion ?? '2';
  if (protocol === 'grpc') return createClient(TicketService, createGrpcTransport(shared));
  if (protocol === 'grpc-web') return createClient(TicketService, createGrpcWebTransport({ ...shared, httpVersion }));
  return createClient(TicketService, createConnectTransport({ ...shared, httpVersion }));
}

/** One client stream by grpc-js: the requests are sent one after another as the transport takes them. */
export async function streamGrpc<I extends DescMessage, O extends DescMessage>(
  client: Client,
  method: DescMethodClientStreaming<I, O>,
  requests: Iterable<MessageInitShape<I>> | AsyncIterable<MessageInitShape<I>>,
  options: GrpcCallOptions = {},
): Promise<MessageShape<O>> {
  const metadata = new Metadata();
  if (options.token !== undefined) metadata.set('authorization', options.token);
  const deadline = options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs };
  const answered = Promise.withResolvers<Buffer>();
  const call = client.makeClientStreamRequest(pathOf(method), asIs, asIs, metadata, deadline, (error, answer) => {
    if (error) answered.reject(error);
    else answered.resolve(answer as Buffer);
  });
  options.signal?.addEventListener('abort', () => call.cancel(), { once: true });
  // Whoever was refused need not go on.
  let over = false;
  answered.promise.catch(() => undefined).finally(() => (over = true));
  const send = async (): Promise<void> => {
    for await (const request of requests) {
      if (over) return;
      const room = call.write(Buffer.from(toBinary(method.input, create(method.input, request))));
      if (!room) await Promise.race([new Promise((resolve) => call.once('drain', resolve)), answered.promise.catch(() => undefined)]);
    }
    call.end();
  };
  // An answer may come while the next request is still awaited.
  await Promise.race([send(), answered.promise]);
  return fromBinary(method.output, await answered.promise);
}
