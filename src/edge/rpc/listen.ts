import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Logger } from 'pino';
import { HEADERS_TIMEOUT_MS, MAX_CONNECTIONS } from './limits.ts';

/** A port that takes connections. */
export interface Listener {
  /** The port number, also where 0 was asked for. */
  readonly port: number;
  /** Takes no more connections; the ones there are stay. */
  stop(): void;
  /** Cuts off every connection that is still open, and resolves when all are gone. */
  close(): Promise<void>;
}

/** Which port to take. */
export interface ListenAt {
  readonly host: string;
  readonly port: number;
  /** What it is for, in messages. */
  readonly name: string;
  /** Whether this process has it to itself; otherwise all workers of a service take turns with its connections. */
  readonly own?: boolean;
  readonly log: Logger;
}

/**
 * Takes connections on a port and hands each one on.
 * @throws Error naming host and port when they cannot be had.
 */
export async function listen(at: ListenAt, onConnection: (socket: Socket) => void): Promise<Listener> {
  const sockets = new Set<Socket>();
  // As for Node's own HTTP server: who has said everything can still hear the answer.
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('drop', () => at.log.warn({ port: at.name }, `more than ${MAX_CONNECTIONS} connections: one was refused`));
  await bound(server, at);
  server.on('error', (err) => at.log.error({ err, port: at.name }, 'trouble with a listening port'));
  const stop = () => void server.close();
  return {
    port: (server.address() as AddressInfo).port,
    stop,
    close: () =>
      new Promise<void>((resolve) => {
        if (server.listening) stop();
        if (sockets.size === 0) return resolve();
        for (const socket of sockets) {
          socket.on('close', () => sockets.size === 0 && resolve());
          socket.destroy();
        }
      }),
  };
}

function bound(server: Server, at: ListenAt): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'another program is using it' : cause.message;
      reject(new Error(`cannot listen for ${at.name} on ${at.host}:${at.port}: ${why}`, { cause }));
    });
    // Node's own backlog of 511 loses connections when many clients come at once.
    server.listen({ port: at.port, host: at.host, backlog: MAX_CONNECTIONS, exclusive: at.own ?? false }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

/** How every HTTP/2 connection starts; no HTTP/1.1 method begins with these letters. */
const http2Start = Buffer.from('PRI');

/**
 * Looks at the first bytes of a connection, puts them back, and says whether it speaks HTTP/2. One that says
 * nothing for `HEADERS_TIMEOUT_MS` is closed.
 */
export function tellProtocol(socket: Socket, onKnown: (isHttp2: boolean) => void): void {
  let start: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), HEADERS_TIMEOUT_MS);
  const stop = () => {
    clearTimeout(timer);
    socket.off('readable', look);
    socket.off('end', giveUp);
    socket.off('close', stop);
  };
  const giveUp = () => socket.destroy();
  const look = () => {
    for (let chunk: Buffer | null = socket.read(); chunk; chunk = socket.read()) start = Buffer.concat([start, chunk]);
    if (start.length === 0) return;
    const isStart = start.subarray(0, http2Start.length).equals(http2Start.subarray(0, start.length));
    if (isStart && start.length < http2Start.length) return;
    stop();
    socket.unshift(start);
    onKnown(isStart);
  };
  socket.on('readable', look);
  socket.on('end', giveUp);
  socket.on('close', stop);
}
