import { connect, constants } from 'node:http2';
import { Client, credentials, Metadata } from '@grpc/grpc-js';

/** How calls are made: by grpc-js as any Node program makes them, or by the least that gRPC asks for over HTTP/2. */
export type ClientKind = 'grpc-js' | 'http2';

/** Unary gRPC calls to one address over one connection. */
export interface Channel {
  /** Resolves with the answer's bytes; rejects with the status when it is not OK, or when there is no message. */
  unary(path: string, request: Buffer): Promise<Buffer>;
  close(): void;
}

const PREFIX_BYTES = 5;
const asIs = (bytes: Buffer): Buffer => bytes;

/** Opens a channel to a port of this machine, with a token to show on every call if there is one. */
export function openChannel(kind: ClientKind, port: number, token: string | undefined): Channel {
  return kind === 'grpc-js' ? openGrpcJs(port, token) : openHttp2(port, token);
}

function openGrpcJs(port: number, token: string | undefined): Channel {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.enable_retries': 0, 'grpc.use_local_subchannel_pool': 1 });
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  return {
    unary: (path, request) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(path, asIs, asIs, request, metadata, {}, (error, answer) => {
          if (error) reject(error);
          else resolve(answer as Buffer);
        });
      }),
    close: () => client.close(),
  };
}

function openHttp2(port: number, token: string | undefined): Channel {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  const base = {
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
    [constants.HTTP2_HEADER_TE]: 'trailers',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const unary = (path: string, request: Buffer): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ...base, [constants.HTTP2_HEADER_PATH]: path });
      const chunks: Buffer[] = [];
      let status: string | undefined;
      // Without a body the status comes in the headers already, else in the trailers.
      const hear = (headers: Record<string, unknown>): void => {
        if (headers['grpc-status'] !== undefined) status = `${headers['grpc-status']} ${headers['grpc-message'] ?? ''}`;
      };
      stream.on('response', hear);
      stream.on('trailers', hear);
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', reject);
      stream.on('end', () => {
        const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
        if (!status?.startsWith('0 ')) reject(new Error(`gRPC status ${status ?? 'missing'}`));
        else if (body.length < PREFIX_BYTES || body.readUInt32BE(1) !== body.length - PREFIX_BYTES)
          reject(new Error(`an answer of ${body.length} bytes is no whole message`));
        else resolve(body.subarray(PREFIX_BYTES));
      });
      const frame = Buffer.allocUnsafe(PREFIX_BYTES + request.length);
      frame[0] = 0;
      frame.writeUInt32BE(request.length, 1);
      request.copy(frame, PREFIX_BYTES);
      stream.end(frame);
    });
  return { unary, close: () => session.close() };
}
