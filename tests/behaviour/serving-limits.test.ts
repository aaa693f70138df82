import { gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { CreateTicketRequestSchema, TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { MAX_MESSAGE_BYTES, MAX_METADATA_BYTES } from '../../src/edge/rpc/limits.ts';
import { DomainError, InvalidField } from '../../src/foundation/errors.ts';
import { callGrpc, callGrpcBytes, connectClient, detailsOf, failureOf, grpcChannel, pathOf } from '../support/edge/clients.ts';
import { startTestEdge, type TestEdge, tokenOf } from '../support/edge/index.ts';
import { openStream } from '../support/edge/raw.ts';

const token = tokenOf('service');
const groupId = '0190b6a5-1111-7000-8000-000000000001';
const { createTicket, getTicket } = TicketService.method;

let edge: TestEdge;
let handled = 0;

beforeAll(async () => {
  edge = await startTestEdge({
    tickets: {
      async createTicket(request) {
        handled += 1;
        return { ticket: { title: request.title } };
      },
      async getTicket({ ticketId }, ctx) {
        if (ticketId === 'KYC-1') throw new InvalidField('ticket_id', `odd \ud800 text ${'x'.repeat(10_000)}`);
        if (ticketId === 'KYC-2')
          throw new DomainError('invalid_argument', 'INVALID_FIELD', 'many', {
            violations: Array.from({ length: 1000 }, (_, at) => ({ field: `f[${at}]`, description: 'bad '.repeat(100) })),
          });
        if (ticketId === 'KYC-3') throw new Error('SELECT secret FROM hidden');
        await new Promise((_, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)));
        return {};
      },
    },
  });
});
afterAll(() => edge.close());

const json = (method: string, body: BodyInit, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${edge.url}/ticketing.v1.TicketService/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: token, ...headers },
    body,
  });

describe('messages', () => {
  const oversized = toBinary(CreateTicketRequestSchema, create(CreateTicketRequestSchema, { groupId, description: 'x'.repeat(MAX_MESSAGE_BYTES) }));

  it('it refuses one larger than 4 MiB by gRPC with RESOURCE_EXHAUSTED, and serves on', async () => {
    const channel = grpcChannel(edge.grpcAddress);
    const error = await failureOf(callGrpcBytes(channel, pathOf(createTicket), oversized, { token }));
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(detailsOf(error)).toMatchObject({ reason: 'MESSAGE_TOO_LARGE', domain: 'docket', facts: { max_bytes: String(MAX_MESSAGE_BYTES) } });
    expect((await callGrpc(channel, createTicket, { groupId, userId: 1n, title: 'still there' }, { token })).ticket?.title).toBe('still there');
    channel.close();
  });

  it.each(['connect', 'grpc', 'grpc-web'] as const)('it refuses one larger than 4 MiB by %s on the Connect port', async (protocol) => {
    const client = connectClient(edge.url, protocol);
    const error = ConnectError.from(
      await failureOf(client.createTicket({ groupId, description: 'x'.repeat(MAX_MESSAGE_BYTES) }, { headers: { authorization: token } })),
    );
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(error.findDetails(ErrorInfoSchema)[0]?.reason).toBe('MESSAGE_TOO_LARGE');
  });

  it('it refuses JSON larger than 4 MiB', async () => {
    const response = await json('CreateTicket', JSON.stringify({ groupId, description: 'x'.repeat(MAX_MESSAGE_BYTES) }));
    expect(response.status).toBe(429);
    expect(await response.json()).toMatchObject({ code: 'resource_exhausted', details: [{ debug: { reason: 'MESSAGE_TOO_LARGE' } }] });
  });

  it.each([
    ['Connect', '/ticketing.v1.TicketService/CreateTicket', { 'content-type': 'application/json', 'content-encoding': 'gzip' }, false],
    ['gRPC', pathOf(createTicket), { 'content-type': 'application/grpc', 'grpc-encoding': 'gzip', te: 'trailers' }, true],
  ])('it does not unpack a small message that grows huge: %s', async (_name, path, headers, enveloped) => {
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024, 0x20));
    expect(bomb.length).toBeLessThan(MAX_MESSAGE_BYTES);
    const before = process.memoryUsage().rss;
    const stream = await openStream(enveloped ? edge.grpcPort : edge.connectPort, path, { ...headers, authorization: token });
    stream.end(enveloped ? Buffer.concat([Buffer.from([1]), length(bomb), bomb]) : bomb);
    const answer = await stream.answer;
    expect(enveloped ? answer.trailers['grpc-status'] : answer.status).toBe(enveloped ? '8' : 429);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
  });

  it('it says by the field what is wrong in a request that cannot be read', async () => {
    const response = await json('CreateTicket', '{"groupId": 17}');
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('group_id'),
      details: [{ debug: { reason: 'REQUEST_MALFORMED' } }],
    });
  });
});

function length(bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(bytes.length);
  return header;
}

describe('metadata', () => {
  const large = { 'x-large': 'y'.repeat(MAX_METADATA_BYTES) };

  it('it refuses more than 16 KiB by gRPC', async () => {
    const channel = grpcChannel(edge.grpcAddress);
    const error = await failureOf(callGrpc(channel, createTicket, { groupId, userId: 1n }, { token, metadata: large }));
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(detailsOf(error).reason).toBe('METADATA_TOO_LARGE');
    channel.close();
  });

  it('it refuses more than 16 KiB by gRPC on the Connect port', async () => {
    const error = ConnectError.from(
      await failureOf(connectClient(edge.url, 'grpc').createTicket({ groupId, userId: 1n }, { headers: { authorization: token, ...large } })),
    );
    expect(error.code).toBe(Code.ResourceExhausted);
  });

  it('it refuses more than 16 KiB by HTTP/1.1 with 431', async () => {
    expect((await json('CreateTicket', '{}', large)).status).toBe(431);
  });

  it('it survives a megabyte of it', async () => {
    const channel = grpcChannel(edge.grpcAddress);
    const error = await failureOf(
      callGrpc(channel, createTicket, { groupId, userId: 1n }, { token, metadata: { 'x-huge': 'y'.repeat(1024 * 1024) }, deadlineMs: 5_000 }),
    );
    expect([status.RESOURCE_EXHAUSTED, status.UNAVAILABLE, status.INTERNAL, status.CANCELLED]).toContain(error.code);
    channel.close();
    const next = grpcChannel(edge.grpcAddress);
    await callGrpc(next, createTicket, { groupId, userId: 1n }, { token });
    next.close();
  });
});

describe('strangers', () => {
  it.each([
    ['gRPC', () => edge.grpcPort, { 'content-type': 'application/grpc', te: 'trailers' }],
    ['gRPC on the Connect port', () => edge.connectPort, { 'content-type': 'application/grpc', te: 'trailers' }],
    ['Connect', () => edge.connectPort, { 'content-type': 'application/json' }],
  ])('it turns them away before it reads what they send: %s', async (_name, port, headers) => {
    const stream = await openStream(port(), pathOf(createTicket), headers);
    // Nothing of the request was sent, and its end is not in sight.
    const answer = await stream.answer;
    expect(answer.trailers['grpc-status'] ?? String(answer.status)).toMatch(/^(16|401)$/);
    stream.close();
  });

  it('it runs no handler for them', async () => {
    const before = handled;
    await failureOf(connectClient(edge.url, 'connect').createTicket({ groupId, userId: 1n }));
    expect(handled).toBe(before);
  });
});

describe('deadlines', () => {
  it('it answers DEADLINE_EXCEEDED in time, whatever the handler does', async () => {
    const stream = await openStream(edge.grpcPort, pathOf(getTicket), {
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: token,
      'grpc-timeout': '200m',
    });
    stream.end(envelope(getTicketBytes('KYC-9')));
    const startMs = performance.now();
    const answer = await stream.answer;
    expect(answer.trailers['grpc-status']).toBe('4');
    expect(performance.now() - startMs).toBeLessThan(1_500);
  });

  it('it gives a call that names none the default', async () => {
    const short = await startTestEdge({ defaultDeadlineMs: 150, tickets: { getTicket: () => new Promise(() => {}) } });
    const channel = grpcChannel(short.grpcAddress);
    expect((await failureOf(callGrpc(channel, getTicket, { ticketId: 'KYC-9' }, { token }))).code).toBe(status.DEADLINE_EXCEEDED);
    const error = ConnectError.from(
      await failureOf(connectClient(short.url, 'connect').getTicket({ ticketId: 'KYC-9' }, { headers: { authorization: token } })),
    );
    expect(error.code).toBe(Code.DeadlineExceeded);
    channel.close();
    await short.close();
  });

  it.each(['121S', '2562047H', '99999999H'])('it refuses one further away than two minutes: %s', async (timeout) => {
    const stream = await openStream(edge.grpcPort, pathOf(createTicket), {
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: token,
      'grpc-timeout': timeout,
    });
    stream.end(envelope(Buffer.alloc(0)));
    const answer = await stream.answer;
    expect(answer.trailers).toMatchObject({ 'grpc-status': '3' });
    expect(answer.trailers['grpc-message']).toContain('120');
  });

  it('it refuses one further away than two minutes by Connect', async () => {
    const response = await json('CreateTicket', '{}', { 'connect-timeout-ms': '120001' });
    expect(await response.json()).toMatchObject({ code: 'invalid_argument', details: [{ debug: { reason: 'DEADLINE_TOO_LONG' } }] });
  });

  it('it takes one of exactly two minutes', async () => {
    expect((await json('CreateTicket', JSON.stringify({ groupId, userId: '1' }), { 'connect-timeout-ms': '120000' })).status).toBe(200);
  });

  it('it refuses one that cannot be read', async () => {
    const response = await json('CreateTicket', '{}', { 'connect-timeout-ms': 'soon' });
    expect(await response.json()).toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('soon') });
  });

  it.each([
    ['gRPC', () => edge.grpcPort, { 'content-type': 'application/grpc', te: 'trailers', 'grpc-timeout': '300m' }],
    ['gRPC on the Connect port', () => edge.connectPort, { 'content-type': 'application/grpc', te: 'trailers', 'grpc-timeout': '300m' }],
    ['Connect', () => edge.connectPort, { 'content-type': 'application/json', 'connect-timeout-ms': '300' }],
  ])('it does not wait for a body that never ends: %s', async (_name, port, headers) => {
    const stream = await openStream(port(), pathOf(createTicket), { ...headers, authorization: token });
    // The start of JSON to one, the start of a message of a hundred bytes to the others.
    stream.write(headers['content-type'] === 'application/json' ? Buffer.from('{"grou') : Buffer.from([0, 0, 0, 0, 100, 10]));
    const answer = await stream.answer;
    expect(answer.trailers['grpc-status'] ?? String(answer.status)).toMatch(/^(4|504)$/);
    stream.close();
  });
});

function envelope(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([0]), length(bytes), bytes]);
}

function getTicketBytes(ticketId: string): Uint8Array {
  return toBinary(getTicket.input, create(getTicket.input, { ticketId }));
}

describe('errors', () => {
  it('it can tell errors that no header can hold', async () => {
    const channel = grpcChannel(edge.grpcAddress);
    const error = await failureOf(callGrpc(channel, getTicket, { ticketId: 'KYC-1' }, { token }));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(detailsOf(error).violations[0]?.field).toBe('ticket_id');
    channel.close();
  });

  it('it keeps the details of many faults below what clients accept in trailers', async () => {
    const channel = grpcChannel(edge.grpcAddress);
    const error = await failureOf(callGrpc(channel, getTicket, { ticketId: 'KYC-2' }, { token }));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    const { violations } = detailsOf(error);
    expect(violations.length).toBeGreaterThan(3);
    expect(JSON.stringify(violations).length).toBeLessThan(8_000);
    channel.close();
  });

  it('it tells nothing of a fault of its own but where to find it in the log', async () => {
    const channel = grpcChannel(edge.grpcAddress);
    const error = await failureOf(callGrpc(channel, getTicket, { ticketId: 'KYC-3' }, { token }));
    expect(error.code).toBe(status.INTERNAL);
    expect(error.message).not.toContain('SELECT');
    const { reason, facts } = detailsOf(error);
    expect(reason).toBe('INTERNAL');
    const line = edge.lines.find((logged) => logged['incident'] === facts['incident']);
    expect(JSON.stringify(line)).toContain('SELECT secret');
    channel.close();
  });
});
