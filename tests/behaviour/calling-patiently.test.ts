import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { openClient, reasonOf } from '../../src/edge/cli/client.ts';
import { DomainError } from '../../src/foundation/errors.ts';
import { startTestEdge, type TestEdge, type TicketHandlers } from '../support/edge/index.ts';

let edge: TestEdge | undefined;
let close: (() => void) | undefined;
afterEach(async () => {
  close?.();
  await edge?.close();
});

/** A client of a service whose CreateTicket does what the test says, with the request ids that it was called with. */
async function calling(createTicket: TicketHandlers['createTicket'], { patienceMs = 10_000, through = async (port: number) => port } = {}) {
  const requestIds: string[] = [];
  const waits: number[] = [];
  edge = await startTestEdge({
    tickets: {
      createTicket(request, ctx) {
        requestIds.push(request.requestId);
        return createTicket(request, ctx);
      },
    },
  });
  const client = openClient({ address: `127.0.0.1:${await through(edge.grpcPort)}`, token: 'admin', patienceMs, onWait: (_, waitMs) => waits.push(waitMs) });
  close = client.close;
  return { requestIds, waits, create: () => client.tickets.createTicket({ groupId: '00000000-0000-4000-8000-000000000001', userId: 1n }) };
}

describe('a client of the command line', () => {
  it('repeats a call that the service had no room for, after the delay it asks for, under one request id', async () => {
    let calls = 0;
    const { requestIds, waits, create } = await calling(async () => {
      calls += 1;
      if (calls === 1) throw new DomainError('resource_exhausted', 'QUEUE_FULL', 'full', { retryAfterMs: 30 });
      if (calls === 2) throw new DomainError('unavailable', 'DATABASE_UNAVAILABLE', 'gone', { retryAfterMs: 40 });
      return {};
    });
    await create();
    expect(requestIds).toHaveLength(3);
    expect(new Set(requestIds).size).toBe(1);
    expect(requestIds[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(waits[0]).toBeGreaterThanOrEqual(30);
    expect(waits[1]).toBeGreaterThanOrEqual(40);
  });

  it('does not repeat what would end the same', async () => {
    const { requestIds, create } = await calling(async () => {
      throw new DomainError('resource_exhausted', 'RESPONSE_TOO_LARGE', 'too large');
    });
    expect(reasonOf(await create().catch((error: unknown) => error))).toBe('RESPONSE_TOO_LARGE');
    expect(requestIds).toHaveLength(1);
  });

  it('gives up when its patience is over, with the last failure', async () => {
    const { requestIds, create } = await calling(
      async () => {
        throw new DomainError('unavailable', 'DATABASE_UNAVAILABLE', 'gone', { retryAfterMs: 60 });
      },
      { patienceMs: 100 },
    );
    expect(reasonOf(await create().catch((error: unknown) => error))).toBe('DATABASE_UNAVAILABLE');
    expect(requestIds.length).toBeLessThanOrEqual(3);
  });

  it('finds the service again when its connection was cut in the middle of a call', async () => {
    const cuts: (() => void)[] = [];
    const { requestIds, create } = await calling(
      async () => {
        if (requestIds.length === 1) cuts[0]?.();
        return {};
      },
      { through: (port) => cuttable(port, (cut) => cuts.push(cut)) },
    );
    await create();
    expect(requestIds).toHaveLength(2);
    expect(new Set(requestIds).size).toBe(1);
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
