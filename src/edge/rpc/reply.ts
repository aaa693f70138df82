import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';

/** A request as Node has it, by HTTP/1.1 or HTTP/2. */
export type HttpRequest = IncomingMessage | Http2ServerRequest;
/** An answer as Node has it, by HTTP/1.1 or HTTP/2. */
export type HttpResponse = ServerResponse | Http2ServerResponse;

/** Answers a plain HTTP request whole. */
export function reply(response: HttpResponse, status: number, headers: Readonly<Record<string, string>> = {}, body = ''): void {
  // Both kinds take this form; only their types do not agree.
  const plain = response as ServerResponse;
  plain.writeHead(status, headers);
  plain.end(body);
}

/** Answers with an error as the Connect protocol writes it. */
export function replyError(response: HttpResponse, status: number, message: string): void {
  reply(response, status, { 'content-type': 'application/json' }, JSON.stringify({ code: 'unimplemented', message }));
}
