import { createServer as createHttp1Server } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { HEADERS_TIMEOUT_MS, IDLE_HTTP1_TIMEOUT_MS, MAX_METADATA_BYTES, MAX_METADATA_PAIRS, MAX_STREAMS_PER_CONNECTION, REQUEST_TIMEOUT_MS } from './limits.ts';
import { tellProtocol } from './listen.ts';
import type { HttpRequest, HttpResponse } from './reply.ts';
import { closeSessions, keepAlive, trackSessions } from './sessions.ts';
import { keepStreamsInArrays } from './stream-table.ts';

/** HTTP/1.1 and HTTP/2 on connections that somebody else has accepted. */
export interface Web {
  /** Serves a connection by the protocol that its first bytes speak. */
  serve(socket: Socket): void;
  /** Serves one by the protocol that was agreed on under TLS; by HTTP/1.1 if none was. */
  serveSecure(socket: TLSSocket): void;
  /** Lets answers be sent and clients go elsewhere; resolves when all are gone, at the latest after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** Serves requests of both versions of HTTP by one handler. */
export function makeWeb(handle: (request: HttpRequest, response: HttpResponse) => void): Web {
  const open = new Set<HttpResponse>();
  const answer = (request: HttpRequest, response: HttpResponse) => {
    open.add(response);
    response.once('close', () => open.delete(response));
    handle(request, response);
  };
  const http1 = createHttp1Server(
    {
      maxHeaderSize: MAX_METADATA_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: IDLE_HTTP1_TIMEOUT_MS,
      connectionsCheckingInterval: 1_000,
    },
    answer,
  );
  // Node looks for connections that take too long only on a server that listens.
  http1.emit('listening');
  // Sessions are bounded by their streams and the size of messages; Node's own bound of 10 MB would break large answers.
  const settings = { maxConcurrentStreams: MAX_STREAMS_PER_CONNECTION };
  const http2 = createHttp2Server({ settings, maxHeaderListPairs: MAX_METADATA_PAIRS, maxSessionMemory: Number.MAX_SAFE_INTEGER }, answer);
  keepStreamsInArrays(http2);
  const sessions = trackSessions(http2);
  keepAlive(http2);
  const serve = (socket: Socket, isHttp2: boolean) => {
    socket.allowHalfOpen = !isHttp2;
    (isHttp2 ? http2 : http1).emit('connection', socket);
  };
  return {
    serve: (socket) => tellProtocol(socket, (isHttp2) => serve(socket, isHttp2)),
    serveSecure: (socket) => serve(socket, socket.alpnProtocol === 'h2'),
    close: async (graceMs) => {
      http1.close();
      http1.closeIdleConnections();
      await Promise.all([closeSessions(sessions, graceMs), allSent(open, graceMs)]);
    },
  };
}

function allSent(open: ReadonlySet<HttpResponse>, graceMs: number): Promise<void> {
  if (open.size === 0) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, graceMs);
    for (const response of open) {
      response.once('close', () => {
        if (open.size > 0) return;
        clearTimeout(timer);
        resolve();
      });
    }
  });
}
