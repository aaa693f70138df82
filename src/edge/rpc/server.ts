import { createServer as createHttpServer } from 'node:http';
import type { Socket } from 'node:net';
import type { MikroORM } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import type { CommandQueue } from '../../foundation/commands/queue.ts';
import type { Writes } from '../../foundation/database/writes.ts';
import type { Metrics } from '../../foundation/metrics.ts';
import type { Tracing } from '../../foundation/tracing.ts';
import type { Interceptor } from './call.ts';
import { makeConnectHandler } from './connect.ts';
import { Drain } from './drain.ts';
import { endpointsOf, type Route } from './endpoints.ts';
import { type GrpcTransport, makeGrpcTransport } from './grpc.ts';
import { healthRoute } from './health.ts';
import { makeHttpHandler } from './http.ts';
import { makeServe } from './interceptors/index.ts';
import { makeLimit } from './interceptors/limit.ts';
import { CLOSE_MS, DRAIN_MS, HEADERS_TIMEOUT_MS, REQUEST_TIMEOUT_MS } from './limits.ts';
import { type Listener, listen } from './listen.ts';
import type { Rate } from './rate-limit.ts';
import { reflectionRoutes } from './reflection.ts';
import type { Secure } from './secure.ts';
import { makeWeb } from './web.ts';

/** What the server stands on. */
export interface ServerDeps {
  /** Our own services; health and reflection are added. */
  readonly routes: readonly Route[];
  readonly orm: Pick<MikroORM, 'em'>;
  readonly queue: CommandQueue;
  readonly authenticate: Interceptor;
  /** Notes the changes that were refused. */
  readonly refusals: Interceptor;
  /** Resolves when the database answers; asked at each `/readyz`. */
  readonly readiness: () => Promise<unknown>;
  /** Undefined: no traces are made. */
  readonly tracing: Tracing | undefined;
  /** Whether changes may be made. */
  readonly writes: Pick<Writes, 'closed'>;
  /** TLS on both RPC ports; undefined: none. The server stops it at its end. */
  readonly secure: Secure | undefined;
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
  /** Calls that one caller may make; undefined: any number. */
  readonly rate: Rate | undefined;
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
  const serve = makeServe(endpoints, { ...deps, drain, limit: config.rate && makeLimit(config.rate, deps.metrics) });
  const grpc = makeGrpcTransport(endpoints, serve, config);
  const web = makeWeb(makeHttpHandler({ ...deps, ...config, drain, rpc: makeConnectHandler(endpoints, serve, { ...config, log }) }));
  const scrapes = createHttpServer({ headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS }, deps.metrics.answerScrape);
  scrapes.emit('listening');

  const listeners: Listener[] = [];
  try {
    const on = async (name: string, host: string, port: number, take: (socket: Socket) => void, own = false) => {
      const listener = await listen({ name, host, port, own, log }, take);
      listeners.push(listener);
      return listener.port;
    };
    const grpcPort = await on('gRPC', config.host, config.grpcPort, takeGrpc(deps.secure, grpc));
    const connectPort = await on('Connect', config.host, config.connectPort, deps.secure?.over(['h2', 'http/1.1'], web.serveSecure) ?? web.serve);
    const metricsPort = await on('metrics', config.metricsHost, config.metricsPort, (socket) => scrapes.emit('connection', socket), true);
    log.info({ grpc_port: grpcPort, connect_port: connectPort, metrics_port: metricsPort, host: config.host, tls: deps.secure !== undefined }, 'serving');

    let closed: Promise<void> | undefined;
    const close = async () => {
      log.info({ calls_in_flight: drain.inFlight }, 'stopping');
      for (const listener of listeners) listener.stop();
      await drain.begin(DRAIN_MS);
      drain.cancelAll();
      await Promise.all([grpc.close(CLOSE_MS), web.close(CLOSE_MS)]);
      for (const listener of listeners) await listener.close();
      deps.secure?.stop();
      scrapes.close();
      log.info('stopped');
    };
    return { grpcPort, connectPort, metricsPort, close: () => (closed ??= close()) };
  } catch (cause) {
    deps.secure?.stop();
    for (const listener of listeners) await listener.close();
    throw cause;
  }
}

/** gRPC knows no other protocol than HTTP/2: under TLS, whoever did not agree on it is turned away. */
function takeGrpc(secure: Secure | undefined, grpc: GrpcTransport): (socket: Socket) => void {
  const serve = (socket: Socket) => {
    socket.allowHalfOpen = false;
    grpc.serve(socket);
  };
  return secure?.over(['h2'], (socket) => (socket.alpnProtocol === 'h2' ? serve(socket) : socket.destroy())) ?? serve;
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
