import { type AddressInfo, connect, createServer } from 'node:net';
import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { AuditService } from '../../gen/ticketing/v1/audit_service_pb.ts';
import { CreateTicketRequestSchema } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { createDocketClient, type DocketClientOptions, factsOf, reasonOf, requestIdOf, retryDelayMsOf, violationsOf } from '../../src/client/index.ts';
import { DomainError, type ErrorKind } from '../../src/foundation/errors.ts';
import { routeWith, startTestEdge, type TestEdge, type TicketHandlers } from '../support/edge/index.ts';

let edge: TestEdge | undefined;
let close: (() => void) | undefined;
afterEach(async () => {
  close?.();
  await edge?.close();
});

type Handler = TicketHandlers['createTicket'];
type Options = Partial<DocketClientOptions> & { readonly through?: (port: number) => Promise<number> };

const wanted = { groupId: '00000000-0000-4000-8000-000000000001', userId: 1n };

/** A client of a service whose CreateTicket does what the test says, with the requests that it was called with. */
async function calling(createTicket: Handler, { through = async (port) => port, ...options }: Options = {}) {
  const requests: Parameters<Handler>[0][] = [];
  const waits: number[] = [];
  edge = await startTestEdge({
    tickets: {
      createTicket(request, ctx) {
        requests.push(request);
        return createTicket(request, ctx);
      },
    },
  });
  const port = await through(options.protocol === 'connect' ? edge.connectPort : edge.grpcPort);
  const client = createDocketClient({ baseUrl: `http://127.0.0.1:${port}`, token: 'admin', onRetry: (_, waitMs) => waits.push(waitMs), ...options });
  close = client.close;
  return { requests, requestIds: () => requests.map(({ requestId }) => requestId), waits, client, create: () => client.tickets.createTicket(wanted) };
}

const failed = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => expect.unreachable('the call succeeded'),
    (error: unknown) => error,
  );

const failing = (kind: ErrorKind, reason: string, retryAfterMs?: number): Handler => {
  return async () => {
    throw new DomainError(kind, reason, 'not now', retryAfterMs === undefined ? {} : { retryAfterMs });
  };
};

/** Does each in turn, then succeeds. */
const inTurn = (...handlers: Handler[]): Handler => {
  const left = handlers.values();
  return async (request, ctx) => left.next().value?.(request, ctx) ?? {};
};

describe.each(['grpc', 'connect'] as const)('a client over %s', (protocol) => {
  it('repeats a call that the service had no room for, after the delay it asks for, under one request id', async () => {
    const busy = inTurn(
      failing('resource_exhausted', 'QUEUE_FULL', 200),
      failing('unavailable', 'DATABASE_UNAVAILABLE', 20),
      failing('aborted', 'CONTENTION', 30),
      failing('unavailable', 'SHUTTING_DOWN'),
    );
    const { requestIds, waits, create } = await calling(busy, { protocol });
    await create();
    expect(requestIds()).toHaveLength(5);
    expect(new Set(requestIds()).size).toBe(1);
    expect(requestIds()[0]).toMatch(/^[0-9a-f-]{36}$/);
    // The last names none: the client's own doubles with each attempt. All are up to a quarter longer.
    for (const [at, askedMs] of [200, 20, 30, 800].entries()) {
      expect(waits[at]).toBeGreaterThanOrEqual(askedMs);
      expect(waits[at]).toBeLessThanOrEqual(askedMs * 1.25);
    }
  });

  it.each([
    ['RESOURCE_EXHAUSTED without a delay', 'resource_exhausted', 'RESPONSE_TOO_LARGE'],
    ['ABORTED without a delay', 'aborted', 'ETAG_MISMATCH'],
    ['DEADLINE_EXCEEDED', 'deadline_exceeded', 'DEADLINE_EXCEEDED'],
    ['FAILED_PRECONDITION', 'failed_precondition', 'GROUP_INACTIVE'],
    ['UNAUTHENTICATED with a token that is all it has', 'unauthenticated', 'TOKEN_EXPIRED'],
  ] as const)('does not repeat what would end the same: %s', async (_, kind, reason) => {
    const { requests, create } = await calling(failing(kind, reason), { protocol });
    expect(reasonOf(await failed(create()))).toBe(reason);
    expect(requests).toHaveLength(1);
  });

  it('finds the service again when its connection was cut in the middle of a call', async () => {
    const cuts: (() => void)[] = [];
    const cut: Handler = async () => {
      cuts[0]?.();
      return {};
    };
    const { requestIds, create } = await calling(inTurn(cut), { protocol, through: (port) => cuttable(port, (each) => cuts.push(each)) });
    await create();
    expect(requestIds()).toHaveLength(2);
    expect(new Set(requestIds()).size).toBe(1);
  });

  it('tells what the service says of a refusal', async () => {
    const refuse: Handler = async () => {
      throw new DomainError('resource_exhausted', 'QUEUE_FULL', 'full', {
        facts: { waiting: '7' },
        violations: [{ field: 'user_id', description: 'must be above 0' }],
        retryAfterMs: 1_500,
      });
    };
    const { create } = await calling(refuse, { protocol, retry: false });
    const error = await failed(create());
    expect([reasonOf(error), factsOf(error), retryDelayMsOf(error)]).toEqual(['QUEUE_FULL', { waiting: '7' }, 1_500]);
    expect(violationsOf(error)).toEqual([expect.objectContaining({ field: 'user_id', description: 'must be above 0' })]);
    const other = new Error('of something else');
    expect([reasonOf(other), factsOf(other), violationsOf(other), retryDelayMsOf(other), requestIdOf(other)]).toEqual([
      undefined,
      {},
      [],
      undefined,
      undefined,
    ]);
  });
});

describe('the time of a call', () => {
  it('is for all its attempts: then the last failure is told', async () => {
    // A second attempt fits in with time to spare, a third does not, however long the waits come out.
    const { requests, create } = await calling(failing('unavailable', 'DATABASE_UNAVAILABLE', 1_000), { timeoutMs: 2_000 });
    expect(reasonOf(await failed(create()))).toBe('DATABASE_UNAVAILABLE');
    expect(requests).toHaveLength(2);
  });

  it('can be another for one call, and the service is told', async () => {
    const never: Handler = (_, { signal }) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const { requests, client } = await calling(never);
    const error = await failed(client.tickets.createTicket(wanted, { timeoutMs: 100 }));
    expect((error as ConnectError).code).toBe(Code.DeadlineExceeded);
    expect(requests).toHaveLength(1);
    expect(requestIdOf(error)).toBe(requests[0]?.requestId);
  });

  it('ends at once when the caller ends it, also between attempts', async () => {
    const ending = new AbortController();
    const onRetry = () => ending.abort();
    const { requests, client } = await calling(failing('unavailable', 'DATABASE_UNAVAILABLE', 30_000), { onRetry });
    const error = await failed(client.tickets.createTicket(wanted, { signal: ending.signal }));
    expect((error as ConnectError).code).toBe(Code.Canceled);
    expect(requests).toHaveLength(1);
  });

  it('is not spent on attempts that nobody wants', async () => {
    const { requests, create } = await calling(failing('unavailable', 'DATABASE_UNAVAILABLE', 10), { retry: false });
    expect(reasonOf(await failed(create()))).toBe('DATABASE_UNAVAILABLE');
    expect(requests).toHaveLength(1);
  });
});

describe('a change', () => {
  it('keeps the request id and the reason that its caller gave, and the message that he made', async () => {
    const { requests, client } = await calling(async () => ({}), { reason: 'of the client' });
    const own = create(CreateTicketRequestSchema, { ...wanted, requestId: '0190b6a5-1111-7000-8000-000000000001', reason: 'of the request' });
    await client.tickets.createTicket(own, { reason: 'of the call' });
    const without = create(CreateTicketRequestSchema, wanted);
    await client.tickets.createTicket(without, { reason: 'of the call' });
    await client.tickets.createTicket(without);
    expect(requests.map(({ reason }) => reason)).toEqual(['of the request', 'of the call', 'of the client']);
    expect(requests[0]?.requestId).toBe(own.requestId);
    expect(new Set(requests.map(({ requestId }) => requestId)).size).toBe(3);
    expect([without.requestId, without.reason]).toEqual(['', '']);
  });
});

describe('a token', () => {
  it('is fetched anew when the service refuses it, once', async () => {
    const asked: (string | undefined)[] = [];
    const { requestIds, create } = await calling(async () => ({}), {
      token(refused) {
        asked.push(refused);
        return refused === undefined ? 'stale' : 'admin';
      },
    });
    await create();
    expect(asked).toEqual([undefined, 'stale']);
    expect(requestIds()).toHaveLength(1);
  });

  it('that is refused again is told', async () => {
    const asked: (string | undefined)[] = [];
    const { create } = await calling(async () => ({}), {
      token(refused) {
        asked.push(refused);
        return 'stale';
      },
    });
    expect(reasonOf(await failed(create()))).toBe('TOKEN_INVALID');
    expect(asked).toEqual([undefined, 'stale']);
  });
});

describe('a list', () => {
  const keys = ['KYC-1', 'KYC-2', 'KYC-3', 'KYC-4', 'KYC-5'];

  async function listing() {
    const asked: string[] = [];
    edge = await startTestEdge({
      tickets: {
        async listTickets({ pageToken, pageSize }) {
          asked.push(pageToken);
          const from = Number(pageToken);
          const to = from + pageSize;
          return { tickets: keys.slice(from, to).map((key) => ({ key })), nextPageToken: to < keys.length ? String(to) : '' };
        },
      },
    });
    const client = createDocketClient({ baseUrl: `http://${edge.grpcAddress}`, token: 'admin' });
    close = client.close;
    return { client, asked };
  }

  it('is gone through item by item, over all its pages', async () => {
    const { client, asked } = await listing();
    const found: string[] = [];
    for await (const ticket of client.tickets.listTickets({ pageSize: 2 })) found.push(ticket.key);
    expect(found).toEqual(keys);
    expect(asked).toEqual(['', '2', '4']);
  });

  it('is a page when awaited', async () => {
    const { client, asked } = await listing();
    const page = await client.tickets.listTickets({ pageSize: 2, pageToken: '2' });
    expect([page.tickets.map(({ key }) => key), page.nextPageToken]).toEqual([['KYC-3', 'KYC-4'], '4']);
    expect(asked).toEqual(['2']);
  });

  it('fetches no page that nobody came to', async () => {
    const { client, asked } = await listing();
    for await (const page of client.tickets.listTickets({ pageSize: 2 }).pages()) if (page.tickets.some(({ key }) => key === 'KYC-3')) break;
    expect(asked).toEqual(['', '2']);
  });
});

describe('the audit log', () => {
  it('is searched for what the caller named, and its streams are not repeated', async () => {
    const searched: string[] = [];
    let exports = 0;
    const audit = routeWith(AuditService, {
      async listAuditEntries({ requestId }) {
        searched.push(requestId);
        return {};
      },
      // biome-ignore lint/correctness/useYield: this export fails before its first piece.
      async *exportAuditLog() {
        exports += 1;
        throw new DomainError('unavailable', 'DATABASE_UNAVAILABLE', 'gone', { retryAfterMs: 1 });
      },
    });
    edge = await startTestEdge({ routes: [audit] });
    const client = createDocketClient({ baseUrl: `http://${edge.grpcAddress}`, token: 'admin', reason: 'none of a search' });
    close = client.close;
    await client.audit.listAuditEntries({ entityType: 'ticket' });
    expect(searched).toEqual(['']);
    const answers = client.audit.exportAuditLog({})[Symbol.asyncIterator]();
    const error = await failed(answers.next());
    expect([error instanceof ConnectError, reasonOf(error), exports]).toEqual([true, 'DATABASE_UNAVAILABLE', 1]);
  });
});

/** A way to a port whose connections can be cut; answers its own port. `onConnection` is told how to cut one. */
async function cuttable(port: number, onConnection: (cut: () => void) => void): Promise<number> {
  const server = createServer((socket) => {
    const onward = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      from.pipe(to);
      from.on('error', () => to.destroy());
    }
    onConnection(() => {
      socket.resetAndDestroy();
      onward.destroy();
    });
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
