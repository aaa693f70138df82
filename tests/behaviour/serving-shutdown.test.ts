import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, get as httpGet } from 'node:http';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { status } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from '../../gen/grpc/health/v1/health_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { createTestDatabase } from '../support/database/index.ts';
import { callGrpc, connectClient, detailsOf, failureOf, grpcChannel } from '../support/edge/clients.ts';
import { startTestEdge, tokenOf } from '../support/edge/index.ts';

const token = tokenOf('service');
const { getTicket } = TicketService.method;
const asked = { ticketId: 'KYC-1' };
const headers = { authorization: token };

/** An edge whose handler waits until the test lets it go on, or for ever. */
async function startSlowEdge(title = 'done') {
  const gate = Promise.withResolvers<void>();
  let arrived = 0;
  const edge = await startTestEdge({
    tickets: {
      async getTicket() {
        arrived += 1;
        await gate.promise;
        return { ticket: { title } };
      },
    },
  });
  return { edge, release: () => gate.resolve(), arrivals: (count: number) => vi.waitFor(() => expect(arrived).toBe(count)) };
}

/** Status and body of a GET on the connection that the agent keeps. */
function get(url: string, agent: Agent): Promise<[number | undefined, string]> {
  return new Promise((resolve, reject) => {
    const request = httpGet(url, { agent }, async (response) => resolve([response.statusCode, await text(response)]));
    request.on('error', reject);
  });
}

describe('stopping', () => {
  it('it finishes what it has begun and refuses what is new', async () => {
    const { edge, release, arrivals } = await startSlowEdge();
    const channel = grpcChannel(edge.grpcAddress);
    const web = connectClient(edge.url, 'connect');
    const begun = [
      callGrpc(channel, getTicket, asked, { token }),
      web.getTicket(asked, { headers }),
      connectClient(edge.url, 'connect', { httpVersion: '1.1' }).getTicket(asked, { headers }),
    ];
    await arrivals(3);

    const closed = edge.close();
    const refused = await failureOf(callGrpc(channel, getTicket, asked, { token }));
    expect(refused.code).toBe(status.UNAVAILABLE);
    expect(detailsOf(refused).reason).toBe('SHUTTING_DOWN');
    expect(ConnectError.from(await failureOf(web.getTicket(asked, { headers }))).code).toBe(Code.Unavailable);

    release();
    expect((await Promise.all(begun)).map(({ ticket }) => ticket?.title)).toEqual(['done', 'done', 'done']);
    await closed;
    channel.close();
  });

  it.each(['1.1', '2'] as const)('it sends a long answer to its end, by HTTP/%s', async (httpVersion) => {
    const title = 'x'.repeat(3_000_000);
    const { edge, release, arrivals } = await startSlowEdge(title);
    const begun = connectClient(edge.url, 'connect', { httpVersion }).getTicket(asked, { headers });
    await arrivals(1);
    const closed = edge.close();
    release();
    expect((await begun).ticket?.title).toBe(title);
    await closed;
  });

  it('it tells those who watch its health at once', async () => {
    const { edge, release, arrivals } = await startSlowEdge();
    const call = connectClient(edge.url, 'grpc').getTicket(asked, { headers });
    await arrivals(1);
    const health = createClient(Health, createGrpcTransport({ baseUrl: edge.url }));
    const seen: ServingStatus[] = [];
    const watching = (async () => {
      for await (const answer of health.watch({})) seen.push(answer.status);
    })().catch((error: unknown) => ConnectError.from(error).code);
    await vi.waitFor(() => expect(seen).toEqual([ServingStatus.SERVING]));

    const closed = edge.close();
    await vi.waitFor(() => expect(seen).toEqual([ServingStatus.SERVING, ServingStatus.NOT_SERVING]));
    expect((await health.check({})).status).toBe(ServingStatus.NOT_SERVING);
    release();
    await call;
    await closed;
    expect(await watching).toBe(Code.Unavailable);
  });

  it('it is no longer ready, for those who are still connected', async () => {
    const { edge, release, arrivals } = await startSlowEdge();
    const call = connectClient(edge.url, 'grpc').getTicket(asked, { headers });
    await arrivals(1);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect(await get(`${edge.url}/readyz`, agent)).toEqual([200, 'ready\n']);
    const closed = edge.close();
    expect(await get(`${edge.url}/readyz`, agent)).toEqual([503, 'stopping\n']);
    agent.destroy();
    release();
    await call;
    await closed;
  });

  it('it takes no more connections', async () => {
    const { edge, release, arrivals } = await startSlowEdge();
    const channel = grpcChannel(edge.grpcAddress);
    const begun = callGrpc(channel, getTicket, asked, { token });
    await arrivals(1);
    const closed = edge.close();
    await expect(fetch(`${edge.url}/healthz`)).rejects.toThrow();
    release();
    await begun;
    await closed;
    channel.close();
  });

  it('it waits no longer than ten seconds, and a second request to stop changes nothing', async () => {
    const { edge, arrivals } = await startSlowEdge();
    const channel = grpcChannel(edge.grpcAddress);
    const stuck = failureOf(callGrpc(channel, getTicket, asked, { token }));
    const stuckToo = failureOf(connectClient(edge.url, 'connect', { httpVersion: '1.1' }).getTicket(asked, { headers }));
    await arrivals(2);
    const startMs = performance.now();
    const closing = edge.close();
    await Promise.all([closing, edge.close()]);
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect((await stuck).code).toBe(status.UNAVAILABLE);
    expect(ConnectError.from(await stuckToo).code).toBe(Code.Unavailable);
    channel.close();
  }, 20_000);

  it('it stops at once when nothing is going on, idle connections or not', async () => {
    const { edge } = await startSlowEdge();
    await fetch(`${edge.url}/healthz`);
    const health = createClient(Health, createGrpcTransport({ baseUrl: `http://${edge.grpcAddress}` }));
    await health.check({});
    const startMs = performance.now();
    await edge.close();
    expect(performance.now() - startMs).toBeLessThan(2_500);
  });
});

describe('starting', () => {
  it('it says which port it cannot have', async () => {
    const edge = await startTestEdge();
    const { startServer } = await import('../../src/edge/rpc/server.ts');
    await expect(startServer({ ...edge.deps, config: { ...edge.deps.config, connectPort: edge.connectPort } })).rejects.toThrow(
      `cannot listen for Connect on 127.0.0.1:${edge.connectPort}: another program is using it`,
    );
    await edge.close();
  });

  it('it does not start with an RPC that does not say who may call it', async () => {
    const edge = await startTestEdge();
    const { route } = await import('../../src/edge/rpc/endpoints.ts');
    const { startServer } = await import('../../src/edge/rpc/server.ts');
    const unguarded = route(Health, { check: async () => ({}), list: async () => ({}), async *watch() {} });
    await expect(startServer({ ...edge.deps, routes: [unguarded] })).rejects.toThrow('grpc.health.v1.Health/Check does not say who may call it');
    await edge.close();
  });
});

describe('npm start', () => {
  it('it stops in order when npm is told to: the shell between them passes no signal on', async () => {
    const database = await createTestDatabase();
    const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { scripts: { start: string } };
    const ports = { DOCKET_GRPC_PORT: '0', DOCKET_CONNECT_PORT: '0', DOCKET_METRICS_PORT: '0' };
    const child = spawn('sh', ['-c', scripts.start], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}`, DATABASE_URL: database.url, ...ports },
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    const ended = once(child, 'exit');
    onTestFinished(async () => {
      try {
        process.kill(-(child.pid as number), 'SIGKILL');
      } catch {
        // Nobody is left.
      }
      await database.drop();
    });
    for await (const line of createInterface({ input: child.stdout })) if (line.includes('"msg":"serving"')) break;
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });
});
