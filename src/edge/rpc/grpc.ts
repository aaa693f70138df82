import type { Http2Server, IncomingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';
import { logVerbosity, Server, ServerCredentials, ServerInterceptingCall, type ServerInterceptor, setLogVerbosity } from '@grpc/grpc-js';
import type { Endpoint } from './call.ts';
import { parseTimeout } from './deadline.ts';
import { GrpcCall } from './grpc-call.ts';
import type { Serve } from './interceptors/index.ts';
import {
  IDLE_HTTP2_TIMEOUT_MS,
  KEEPALIVE_INTERVAL_MS,
  KEEPALIVE_TIMEOUT_MS,
  MAX_MESSAGE_BYTES,
  MAX_METADATA_BYTES,
  MAX_STREAMS_PER_CONNECTION,
} from './limits.ts';
import { MetadataTooLarge } from './request-errors.ts';
import { closeSessions, trackSessions } from './sessions.ts';
import { keepStreamsInArrays } from './stream-table.ts';

/** Everything that speaks gRPC by grpc-js: it is handed connections and asked to close. */
export interface GrpcTransport {
  /** Serves a connection that speaks HTTP/2. */
  serve(socket: Socket): void;
  /** Lets calls end, tells clients to go elsewhere, and closes; after `graceMs` whatever is left is cut off. */
  close(graceMs: number): Promise<void>;
}

/** Serves endpoints by grpc-js. */
export function makeGrpcTransport(endpoints: readonly Endpoint[], serve: Serve, options: { readonly defaultDeadlineMs: number }): GrpcTransport {
  // grpc-js would print broken headers, tokens among them, to standard error.
  setLogVerbosity(logVerbosity.NONE);
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_concurrent_streams': MAX_STREAMS_PER_CONNECTION,
    'grpc.keepalive_time_ms': KEEPALIVE_INTERVAL_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    'grpc.max_connection_idle_ms': IDLE_HTTP2_TIMEOUT_MS,
    'grpc.enable_channelz': 0,
    interceptors: [answering(endpoints, serve, options.defaultDeadlineMs)],
  });
  for (const { path } of endpoints) server.register(path, neverCalled, asIs, asIs, 'unary');
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const http2Server = http2ServerOf(server);
  keepStreamsInArrays(http2Server);
  readHeadersFirst(http2Server);
  const sessions = trackSessions(http2Server);
  return {
    serve: (socket) => injector.injectConnection(socket),
    close: async (graceMs) => {
      // Not by `tryShutdown`: on Node 24 it no longer waits for the calls in flight.
      await closeSessions(sessions, graceMs);
      server.forceShutdown();
    },
  };
}

/**
 * Answers each call itself instead of handing it on to grpc-js's own handlers: these read the request
 * before anybody has looked at the token, and parse it where a fault cannot be told well.
 */
function answering(endpoints: readonly Endpoint[], serve: Serve, defaultDeadlineMs: number): ServerInterceptor {
  const byPath = new Map(endpoints.map((endpoint) => [endpoint.path, endpoint]));
  return (method, base) => {
    const endpoint = byPath.get(method.path);
    if (!endpoint) throw new Error(`${method.path} is registered but not served`);
    const start = () => {
      let call: GrpcCall | undefined;
      base.start({
        onReceiveMetadata: (metadata) => {
          const [head] = metadata.get(headHeader);
          const unary = endpoint.method.methodKind === 'unary';
          const { ms, refusal } = parseTimeout(head === oversize ? undefined : head?.toString(), 'grpc', unary, defaultDeadlineMs);
          call = new GrpcCall(endpoint, base, metadata, ms);
          call.refusal = head === oversize ? new MetadataTooLarge(MAX_METADATA_BYTES) : refusal;
          call.begin(serve);
        },
        onReceiveMessage: (message: Uint8Array) => call?.take(message),
        onReceiveHalfClose: () => call?.take(undefined),
        onCancel: () => call?.leave(),
      });
    };
    return new ServerInterceptingCall(base, { start });
  };
}

/** Where `readHeadersFirst` leaves what it read; no caller can set it. */
const headHeader = 'docket-head';
const oversize = 'oversize';

/**
 * Takes the deadline out of the headers before grpc-js sees it, which counts milliseconds in 32 bits (a
 * month becomes the past) and answers without details; and measures the headers.
 */
function readHeadersFirst(http2Server: Http2Server): void {
  http2Server.prependListener('stream', (_stream: unknown, headers: IncomingHttpHeaders, _flags: number, raw: readonly string[]) => {
    const timeout = headers['grpc-timeout'];
    delete headers['grpc-timeout'];
    delete headers[headHeader];
    let bytes = 0;
    for (const part of raw) bytes += part.length;
    if (bytes > MAX_METADATA_BYTES) headers[headHeader] = oversize;
    else if (timeout !== undefined) headers[headHeader] = String(timeout);
  });
}

/** grpc-js has no public way to its HTTP/2 server. */
function http2ServerOf(server: Server): Http2Server {
  const { http2Servers } = server as unknown as { http2Servers: ReadonlyMap<Http2Server, unknown> };
  const [first] = http2Servers.keys();
  if (!first) throw new Error('grpc-js keeps its HTTP/2 server elsewhere than it did');
  return first;
}

const asIs = (bytes: Buffer): Buffer => bytes;

function neverCalled(): never {
  throw new Error('the interceptor answers every call');
}
