import { create, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { type Client, status } from '@grpc/grpc-js';
import type { MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { openOrm } from '../../src/foundation/database/orm.ts';
import { createTestDatabase, type TestDatabase } from '../support/database/index.ts';
import { callGrpc, connectClient, detailsOf, failureOf, grpcChannel, pathOf } from '../support/edge/clients.ts';
import { startTestEdge, type TestEdge, tokenOf } from '../support/edge/index.ts';
import { openStream } from '../support/edge/raw.ts';
import { startService } from '../support/service.ts';

const token = tokenOf('service');
const headers = { authorization: token };
const { getTicket, listTickets } = TicketService.method;

let database: TestDatabase;
let orm: MikroORM;
let edge: TestEdge;
let channel: Client;
let other: pg.Client;

/** What the handler does with the database, by the ticket that is asked for. */
const work: Record<string, readonly [string, readonly unknown[]]> = {
  'SLEEP-1': ['SELECT pg_sleep(60)', []],
  'LOCK-1': ['SELECT pg_advisory_xact_lock(4711)', []],
  'NUL-1': ['SELECT $1::text', ['a\u0000b']],
  'FAULT-1': ['SELECT secret FROM no_such_table', []],
  'FINE-1': ['SELECT 1', []],
};

beforeAll(async () => {
  database = await createTestDatabase();
  orm = await openOrm({ url: database.url, poolSize: 5, statementTimeoutMs: 1_500, lockTimeoutMs: 300, entities: [] });
  edge = await startTestEdge({
    orm,
    tickets: {
      async getTicket({ ticketId }, ctx) {
        const [text, values] = work[ticketId] ?? ['SELECT 1', []];
        await ctx.sql(text, values);
        return { ticket: { title: 'fine' } };
      },
    },
  });
  channel = grpcChannel(edge.grpcAddress);
  other = new pg.Client({ connectionString: database.url });
  other.on('error', () => {});
  await other.connect();
});
afterAll(async () => {
  channel.close();
  await other.end();
  await edge.close();
  await orm.close(true);
  await database.drop();
});

const sleepers = async (): Promise<number> => {
  const { rows } = await other.query(
    `SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()`,
  );
  return (rows[0] as { count: number }).count;
};
const sleeping = (count: number) => vi.waitFor(async () => expect(await sleepers()).toBe(count), { timeout: 1_200, interval: 20 });

describe('a caller who leaves', () => {
  it('it cancels his query in the database, by gRPC', async () => {
    const leave = new AbortController();
    const call = failureOf(callGrpc(channel, getTicket, { ticketId: 'SLEEP-1' }, { token, signal: leave.signal }));
    await sleeping(1);
    leave.abort();
    expect((await call).code).toBe(status.CANCELLED);
    await sleeping(0);
    await vi.waitFor(() => expect(edge.lines.some(({ code, transport }) => code === 'CANCELLED' && transport === 'grpc')).toBe(true));
  });

  it.each([
    ['Connect over HTTP/1.1', 'connect', '1.1'],
    ['Connect over HTTP/2', 'connect', '2'],
    ['gRPC on the Connect port', 'grpc', '2'],
    ['gRPC-Web over HTTP/1.1', 'grpc-web', '1.1'],
  ] as const)('it cancels his query in the database, by %s', async (_name, protocol, httpVersion) => {
    const leave = new AbortController();
    const call = failureOf(connectClient(edge.url, protocol, { httpVersion }).getTicket({ ticketId: 'SLEEP-1' }, { headers, signal: leave.signal }));
    await sleeping(1);
    leave.abort();
    expect(ConnectError.from(await call).code).toBe(Code.Canceled);
    await sleeping(0);
  });

  it('it cancels the queries of a connection that breaks', async () => {
    const streams = await Promise.all(
      [edge.grpcPort, edge.connectPort].map((port) => openStream(port, pathOf(getTicket), { 'content-type': 'application/grpc', te: 'trailers', ...headers })),
    );
    const bytes = toBinary(getTicket.input, create(getTicket.input, { ticketId: 'SLEEP-1' }));
    for (const stream of streams) stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, bytes.length]), bytes]));
    await sleeping(2);
    for (const stream of streams) stream.close();
    await sleeping(0);
  });
});

describe('a deadline', () => {
  it('it cancels the query when it passes, by gRPC and by Connect', async () => {
    const byGrpc = failureOf(callGrpc(channel, getTicket, { ticketId: 'SLEEP-1' }, { token, deadlineMs: 300 }));
    const byConnect = failureOf(connectClient(edge.url, 'connect').getTicket({ ticketId: 'SLEEP-1' }, { headers, timeoutMs: 300 }));
    await sleeping(2);
    expect((await byGrpc).code).toBe(status.DEADLINE_EXCEEDED);
    expect(ConnectError.from(await byConnect).code).toBe(Code.DeadlineExceeded);
    await sleeping(0);
  });
});

describe('trouble with the database', () => {
  const fail = async (ticketId: string) => {
    const error = await failureOf(callGrpc(channel, getTicket, { ticketId }, { token }));
    return { code: error.code, ...detailsOf(error), message: error.message };
  };

  it('it says UNAVAILABLE with a delay when its connections are cut, and heals by itself', async () => {
    const call = fail('SLEEP-1');
    await sleeping(1);
    await other.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()');
    const failure = await call;
    expect(failure).toMatchObject({ code: status.UNAVAILABLE, reason: 'DATABASE_UNAVAILABLE', retryDelayMs: 1_000 });
    expect((await callGrpc(channel, getTicket, { ticketId: 'FINE-1' }, { token })).ticket?.title).toBe('fine');
  });

  it('it says DEADLINE_EXCEEDED when a statement takes longer than it may', async () => {
    expect(await fail('SLEEP-1')).toMatchObject({ code: status.DEADLINE_EXCEEDED, reason: 'DEADLINE_EXCEEDED' });
  });

  it('it says ABORTED with a delay when a lock cannot be had', async () => {
    await other.query('BEGIN');
    await other.query('SELECT pg_advisory_xact_lock(4711)');
    expect(await fail('LOCK-1')).toMatchObject({ code: status.ABORTED, reason: 'CONCURRENT_CHANGE', retryDelayMs: 100 });
    await other.query('ROLLBACK');
  });

  it('it says INVALID_ARGUMENT of a character that PostgreSQL cannot store', async () => {
    expect(await fail('NUL-1')).toMatchObject({ code: status.INVALID_ARGUMENT, reason: 'INVALID_FIELD' });
  });

  it('it shows nobody its SQL', async () => {
    const failure = await fail('FAULT-1');
    expect(failure).toMatchObject({ code: status.INTERNAL, reason: 'INTERNAL' });
    expect(JSON.stringify(failure)).not.toMatch(/no_such_table|SELECT/);
  });
});

describe('a database that is not there', () => {
  it('it says UNAVAILABLE with a delay', async () => {
    const gone = await createTestDatabase();
    const lost = await openOrm({ url: gone.url, poolSize: 2, statementTimeoutMs: 1_000, lockTimeoutMs: 300, entities: [] });
    await gone.drop();
    const lonely = await startTestEdge({ orm: lost, tickets: { getTicket: async (_, ctx) => ({ ticket: { title: String(await ctx.sql('SELECT 1')) } }) } });
    const error = ConnectError.from(await failureOf(connectClient(lonely.url, 'connect').getTicket({ ticketId: 'FINE-1' }, { headers })));
    expect(error.code).toBe(Code.Unavailable);
    await lonely.close();
    await lost.close(true);
  });
});

describe('a real RPC that waits in the database', () => {
  it.each(['a deadline that passes', 'a caller who leaves'])('it is cancelled there by %s', async (why) => {
    const service = await startService();
    const auditor = await service.person('auditor', ['auditor']);
    await service.call(listTickets, {}, auditor);
    const waiting = async () =>
      (await service.sql(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%tickets%'`)).length;
    const lock = new pg.Client({ connectionString: service.app.database.url });
    await lock.connect();
    await lock.query('BEGIN');
    await lock.query('LOCK TABLE docket.tickets');
    const leave = new AbortController();
    const call = failureOf(
      callGrpc(service.channel, listTickets, {}, { token: auditor, signal: leave.signal, ...(why === 'a caller who leaves' ? {} : { deadlineMs: 1_500 }) }),
    );
    await vi.waitFor(async () => expect(await waiting()).toBe(1), { timeout: 1_400, interval: 20 });
    if (why === 'a caller who leaves') leave.abort();
    expect((await call).code).toBe(why === 'a caller who leaves' ? status.CANCELLED : status.DEADLINE_EXCEEDED);
    // The lock is still held: only the cancelling can have ended the wait.
    await vi.waitFor(async () => expect(await waiting()).toBe(0), { timeout: 2_500, interval: 20 });
    await lock.query('ROLLBACK');
    await lock.end();
    await service.close();
  });
});
