import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import type { Call } from '../../src/edge/rpc/call.ts';
import { Drain } from '../../src/edge/rpc/drain.ts';
import { makeAdmit } from '../../src/edge/rpc/interceptors/admit.ts';
import { MAX_CALLS_IN_FLIGHT, MAX_CONNECTIONS } from '../../src/edge/rpc/limits.ts';
import { callGrpc, grpcChannel } from '../support/edge/clients.ts';
import { startTestEdge, type TestEdge, tokenOf } from '../support/edge/index.ts';

const token = tokenOf('service');
const groupId = '0190b6a5-1111-7000-8000-000000000001';
const { createTicket } = TicketService.method;

let edge: TestEdge;
beforeAll(async () => {
  edge = await startTestEdge({ tickets: { createTicket: async (request) => ({ ticket: { title: request.title } }) } });
});
afterAll(() => edge.close());

describe('connections', () => {
  it('it serves more calls at once than one connection may hold open', async () => {
    const channel = grpcChannel(edge.grpcAddress);
    const answers = await Promise.all(
      Array.from({ length: 1_500 }, (_, at) => callGrpc(channel, createTicket, { groupId, userId: BigInt(at + 1), title: String(at) }, { token })),
    );
    expect(new Set(answers.map(({ ticket }) => ticket?.title)).size).toBe(1_500);
    channel.close();
  });

  it('it lets one connection open no more than 512 streams', async () => {
    for (const port of [edge.grpcPort, edge.connectPort]) {
      const session = connectHttp2(`http://127.0.0.1:${port}`);
      const settings = await new Promise<{ maxConcurrentStreams?: number | undefined }>((resolve) => session.once('remoteSettings', resolve));
      expect(settings.maxConcurrentStreams).toBe(512);
      session.destroy();
    }
  });

  it('it closes the ones beyond 2,000 on a port, and takes new ones when others have gone', async () => {
    const sockets = Array.from({ length: MAX_CONNECTIONS + 20 }, () =>
      connectTcp(edge.connectPort, '127.0.0.1')
        .on('error', () => {})
        .resume(),
    );
    await vi.waitFor(() => expect(sockets.filter(({ destroyed }) => destroyed).length).toBeGreaterThanOrEqual(20), { timeout: 8_000 });
    expect(sockets.filter(({ destroyed }) => destroyed).length).toBeLessThan(60);
    expect(edge.lines.some(({ msg }) => String(msg).includes('one was refused'))).toBe(true);
    for (const socket of sockets) socket.destroy();
    await vi.waitFor(async () => expect((await fetch(`${edge.url}/healthz`)).status).toBe(200));
  });

  it('it asks callers to wait when more calls are in flight than it can bear', async () => {
    const drain = new Drain();
    const endpoint = { access: 'token', method: { methodKind: 'unary' } };
    for (let count = 0; count < MAX_CALLS_IN_FLIGHT; count += 1) drain.enter({ endpoint } as unknown as Call);
    const late = { endpoint } as unknown as Call;
    const admit = makeAdmit(drain);
    await admit(late, async () => {});
    drain.enter(late);
    await expect(admit(late, async () => {})).rejects.toMatchObject({ kind: 'resource_exhausted', reason: 'TOO_MANY_CALLS', retryAfterMs: 500 });
    drain.leave(late);
    await admit(late, async () => {});
  });
});
