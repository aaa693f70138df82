import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from '../../gen/grpc/health/v1/health_pb.ts';
import { startTestEdge, type TestEdge } from '../support/edge/index.ts';

let edge: TestEdge;
let databaseAnswers = true;

beforeAll(async () => {
  edge = await startTestEdge({
    readiness: async () => {
      if (!databaseAnswers) throw new Error('no database');
    },
  });
});
afterAll(() => edge.close());

const ports = [
  ['the gRPC port', () => createClient(Health, createGrpcTransport({ baseUrl: `http://${edge.grpcAddress}` }))],
  ['the Connect port by gRPC', () => createClient(Health, createGrpcTransport({ baseUrl: edge.url }))],
  ['the Connect port by Connect', () => createClient(Health, createConnectTransport({ baseUrl: edge.url, httpVersion: '2' }))],
] as const;

describe.each(ports)('health on %s, without a token', (_name, client) => {
  it.each(['', 'ticketing.v1.TicketService', 'grpc.health.v1.Health'])('it says that %j is served', async (service) => {
    expect(await client().check({ service })).toMatchObject({ status: ServingStatus.SERVING });
  });

  it('it says NOT_FOUND of a service that it does not know', async () => {
    const error = ConnectError.from(
      await client()
        .check({ service: 'nobody.v1.Nothing' })
        .catch((caught: unknown) => caught),
    );
    expect(error.code).toBe(Code.NotFound);
  });

  it('it lists all services', async () => {
    expect(Object.keys((await client().list({})).statuses)).toEqual(expect.arrayContaining(['', 'ticketing.v1.TicketService']));
  });

  it('it watches a service until the caller leaves', async () => {
    const leave = new AbortController();
    const seen: ServingStatus[] = [];
    for await (const { status } of client().watch({ service: '' }, { signal: leave.signal })) {
      seen.push(status);
      break;
    }
    leave.abort();
    expect(seen).toEqual([ServingStatus.SERVING]);
    await vi.waitFor(() =>
      expect(edge.lines.filter(({ rpc, code }) => rpc === 'grpc.health.v1.Health/Watch' && code === 'CANCELLED').length).toBeGreaterThan(0),
    );
  });

  it('it watches a service that it does not know, as it may yet come', async () => {
    for await (const { status } of client().watch({ service: 'nobody.v1.Nothing' })) {
      expect(status).toBe(ServingStatus.SERVICE_UNKNOWN);
      break;
    }
  });
});

describe('plain HTTP', () => {
  it('it answers /healthz while the process lives', async () => {
    const response = await fetch(`${edge.url}/healthz`);
    expect([response.status, await response.text()]).toEqual([200, 'ok\n']);
  });

  it('it answers /readyz by whether the database does', async () => {
    expect((await fetch(`${edge.url}/readyz`)).status).toBe(200);
    databaseAnswers = false;
    const response = await fetch(`${edge.url}/readyz`);
    expect([response.status, await response.text()]).toEqual([503, 'the database does not answer\n']);
    databaseAnswers = true;
  });

  it('it takes only GET and HEAD there', async () => {
    expect((await fetch(`${edge.url}/healthz`, { method: 'POST' })).status).toBe(405);
    expect((await fetch(`${edge.url}/healthz`, { method: 'HEAD' })).status).toBe(200);
  });

  it('it gives figures in the Prometheus format on a port of their own', async () => {
    await createClient(Health, createGrpcTransport({ baseUrl: edge.url })).check({});
    const figures = await (await fetch(`http://127.0.0.1:${edge.metricsPort}/metrics`)).text();
    expect(figures).toMatch(/docket_rpc_duration_seconds_count\{rpc="grpc.health.v1.Health\/Check",code="OK",transport="grpc"\} \d+/);
    expect(figures).toMatch(/docket_rpc_in_flight \d+/);
    expect((await fetch(`${edge.url}/metrics`)).status).toBe(404);
  });
});
