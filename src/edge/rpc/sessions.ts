import type { Http2Server, ServerHttp2Session } from 'node:http2';
import { IDLE_HTTP2_TIMEOUT_MS, KEEPALIVE_INTERVAL_MS, KEEPALIVE_TIMEOUT_MS } from './limits.ts';

/** The open connections of an HTTP/2 server, kept up to date. */
export function trackSessions(server: Http2Server): ReadonlySet<ServerHttp2Session> {
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });
  return sessions;
}

/** Tells clients to go elsewhere and lets open calls end; resolves when all are gone, at the latest after `graceMs`. */
export async function closeSessions(sessions: Iterable<ServerHttp2Session>, graceMs: number): Promise<void> {
  await Promise.all([...sessions].map((session) => closeSession(session, graceMs)));
}

function closeSession(session: ServerHttp2Session, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    // A client need not close its half.
    const timer = setTimeout(resolve, graceMs);
    session.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    session.close();
  });
}

/**
 * Pings the connections of an HTTP/2 server, drops those whose other end is gone, and asks those without
 * calls to leave after a while.
 */
export function keepAlive(server: Http2Server): void {
  server.on('session', (session) => {
    const stop = keep(session);
    session.on('error', () => session.destroy());
    session.on('close', stop);
  });
}

function keep(session: ServerHttp2Session): () => void {
  let streams = 0;
  let idleSinceMs = performance.now();
  session.on('stream', (stream) => {
    streams += 1;
    stream.on('close', () => {
      streams -= 1;
      idleSinceMs = performance.now();
    });
  });
  let unanswered: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    if (streams === 0 && performance.now() - idleSinceMs > IDLE_HTTP2_TIMEOUT_MS) return session.close();
    unanswered ??= setTimeout(() => session.destroy(), KEEPALIVE_TIMEOUT_MS).unref();
    session.ping(() => {
      clearTimeout(unanswered);
      unanswered = undefined;
    });
  };
  const interval = setInterval(() => session.destroyed || look(), KEEPALIVE_INTERVAL_MS).unref();
  return () => {
    clearInterval(interval);
    clearTimeout(unanswered);
  };
}
