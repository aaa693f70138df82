import { type ClientHttp2Stream, connect } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';

/** What came back on a stream: headers and trailers together. */
export interface RawAnswer {
  readonly status: number;
  readonly trailers: Record<string, string | undefined>;
  readonly body: Buffer;
}

/** One HTTP/2 request of which the test sends every byte itself. */
export interface RawStream {
  write(bytes: Uint8Array): void;
  end(bytes?: Uint8Array): void;
  close(): void;
  readonly answer: Promise<RawAnswer>;
}

/** Opens an HTTP/2 connection to a port of this machine and starts one request on it. */
export async function openStream(port: number, path: string, headers: Record<string, string>): Promise<RawStream> {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  const stream = session.request({ ':method': 'POST', ':path': path, ...headers });
  const answer = answerOf(stream).finally(() => session.destroy());
  answer.catch(() => {});
  return {
    write: (bytes) => void stream.write(bytes),
    end: (bytes) => void (bytes ? stream.end(bytes) : stream.end()),
    close: () => session.destroy(),
    answer,
  };
}

function answerOf(stream: ClientHttp2Stream): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let found: Record<string, unknown> = {};
    const chunks: Buffer[] = [];
    const settle = () => resolve({ status: Number(found[':status']), trailers: found as Record<string, string>, body: Buffer.concat(chunks) });
    stream.on('response', (headers) => {
      found = { ...found, ...headers };
    });
    stream.on('trailers', (headers) => {
      found = { ...found, ...headers };
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', settle);
    stream.on('error', reject);
    stream.on('close', () => (found[':status'] === undefined ? reject(new Error(`closed without an answer: ${stream.rstCode}`)) : settle()));
  });
}

/** Sends bytes over TCP and gives what comes back until the server closes or `untilMs` have passed. */
export function sendBytes(
  port: number,
  bytes: Uint8Array | string,
  options: { readonly untilMs?: number; readonly end?: boolean } = {},
): Promise<{ text: string; closed: boolean }> {
  return new Promise((resolve) => {
    const socket: Socket = connectTcp(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    const done = (closed: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text: Buffer.concat(chunks).toString('latin1'), closed });
    };
    const timer = setTimeout(() => done(false), options.untilMs ?? 2_000);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => done(true));
    socket.on('connect', () => (options.end ? socket.end(bytes) : socket.write(bytes)));
  });
}
