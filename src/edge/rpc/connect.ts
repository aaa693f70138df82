import type { DescMethodBiDiStreaming, DescMethodClientStreaming, DescMethodServerStreaming, DescMethodUnary } from '@bufbuild/protobuf';
import { type ConnectRouter, createConnectRouter, createContextKey, createContextValues, type HandlerContext } from '@connectrpc/connect';
import type { UniversalServerRequest, UniversalServerResponse } from '@connectrpc/connect/protocol';
import { compressionGzip, universalRequestFromNodeRequest, universalResponseToNodeResponse } from '@connectrpc/connect-node';
import type { Logger } from 'pino';
import type { Endpoint, Transport } from './call.ts';
import { ConnectCall, connectErrorOf } from './connect-call.ts';
import { parseTimeout, type Timeout } from './deadline.ts';
import type { Serve } from './interceptors/index.ts';
import { COMPRESS_FROM_BYTES, MAX_MESSAGE_BYTES, MAX_METADATA_BYTES } from './limits.ts';
import { type HttpRequest, type HttpResponse, reply, replyError } from './reply.ts';
import { MetadataTooLarge } from './request-errors.ts';

/** What the headers said, before connect-node makes a call of them; then the call. */
interface Arrival {
  readonly endpoint: Endpoint;
  readonly transport: Transport;
  readonly request: HttpRequest;
  readonly timeout: Timeout;
  call: ConnectCall | undefined;
}

const arrivalKey = createContextKey<Arrival | undefined>(undefined);

/** Answers RPCs by Connect, gRPC-Web and gRPC, in binary or JSON; false when the path is none of ours. */
export type ConnectHandler = (request: HttpRequest, response: HttpResponse) => boolean;

/** Serves endpoints by connect-node. */
export function makeConnectHandler(
  endpoints: readonly Endpoint[],
  serve: Serve,
  options: { readonly defaultDeadlineMs: number; readonly log: Logger },
): ConnectHandler {
  const router = createConnectRouter({
    acceptCompression: [compressionGzip],
    compressMinBytes: COMPRESS_FROM_BYTES,
    readMaxBytes: MAX_MESSAGE_BYTES,
    writeMaxBytes: MAX_MESSAGE_BYTES,
    // A misspelt field must not go unnoticed.
    jsonOptions: { ignoreUnknownFields: false },
    requestGate: (context) => openGate(context, serve),
  });
  for (const endpoint of endpoints) addRpc(router, endpoint);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  const byPath = new Map(endpoints.map((endpoint) => [endpoint.path, endpoint]));
  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    const endpoint = byPath.get(path);
    const handler = handlers.get(path);
    if (!endpoint || !handler) return false;
    const arrival = arrive(endpoint, request, options.defaultDeadlineMs);
    answer(arrival, response, handler).catch((cause) => options.log.debug({ err: cause, rpc: endpoint.rpc }, 'an answer could not be sent'));
    return true;
  };
}

function addRpc(router: ConnectRouter, { method }: Endpoint): void {
  switch (method.methodKind) {
    case 'unary':
      router.rpc(method as DescMethodUnary, (request, context) => callOf(context).answer(request));
      break;
    case 'server_streaming':
      router.rpc(method as DescMethodServerStreaming, (request, context) => callOf(context).answers(request));
      break;
    case 'bidi_streaming':
      router.rpc(method as DescMethodBiDiStreaming, (requests, context) => callOf(context).answers(requests));
      break;
    case 'client_streaming':
      router.rpc(method as DescMethodClientStreaming, (requests, context) => callOf(context).answer(requests));
      break;
  }
}

/** Reads the headers, and takes the deadline out of them: connect-node's own timers know no default. */
function arrive(endpoint: Endpoint, request: HttpRequest, defaultDeadlineMs: number): Arrival {
  const contentType = request.headers['content-type'] ?? '';
  const isGrpcWeb = contentType.startsWith('application/grpc-web');
  const transport = isGrpcWeb ? 'grpc-web' : contentType.startsWith('application/grpc') ? 'grpc' : 'connect';
  const header = transport === 'connect' ? 'connect-timeout-ms' : 'grpc-timeout';
  const timeout = parseTimeout(
    request.headers[header]?.toString(),
    transport === 'connect' ? 'connect' : 'grpc',
    endpoint.method.methodKind === 'unary',
    defaultDeadlineMs,
  );
  delete request.headers[header];
  return { endpoint, transport, request, timeout, call: undefined };
}

async function answer(arrival: Arrival, response: HttpResponse, handler: (request: UniversalServerRequest) => Promise<UniversalServerResponse>): Promise<void> {
  const values = createContextValues().set(arrivalKey, arrival);
  let universal: UniversalServerRequest;
  try {
    universal = universalRequestFromNodeRequest(arrival.request, response, undefined, values);
  } catch {
    // Neither a host nor an authority, or none that a URL can be made of.
    return reply(response, 400);
  }
  const body = universal.body as AsyncIterable<Uint8Array>;
  const answered = await handler({ ...universal, body: whileAlive(body, arrival) });
  if (answered.status === 415)
    return replyError(
      response,
      415,
      'content-type must be application/json, application/proto, application/grpc or application/grpc-web (with +proto or +json)',
    );
  if (answered.status === 405) return replyError(response, 405, 'the method must be POST');
  // Whoever is still sending what nobody will read is told to stop.
  response.once('finish', () => 'stream' in arrival.request && !arrival.request.complete && arrival.request.stream.close());
  await universalResponseToNodeResponse(answered, response);
}

/** The request is not read any longer than the call lives: a slow sender is told DEADLINE_EXCEEDED. */
async function* whileAlive(body: AsyncIterable<Uint8Array>, arrival: Arrival): AsyncIterable<Uint8Array> {
  const { call } = arrival;
  if (!call) throw new Error('the request is read before the gate has opened');
  const chunks = body[Symbol.asyncIterator]();
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => {});
  const give = () => aborted.reject(connectErrorOf(call.signal.reason));
  if (call.signal.aborted) give();
  call.signal.addEventListener('abort', give, { once: true });
  try {
    while (true) {
      const { done, value } = await Promise.race([chunks.next(), aborted.promise]);
      if (done) return;
      yield value;
    }
  } finally {
    call.signal.removeEventListener('abort', give);
  }
}

function openGate(context: HandlerContext, serve: Serve): Promise<void> {
  const arrival = context.values.get(arrivalKey);
  if (!arrival) throw new Error('a call did not arrive through the handler');
  const { endpoint, transport, request, timeout } = arrival;
  const call = new ConnectCall(endpoint, transport, request.headers, timeout.ms);
  call.refusal = headerBytes(request) > MAX_METADATA_BYTES ? new MetadataTooLarge(MAX_METADATA_BYTES) : timeout.refusal;
  arrival.call = call;
  context.signal.addEventListener('abort', () => call.leave(context.signal.reason), { once: true });
  return call.begin(serve);
}

function headerBytes(request: HttpRequest): number {
  let bytes = 0;
  for (const part of request.rawHeaders) bytes += part.length;
  return bytes;
}

function callOf(context: HandlerContext): ConnectCall {
  const call = context.values.get(arrivalKey)?.call;
  if (!call) throw new Error('a call came past the gate');
  return call;
}
