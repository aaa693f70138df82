import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { MikroORM } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import type { CommandQueue } from '../../foundation/commands/queue.ts';
import type { Metrics } from '../../foundation/metrics.ts';
import type { Interceptor } from './call.ts';
import { makeConnectHandler } from './connect.ts';
import { Drain } from './drain.ts';
import { endpointsOf, type Route } from './endpoints.ts';
import { makeGrpcTransport } from './grpc.ts';
import { healthRoute } from './health.ts';
import { makeHttpHandler } from './http.ts';
import { makeServe } from './interceptors/index.ts';
import { keepHttp2Sessions } from './keep-alive.ts';
import { CLOSE_MS, DRAIN_MS, HEADERS_TIMEOUT_MS, IDLE_HTTP1_TIMEOUT_MS, MAX_METADATA_BYTES, MAX_STREAMS_PER_CONNECTION, REQUEST_TIMEOUT_MS } from './limits.ts';
import { type Listener, listen, tellProtocol } from './listen.ts';
import { reflectionRoutes } from './reflection.ts';

/** What the server stands on. */
export interface ServerDeps {
  /** Our own services; health and reflection are added. */
  readonly routes: readonly Route[];
  readonly orm: Pick<MikroORM, 'em'>;
  readonly queue: CommandQueue;
  readonly authenticate: Interceptor;
  /** Resolves when the database answers; asked at each `/readyz`. */
  readonly readiness: () => Promise<unknown>;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly config: ServerConfig;
}

/** What of the configuration concerns the server. Port 0 takes a free one. */
export interface ServerConfig {
  readonly host: string;
  readonly grpcPort: number;
  readonly connectPort: number;
  readonly metricsHost: string;
  readonly metricsPort: number;
  readonly corsOrigins: readonly string[];
  readonly defaultDeadlineMs: number;
}

/** A server that answers. */
export interface RunningServer {
  readonly grpcPort: number;
  readonly connectPort: number;
  readonly metricsPort: number;
  /**
   * Stops within ten seconds: health says NOT_SERVING, new connections and calls are refused, calls in flight
   * finish or are cancelled after eight seconds. Calling it again only waits for the same end.
   */
  close(): Promise<void>;
}

/**
 * Starts answering: gRPC on one port, Connect, gRPC-Web, gRPC and JSON on another, figures on a third.
 * @throws Error when a port cannot be had, or when one of the RPCs does not say who may call it.
 */
export async function startServer(deps: ServerDeps): Promise<RunningServer> {
  const { config, log } = deps;
  const drain = new Drain();
  const endpoints = endpointsOf(withBuiltIn(deps.routes, drain));
  const serve = makeServe(endpoints, { ...deps, drain });
  const grpc = makeGrpcTransport(endpoints, serve, config);
  const web = makeWeb(makeHttpHandler({ ...deps, ...config, drain, rpc: makeConnectHandler(endpoints, serve, { ...config, log }) }));
  const scrapes = createHttpServer({ headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS }, deps.metrics.answerScrape);
  scrapes.emit('listening');

  const listeners: Listener[] = [];
  try {
    const on = async (name: string, host: string, port: number, take: (socket: Socket) => void) => {
      const listener = await listen({ name, host, port, log }, take);
      listeners.push(listener);
      return listener.port;
    };
    const grpcPort = await on('gRPC', config.host, config.grpcPort, (socket) => {
      socket.allowHalfOpen = false;
      grpc.serve(socket);
    });
    const connectPort = await on('Connect', config.host, config.connectPort, web.serve);
    const metricsPort = await on('metrics', config.metricsHost, config.metricsPort, (socket) => scrapes.emit('connection', socket));
    log.info({ grpc_port: grpcPort, connect_port: connectPort, metrics_port: metricsPort, host: config.host }, 'serving');

    let closed: Promise<void> | undefined;
    const close = async () => {
      log.info({ calls_in_flight: drain.inFlight }, 'stopping');
      for (const listener of listeners) listener.stop();
      await drain.begin(DRAIN_MS);
      drain.cancelAll();
      await Promise.all([grpc.close(CLOSE_MS), web.close(CLOSE_MS)]);
      for (const listener of listeners) await listener.close();
      scrapes.close();
      log.info('stopped');
    };
    return { grpcPort, connectPort, metricsPort, close: () => (closed ??= close()) };
  } catch (cause) {
    for (const listener of listeners) await listener.close();
    throw cause;
  }
}

/** Our services, health, and reflection over all of them. */
function withBuiltIn(routes: readonly Route[], drain: Drain): Route[] {
  const health = healthRoute(
    routes.map(({ service }) => service.typeName),
    drain,
  );
  const served = [...routes, health];
  return [...served, ...reflectionRoutes(served.map(({ service }) => service))];
}

/** HTTP/1.1 and HTTP/2 on connections that somebody else has accepted. */
function makeWeb(handle: Parameters<typeof createHttp2Server>[1] & Parameters<typeof createHttpServer>[1]) {
  const http1 = createHttpServer(
    {
      maxHeaderSize: MAX_METADATA_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: IDLE_HTTP1_TIMEOUT_MS,
      connectionsCheckingInterval: 1_000,
    },
    handle,
  );
  // Node looks for connections that take too long only on a server that listens.
  http1.emit('listening');
  // Sessions are bounded by their streams and the size of messages; Node's own bound of 10 MB would break large answers.
  const http2 = createHttp2Server({ settings: { maxConcurrentStreams: MAX_STREAMS_PER_CONNECTION }, maxSessionMemory: Number.MAX_SAFE_INTEGER }, handle);
  const sessions = keepHttp2Sessions(http2);
  return {
    serve: (socket: Socket) =>
      tellProtocol(socket, (isHttp2) => {
        socket.allowHalfOpen = !isHttp2;
        (isHttp2 ? http2 : http1).emit('connection', socket);
      }),
    close: async (graceMs: number) => {
      http1.close();
      http1.closeIdleConnections();
      await Promise.all([...sessions].map((session) => closeSession(session, graceMs)));
    },
  };
}

function closeSession(session: ServerHttp2Session, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => session.destroy(), graceMs);
    session.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    if (session.destroyed) session.emit('close');
    else session.close();
  });
}
