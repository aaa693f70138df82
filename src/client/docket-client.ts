import type { SecureClientSessionOptions } from 'node:http2';
import { createConnectTransport, createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import type { CallingOptions } from './calling.ts';
import { type DocketServices, docketServicesOver } from './over-transport.ts';

/** How to reach a service, and how calls are made. */
export interface DocketClientOptions extends CallingOptions {
  /** Such as `http://127.0.0.1:50051`, or `https://…` for TLS: of either RPC port for gRPC, of the Connect port for Connect. */
  readonly baseUrl: string;
  /** Default `grpc`. Both go over HTTP/2. */
  readonly protocol?: 'grpc' | 'connect';
  /** Of a connection by TLS, as `node:http2` takes them: `ca`, whom to trust where that is no public authority; `cert` and `key`, who one is where the service asks for it. */
  readonly tls?: SecureClientSessionOptions;
}

/** All services of a Docket, over one connection that is made when it is needed, and again when it broke. */
export interface DocketClient extends DocketServices {
  /** Closes the connection; calls under way fail. */
  close(): void;
}

/** A silent connection with calls under way is asked whether it lives this often … */
const PING_INTERVAL_MS = 30_000;

/** … and given up when no answer comes for so long. */
const PING_TIMEOUT_MS = 10_000;

/**
 * A client of a running service, for Node. A call fails with a `ConnectError`: `reasonOf` and its neighbours read what the service says about
 * it. Calls that failed for the moment (UNAVAILABLE; RESOURCE_EXHAUSTED and ABORTED where the service asks to come back; a connection that
 * broke) are repeated within their time, after the delay that the service asks for. A change is repeated under the same request id, so it
 * takes effect once. Streams are not repeated.
 */
export function createDocketClient(options: DocketClientOptions): DocketClient {
  const { baseUrl, protocol = 'grpc', tls } = options;
  const pings = { pingIntervalMs: PING_INTERVAL_MS, pingTimeoutMs: PING_TIMEOUT_MS };
  const sessions = new Http2SessionManager(baseUrl, pings, tls);
  const inner =
    protocol === 'grpc'
      ? createGrpcTransport({ baseUrl, sessionManager: sessions })
      : createConnectTransport({ baseUrl, httpVersion: '2', sessionManager: sessions });
  return { ...docketServicesOver(inner, options), close: () => sessions.abort() };
}
