import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { fromBinary } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { DomainError } from '../../src/foundation/errors.ts';
import { callGrpc, connectClient, detailsOf, failureOf, grpcChannel } from '../support/edge/clients.ts';
import { startTestEdge, type TestEdge, tokenOf } from '../support/edge/index.ts';

const run = promisify(execFile);
const token = tokenOf('service');
const groupId = '0190b6a5-1111-7000-8000-000000000001';
const gone = '0190b6a5-2222-7000-8000-000000000002';

let edge: TestEdge;

beforeAll(async () => {
  edge = await startTestEdge({
    tickets: {
      async createTicket(request, ctx) {
        return {
          ticket: {
            ticketId: '0190b6a5-3333-7000-8000-000000000003',
            groupId: request.groupId,
            userId: request.userId,
            title: `${request.title} by ${ctx.caller.actor}`,
          },
        };
      },
      async getTicket(request) {
        throw new DomainError('not_found', 'TICKET_NOT_FOUND', `there is no ticket ${request.ticketId}`, { facts: { ticket: request.ticketId } });
      },
    },
  });
});
afterAll(() => edge.close());

/** One row of the table: how a client of some kind creates a ticket, and how it meets a failure. */
interface Row {
  readonly client: string;
  create(): Promise<string | undefined>;
  fail(): Promise<{ code: number; reason: string | undefined }>;
}

function connectRow(client: string, at: () => ReturnType<typeof connectClient>): Row {
  const headers = { authorization: token };
  return {
    client,
    create: async () => (await at().createTicket({ groupId, userId: 7n, title: 'hello' }, { headers })).ticket?.title,
    async fail() {
      const error = ConnectError.from(await failureOf(at().getTicket({ ticketId: gone }, { headers })));
      return { code: error.code, reason: error.findDetails(ErrorInfoSchema)[0]?.reason };
    },
  };
}

async function overGrpc<T>(address: string, use: (client: ReturnType<typeof grpcChannel>) => Promise<T>): Promise<T> {
  const client = grpcChannel(address);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

function grpcRow(client: string, address: () => string): Row {
  return {
    client,
    create: () =>
      overGrpc(
        address(),
        async (channel) => (await callGrpc(channel, TicketService.method.createTicket, { groupId, userId: 7n, title: 'hello' }, { token })).ticket?.title,
      ),
    fail: () =>
      overGrpc(address(), async (channel) => {
        const error = await failureOf(callGrpc(channel, TicketService.method.getTicket, { ticketId: gone }, { token }));
        return { code: error.code, reason: detailsOf(error).reason };
      }),
  };
}

function post(method: string, body: unknown): Promise<Response> {
  return fetch(`${edge.url}/ticketing.v1.TicketService/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: token },
    body: JSON.stringify(body),
  });
}

const plainHttp: Row = {
  client: 'plain HTTP with JSON → Connect port',
  async create() {
    const answer = (await (await post('CreateTicket', { groupId, userId: '7', title: 'hello' })).json()) as { ticket: { title: string } };
    return answer.ticket.title;
  },
  async fail() {
    const response = await post('GetTicket', { ticketId: gone });
    const error = (await response.json()) as { code: string; details: { type: string; debug?: { reason?: string } }[] };
    return { code: response.status === 404 && error.code === 'not_found' ? Code.NotFound : -1, reason: error.details[0]?.debug?.reason };
  },
};

type BufProtocol = 'grpc' | 'grpcweb' | 'connect';

function bufRow(client: string, protocol: BufProtocol, port: () => number, schema: readonly string[]): Row {
  const curl = (method: string, body: unknown) =>
    run('node_modules/.bin/buf', [
      'curl',
      '--protocol',
      protocol,
      ...(protocol === 'connect' ? [] : ['--http2-prior-knowledge']),
      ...schema,
      '--header',
      `authorization: ${token}`,
      '--data',
      JSON.stringify(body),
      `http://127.0.0.1:${port()}/ticketing.v1.TicketService/${method}`,
    ]);
  return {
    client,
    create: async () =>
      (JSON.parse((await curl('CreateTicket', { group_id: groupId, user_id: 7, title: 'hello' })).stdout) as { ticket: { title: string } }).ticket.title,
    async fail() {
      const { stderr } = (await failureOf(curl('GetTicket', { ticket_id: gone }))) as unknown as { stderr: string };
      return { code: stderr.includes('"not_found"') ? Code.NotFound : -1, reason: reasonIn(stderr) };
    },
  };
}

/** buf shows details in clear by Connect only; otherwise as bytes in base64. */
function reasonIn(printed: string): string | undefined {
  const bytes = Buffer.from(/"value": "([^"]*)"/.exec(printed)?.[1] ?? '', 'base64');
  return fromBinary(ErrorInfoSchema, bytes).reason;
}

const reflect = ['--reflect', '--reflect-header', `authorization: ${token}`];
const rows: Row[] = [
  grpcRow('grpc-js → gRPC port', () => edge.grpcAddress),
  grpcRow('grpc-js → Connect port', () => `127.0.0.1:${edge.connectPort}`),
  connectRow('connect-node by gRPC → gRPC port', () => connectClient(`http://${edge.grpcAddress}`, 'grpc')),
  connectRow('connect-node by gRPC → Connect port', () => connectClient(edge.url, 'grpc')),
  connectRow('connect-node by Connect, HTTP/1.1 → Connect port', () => connectClient(edge.url, 'connect', { httpVersion: '1.1' })),
  connectRow('connect-node by Connect, HTTP/2 → Connect port', () => connectClient(edge.url, 'connect')),
  connectRow('connect-node by Connect with JSON → Connect port', () => connectClient(edge.url, 'connect', { json: true })),
  connectRow('connect-node by gRPC-Web, HTTP/1.1 → Connect port', () => connectClient(edge.url, 'grpc-web', { httpVersion: '1.1' })),
  connectRow('connect-node by gRPC-Web, HTTP/2 → Connect port', () => connectClient(edge.url, 'grpc-web')),
  plainHttp,
  bufRow('buf curl by gRPC with reflection → gRPC port', 'grpc', () => edge.grpcPort, reflect),
  bufRow('buf curl by gRPC with the schema → gRPC port', 'grpc', () => edge.grpcPort, ['--schema', '.']),
  bufRow('buf curl by gRPC with reflection → Connect port', 'grpc', () => edge.connectPort, reflect),
  bufRow('buf curl by gRPC-Web with reflection → Connect port', 'grpcweb', () => edge.connectPort, reflect),
  bufRow('buf curl by Connect with the schema → Connect port', 'connect', () => edge.connectPort, ['--schema', '.']),
];

describe('every protocol on every port', () => {
  it.each(rows)('it creates a ticket: $client', async ({ create }) => {
    expect(await create()).toBe('hello by test-service');
  });

  it.each(rows)('it tells what went wrong, and why: $client', async ({ fail }) => {
    expect(await fail()).toEqual({ code: Code.NotFound, reason: 'TICKET_NOT_FOUND' });
  });
});

describe('plain HTTP', () => {
  it('it reads by GET, so that answers can be bookmarked', async () => {
    const query = new URLSearchParams({ encoding: 'json', message: JSON.stringify({ ticketId: gone }), connect: 'v1' });
    const response = await fetch(`${edge.url}/ticketing.v1.TicketService/GetTicket?${query}`, { headers: { authorization: token } });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: 'not_found', message: `there is no ticket ${gone}` });
  });

  it('it refuses to change something by GET', async () => {
    const response = await fetch(`${edge.url}/ticketing.v1.TicketService/CreateTicket?encoding=json&message={}`, { headers: { authorization: token } });
    expect(response.status).toBe(405);
  });

  it('it names a misspelt field', async () => {
    const response = await post('CreateTicket', { groupId, userID: '7' });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'invalid_argument', message: expect.stringContaining('userID') });
  });

  it('it says which content types it takes', async () => {
    const response = await fetch(`${edge.url}/ticketing.v1.TicketService/CreateTicket`, {
      method: 'POST',
      headers: { authorization: token, 'content-type': 'text/csv' },
      body: 'a,b',
    });
    expect(response.status).toBe(415);
    expect(await response.text()).toContain('application/json');
  });

  it('it says that there is nothing at an unknown path', async () => {
    const response = await fetch(`${edge.url}/nothing/here`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: 'unimplemented' });
  });
});
