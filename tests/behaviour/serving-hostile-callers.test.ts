import { randomBytes } from 'node:crypto';
import { connect as connectHttp2, constants } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { GetTicketRequestSchema, TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { callGrpc, callGrpcBytes, detailsOf, failureOf, grpcChannel, pathOf } from '../support/edge/clients.ts';
import { startTestEdge, type TestEdge, tokenOf } from '../support/edge/index.ts';
import { openStream, sendBytes } from '../support/edge/raw.ts';

const token = tokenOf('service');
const { createTicket, getTicket } = TicketService.method;
const groupId = '0190b6a5-1111-7000-8000-000000000001';

let edge: TestEdge;
beforeAll(async () => {
  edge = await startTestEdge({ tickets: { createTicket: async () => ({}), getTicket: async () => ({ ticket: { title: 'fine' } }) } });
});
afterAll(() => edge.close());

// Whatever was sent: both ports serve on, and nothing counts as a fault of ours.
afterEach(async () => {
  const channel = grpcChannel(edge.grpcAddress);
  expect((await callGrpc(channel, getTicket, { ticketId: 'KYC-1' }, { token })).ticket?.title).toBe('fine');
  channel.close();
  expect((await fetch(`${edge.url}/healthz`)).status).toBe(200);
  expect(edge.lines.filter(({ code }) => code === 'INTERNAL' || code === 'UNKNOWN')).toEqual([]);
});

describe('bytes that are no protocol', () => {
  const ports = [
    ['gRPC', () => edge.grpcPort],
    ['Connect', () => edge.connectPort],
  ] as const;
  const pieces = [
    ['random bytes', randomBytes(5_000)],
    ['zeros', Buffer.alloc(5_000)],
    ['the start of a TLS handshake', Buffer.from('16030100a5010000a10303', 'hex')],
    ['half an HTTP/2 preface and garbage', Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\n'), randomBytes(100)])],
    ['an HTTP/2 preface and garbage', Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), randomBytes(1_000)])],
    [
      'a frame longer than it may be',
      Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from('ffffff0400000000ff', 'hex'), Buffer.alloc(100)]),
    ],
  ] as const;

  it.each(ports.flatMap(([port, number]) => pieces.map(([name, bytes]) => [name, port, number, bytes] as const)))(
    'it survives %s on the %s port',
    async (_name, _port, number, bytes) => {
      await sendBytes(number(), bytes, { untilMs: 300 });
    },
  );

  it.each([
    'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n bad\r\n\r\n',
    'GARBAGE\r\n\r\n',
    'POST /x HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ])('it answers 400 to broken HTTP/1.1: %j', async (text) => {
    expect((await sendBytes(edge.connectPort, text)).text).toMatch(/^HTTP\/1\.1 400/);
  });

  it('it answers HTTP/1.0 without a host', async () => {
    const { text } = await sendBytes(edge.connectPort, `POST ${pathOf(getTicket)} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`);
    expect(text).toMatch(/^HTTP\/1\.1 400/);
  });

  it('it hears a request out that comes byte by byte, by either version of HTTP', async () => {
    const answer = await sendBytes(edge.connectPort, 'P', { untilMs: 200 });
    expect(answer.closed).toBe(false);
  });

  it('it answers a caller who ends his side at once', async () => {
    const { text } = await sendBytes(edge.connectPort, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n', { end: true });
    expect(text).toMatch(/^HTTP\/1\.1 200[\s\S]*ok\n/);
  });

  it('it hangs up on headers that never end, on a first letter and no more, and on nothing at all', async () => {
    const beginnings = ['GET /healthz HTTP/1.1\r\nHost: x\r\n', 'P', ''];
    const ends = await Promise.all(beginnings.map((text) => sendBytes(edge.connectPort, text, { untilMs: 14_000 })));
    expect(ends.map(({ closed }) => closed)).toEqual([true, true, true]);
  }, 20_000);
});

describe('requests that are none', () => {
  it('it names INVALID_ARGUMENT for any bytes that are no message, by gRPC', async () => {
    const channel = grpcChannel(edge.grpcAddress);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const outcome = await callGrpcBytes(channel, pathOf(createTicket), bytes, { token }).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (outcome === undefined) return;
        expect((outcome as { code: number }).code).toBe(status.INVALID_ARGUMENT);
        expect(['REQUEST_MALFORMED', 'INVALID_FIELD']).toContain(detailsOf(outcome).reason);
      }),
      { numRuns: 200 },
    );
    channel.close();
  });

  it('it names INVALID_ARGUMENT for any JSON that is no message', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), fc.string()), async (body) => {
        const response = await fetch(edge.url + pathOf(createTicket), {
          method: 'POST',
          headers: { authorization: token, 'content-type': 'application/json' },
          body,
        });
        expect(response.status).toBe(400);
        const { code, details } = (await response.json()) as { code: string; details: { debug: { reason: string } }[] };
        expect(code).toBe('invalid_argument');
        expect(['REQUEST_MALFORMED', 'INVALID_FIELD']).toContain(details[0]?.debug.reason);
      }),
      { numRuns: 150 },
    );
  });

  it('it survives JSON that is nested a hundred thousand deep', async () => {
    const attributes = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
    const response = await fetch(edge.url + pathOf(createTicket), {
      method: 'POST',
      headers: { authorization: token, 'content-type': 'application/json' },
      body: `{"groupId":"${groupId}","userId":"1","attributes":${attributes}}`,
    });
    expect(response.status).toBe(400);
  });

  it('it survives a message that is nested a hundred thousand deep', async () => {
    let value = Buffer.from([0x1a, 0x00]);
    const layers: Buffer[] = [];
    for (let depth = 0; depth < 20_000; depth += 1) {
      const header = Buffer.concat([Buffer.from([0x32]), varint(value.length + layers.reduce((sum, layer) => sum + layer.length, 0))]);
      layers.unshift(header);
      if (layers.length > 400) {
        value = Buffer.concat([...layers, value]);
        layers.length = 0;
      }
    }
    const channel = grpcChannel(edge.grpcAddress);
    const error = await failureOf(callGrpcBytes(channel, pathOf(createTicket), Buffer.concat([...layers, value]), { token }));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    channel.close();
  });

  it.each([
    ['no message', Buffer.alloc(0), '3'],
    ['half a message', Buffer.from([0, 0, 0, 0, 9, 1]), '3'],
    ['two messages', Buffer.concat([envelope(Buffer.alloc(0)), envelope(Buffer.alloc(0))]), '3'],
    ['a message that says it is 4 GiB long', Buffer.from([0, 0xff, 0xff, 0xff, 0xff]), '8'],
    ['a message marked as compressed that is not', Buffer.concat([Buffer.from([1]), envelope(Buffer.from('plain')).subarray(1)]), '3'],
  ])('it says what is wrong with %s, by gRPC on both ports', async (_name, bytes, code) => {
    for (const port of [edge.grpcPort, edge.connectPort]) {
      const stream = await openStream(port, pathOf(getTicket), {
        'content-type': 'application/grpc',
        te: 'trailers',
        authorization: token,
        'grpc-encoding': 'gzip',
      });
      stream.end(bytes);
      expect((await stream.answer).trailers['grpc-status']).toBe(code);
    }
  });

  it('it says UNIMPLEMENTED of a compression that it does not know, by gRPC on both ports', async () => {
    for (const port of [edge.grpcPort, edge.connectPort]) {
      const stream = await openStream(port, pathOf(getTicket), {
        'content-type': 'application/grpc',
        te: 'trailers',
        authorization: token,
        'grpc-encoding': 'zstd',
      });
      stream.end(Buffer.concat([Buffer.from([1]), envelope(Buffer.from('x')).subarray(1)]));
      expect((await stream.answer).trailers['grpc-status']).toBe('12');
    }
  });

  it.each(['/', '/ticketing.v1.TicketService/NoSuchThing', '/ticketing.v1.TicketService/GetTicket/', '/%00%ff', `/${'x'.repeat(3_000)}`, '/ü'])(
    'it says UNIMPLEMENTED of a method that is not there: %s',
    async (path) => {
      for (const port of [edge.grpcPort, edge.connectPort]) {
        const stream = await openStream(port, Buffer.from(path).toString('latin1'), {
          'content-type': 'application/grpc',
          te: 'trailers',
          authorization: token,
        });
        stream.end(envelope(Buffer.alloc(0)));
        expect((await stream.answer).trailers['grpc-status']).toBe('12');
      }
    },
  );

  it('it answers 415 to what is no gRPC on the gRPC port', async () => {
    const stream = await openStream(edge.grpcPort, pathOf(getTicket), { 'content-type': 'application/json', authorization: token });
    stream.end(Buffer.from('{}'));
    expect((await stream.answer).status).toBe(415);
  });

  it('it takes odd metadata for what it is', async () => {
    for (const port of [edge.grpcPort, edge.connectPort]) {
      const stream = await openStream(port, pathOf(getTicket), {
        'content-type': 'application/grpc',
        te: 'trailers',
        authorization: 'Bearer \u00ff\u0080',
        'x-bin': '%%%',
        'grpc-timeout': '1S',
        'docket-head': 'oversize',
      });
      stream.end(envelope(toBinary(GetTicketRequestSchema, create(GetTicketRequestSchema, { ticketId: 'KYC-1' }))));
      expect((await stream.answer).trailers['grpc-status']).toBe('16');
    }
  });
});

describe('callers without manners', () => {
  it('it survives streams that are opened and reset by the thousand', async () => {
    for (const port of [edge.grpcPort, edge.connectPort]) {
      const session = connectHttp2(`http://127.0.0.1:${port}`);
      session.on('error', () => {});
      for (let count = 0; count < 2_000 && !session.destroyed; count += 1) {
        const stream = session.request({ ':method': 'POST', ':path': pathOf(getTicket), 'content-type': 'application/grpc', authorization: token });
        stream.on('error', () => {});
        stream.close(constants.NGHTTP2_CANCEL);
      }
      await new Promise<void>((resolve) => session.close(resolve));
    }
  });

  it('it survives connections that are dropped in the middle of calls', async () => {
    for (const port of [edge.grpcPort, edge.connectPort]) {
      for (let count = 0; count < 50; count += 1) {
        const stream = await openStream(port, pathOf(getTicket), { 'content-type': 'application/grpc', te: 'trailers', authorization: token });
        stream.write(Buffer.from([0, 0, 0, 0, 50, 1, 2, 3]));
        stream.close();
      }
    }
  });
});

function envelope(bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([header, bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}
