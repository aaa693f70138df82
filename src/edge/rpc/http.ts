import { cors } from '@connectrpc/connect';
import type { Writes } from '../../foundation/database/writes.ts';
import type { ConnectHandler } from './connect.ts';
import type { Drain } from './drain.ts';
import { PREFLIGHT_CACHE_SECONDS, READINESS_TIMEOUT_MS } from './limits.ts';
import { type HttpRequest, type HttpResponse, reply, replyError } from './reply.ts';

/** What plain HTTP on the Connect port stands on. */
export interface HttpDeps {
  readonly rpc: ConnectHandler;
  readonly drain: Drain;
  /** Resolves when the database answers. */
  readonly readiness: () => Promise<unknown>;
  readonly writes: Pick<Writes, 'closed'>;
  /** Origins whose pages may call, such as `https://desk.example.org`; `*` stands for all. */
  readonly corsOrigins: readonly string[];
}

/**
 * Everything that the Connect port answers: RPCs, `/healthz` (the process lives), `/readyz` (it can serve:
 * not stopping, and the database answers), and browsers' questions about who may call from where.
 */
export function makeHttpHandler(deps: HttpDeps): (request: HttpRequest, response: HttpResponse) => void {
  return (request, response) => {
    const isAllowed = allowOrigin(deps.corsOrigins, request, response);
    if (request.method === 'OPTIONS' && request.headers['access-control-request-method']) return answerPreflight(isAllowed, response);
    if (deps.rpc(request, response)) return;
    const path = request.url?.split('?', 1)[0];
    if (path === '/healthz') return answerText(request, response, 200, 'ok');
    if (path === '/readyz') return void answerReadiness(deps, request, response);
    answerUnknown(request, response, path ?? '');
  };
}

/** Requests carry a token in a header and no cookies, so `*` gives nothing away. */
function allowOrigin(origins: readonly string[], request: HttpRequest, response: HttpResponse): boolean {
  const { origin } = request.headers;
  if (origin === undefined || origins.length === 0) return false;
  response.setHeader('vary', 'origin');
  if (!origins.includes('*') && !origins.includes(origin)) return false;
  response.setHeader('access-control-allow-origin', origins.includes('*') ? '*' : origin);
  response.setHeader('access-control-expose-headers', cors.exposedHeaders.join(', '));
  return true;
}

function answerPreflight(isAllowed: boolean, response: HttpResponse): void {
  if (!isAllowed) return reply(response, 403);
  reply(response, 204, {
    'access-control-allow-methods': cors.allowedMethods.join(', '),
    'access-control-allow-headers': [...cors.allowedHeaders, 'Authorization'].join(', '),
    'access-control-max-age': String(PREFLIGHT_CACHE_SECONDS),
  });
}

async function answerReadiness(deps: HttpDeps, request: HttpRequest, response: HttpResponse): Promise<void> {
  if (deps.drain.draining) return answerText(request, response, 503, 'stopping');
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new Error('too slow')), READINESS_TIMEOUT_MS);
  try {
    await Promise.race([deps.readiness(), timeout.promise]);
    answerText(request, response, 200, deps.writes.closed === undefined ? 'ready' : 'ready, read-only');
  } catch {
    answerText(request, response, 503, 'the database does not answer');
  } finally {
    clearTimeout(timer);
  }
}

function answerText(request: HttpRequest, response: HttpResponse, status: number, text: string): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') return reply(response, 405, { allow: 'GET, HEAD' });
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };
  reply(response, status, headers, request.method === 'HEAD' ? '' : `${text}\n`);
}

/** gRPC clients want a gRPC status; all others get what the Connect protocol says of unknown methods. */
function answerUnknown(request: HttpRequest, response: HttpResponse, path: string): void {
  const contentType = request.headers['content-type'] ?? '';
  if (contentType.startsWith('application/grpc')) {
    return reply(response, 200, { 'content-type': contentType, 'grpc-status': '12', 'grpc-message': 'no such method' });
  }
  replyError(response, 404, `there is nothing at ${path.slice(0, 200)}`);
}
