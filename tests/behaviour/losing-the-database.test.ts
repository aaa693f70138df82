import { randomUUID } from 'node:crypto';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from '../../gen/grpc/health/v1/health_pb.ts';
import { Availability } from '../../gen/ticketing/v1/agent_pb.ts';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { callGrpc, detailsOf, failureOf } from '../support/edge/clients.ts';
import { type OwnPostgres, startPostgres } from '../support/fleet/postgres.ts';
import { makeToken, type ServingProcess, startProcess } from '../support/fleet/process.ts';

const { createTicket, listTickets } = TicketService.method;
const PATIENCE = { timeout: 60_000, interval: 100 };

let postgres: OwnPostgres;
let both: [ServingProcess, ServingProcess];
let token: string;
let groupId: string;

beforeAll(async () => {
  postgres = await startPostgres({ fast: true, settings: { max_connections: 40, superuser_reserved_connections: 1 } });
  const settings = { DOCKET_DATABASE_POOL_SIZE: '6' };
  both = await Promise.all([startProcess(postgres.url, settings), startProcess(postgres.url, settings)]);
  token = await makeToken(postgres.url);
  const { group } = await callGrpc(both[0].channel, GroupService.method.createGroup, { group: { key: 'KYC', name: 'KYC' } }, { token });
  groupId = group?.groupId ?? '';
  await callGrpc(both[0].channel, AgentService.method.createAgent, { agent: { agentId: 'ann', groupIds: [groupId] } }, { token });
}, 120_000);
afterAll(async () => {
  for (const process of both) {
    process.signal('SIGKILL');
    await process.ended;
    process.channel.close();
  }
  await postgres.remove();
}, 60_000);

/** A new ticket by one of the two services. */
const newTicket = (process: ServingProcess, requestId: string = randomUUID()) =>
  callGrpc(process.channel, createTicket, { groupId, userId: 1n, requestId }, { token, deadlineMs: 20_000 });
const list = (process: ServingProcess) => callGrpc(process.channel, listTickets, {}, { token, deadlineMs: 20_000 });
const keptTickets = async (): Promise<Set<string>> =>
  new Set((await postgres.sql<{ ticket_id: string }>('SELECT ticket_id FROM docket.tickets')).map((row) => row.ticket_id));

const statusOf = async (process: ServingProcess, path: string): Promise<number> => (await fetch(`${process.url}${path}`)).status;
const trouble = async (call: Promise<unknown>) => {
  const error = await failureOf(call);
  return { code: error.code, ...detailsOf(error) };
};
const UNAVAILABLE = { code: status.UNAVAILABLE, reason: 'DATABASE_UNAVAILABLE', retryDelayMs: 1_000 };

describe('two services that start at once', () => {
  it('they both come up on an empty database', async () => {
    const seen = await callGrpc(both[1].channel, GroupService.method.getGroup, { groupId }, { token });
    expect(seen.group?.key).toBe('KYC');
    expect(both.flatMap(({ faults }) => faults)).toEqual([]);
  });
});

describe('a service whose database is stopped', () => {
  it('it stays, says so, and heals by itself, jobs included', async () => {
    const [process] = both;
    await newTicket(process);
    // A job is to bring her back in the time without a database.
    const until = timestampFromMs(Date.now() + 2_000);
    await callGrpc(process.channel, AgentService.method.setAvailability, { agentId: 'ann', availability: Availability.AWAY, until }, { token });

    await postgres.stop();
    const requestId = randomUUID();
    expect(await trouble(newTicket(process, requestId))).toMatchObject(UNAVAILABLE);
    expect(await trouble(list(process))).toMatchObject(UNAVAILABLE);
    expect(await statusOf(process, '/readyz')).toBe(503);
    expect(await statusOf(process, '/healthz')).toBe(200);
    expect(process.alive).toBe(true);

    await postgres.start();
    await vi.waitFor(async () => expect(await statusOf(process, '/readyz')).toBe(200), PATIENCE);
    const { ticket } = await newTicket(process, requestId);
    expect((await newTicket(process, requestId)).ticket?.ticketId).toBe(ticket?.ticketId);
    expect((await list(process)).tickets).toHaveLength(2);
    await vi.waitFor(async () => {
      const { agent } = await callGrpc(process.channel, AgentService.method.getAgent, { agentId: 'ann' }, { token });
      expect(agent?.availability).toBe(Availability.AVAILABLE);
    }, PATIENCE);
    expect(process.faults).toEqual([]);
  }, 120_000);

  it('it survives that all its sessions are ended, again and again, under load', async () => {
    const [process] = both;
    let over = false;
    const acknowledged: string[] = [];
    const codes = new Set<number>();
    const caller = async (): Promise<void> => {
      while (!over) {
        const call = newTicket(process).then(({ ticket }) => acknowledged.push(ticket?.ticketId ?? ''));
        await Promise.all([call, list(process)]).catch((error: { code: number }) => codes.add(error.code));
      }
    };
    const callers = Array.from({ length: 6 }, caller);
    for (let round = 1; round <= 8; round++) {
      const before = acknowledged.length;
      await postgres.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()`);
      await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(before + 5), PATIENCE);
    }
    over = true;
    await Promise.all(callers);
    expect([...codes].filter((code) => code !== status.UNAVAILABLE)).toEqual([]);
    const kept = await keptTickets();
    expect(acknowledged.filter((ticketId) => !kept.has(ticketId))).toEqual([]);
    expect(process.faults).toEqual([]);
  }, 120_000);

  it('it says UNAVAILABLE while the database has no connection left, and goes on when it has', async () => {
    const [process] = both;
    const greedy: pg.Client[] = [];
    const takeAll = async (): Promise<void> => {
      for (;;) {
        const client = new pg.Client({ connectionString: postgres.url });
        client.on('error', () => undefined);
        try {
          await client.connect();
        } catch {
          return;
        }
        greedy.push(client);
      }
    };
    await takeAll();
    // Its own sessions go, and others are quicker than it to take the places.
    await greedy[0]?.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'docket%'`);
    await vi.waitFor(async () => {
      await takeAll();
      expect(await trouble(newTicket(process))).toMatchObject(UNAVAILABLE);
    }, PATIENCE);
    expect(process.alive).toBe(true);
    await Promise.all(greedy.map((client) => client.end()));
    await vi.waitFor(() => newTicket(process), PATIENCE);
    expect(process.faults).toEqual([]);
  }, 120_000);
});

describe('a service that is told to stop under load', () => {
  it('it finishes what it has begun, says NOT_SERVING, and ends with 0 within ten seconds', async () => {
    const process = both[1];
    const before = await keptTickets();
    const acknowledged: string[] = [];
    const refusals: Error[] = [];
    // Behind a lock, so that calls are surely in flight when it is told.
    const lock = new pg.Client({ connectionString: postgres.url });
    await lock.connect();
    await lock.query('BEGIN');
    await lock.query('SELECT FROM docket.pools FOR UPDATE');
    const calls = Array.from({ length: 40 }, () =>
      newTicket(process).then(
        ({ ticket }) => acknowledged.push(ticket?.ticketId ?? ''),
        (error: Error) => refusals.push(error),
      ),
    );
    await vi.waitFor(
      async () => expect((await postgres.sql(`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)).length).toBeGreaterThan(0),
      PATIENCE,
    );

    process.signal('SIGTERM');
    const stoppedAtMs = performance.now();
    await vi.waitFor(async () => {
      const { status: health } = await callGrpc(process.channel, Health.method.check, {});
      expect(health).toBe(ServingStatus.NOT_SERVING);
    }, PATIENCE);
    await lock.query('COMMIT');
    await lock.end();
    await Promise.all(calls);
    expect(await process.ended).toBe(0);
    expect(performance.now() - stoppedAtMs).toBeLessThan(10_000);
    expect(refusals.map(({ message }) => message)).toEqual([]);
    expect([...(await keptTickets())].filter((ticketId) => !before.has(ticketId)).sort()).toEqual(acknowledged.sort());
  }, 120_000);
});
