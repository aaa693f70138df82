import { create, toBinary } from '@bufbuild/protobuf';
import { Metadata } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Health } from '../../gen/grpc/health/v1/health_pb.ts';
import { ServerReflection } from '../../gen/grpc/reflection/v1/reflection_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { RateLimit } from '../../src/edge/rpc/rate-limit.ts';
import { loadConfig } from '../../src/foundation/config/index.ts';
import { callGrpc, connectClient, detailsOf, failureOf, grpcChannel } from '../support/edge/clients.ts';
import { startTestEdge, type TestEdge, tokenOf } from '../support/edge/index.ts';

afterEach(() => void vi.useRealTimers());

describe('a rate of calls', () => {
  const rates = fc.record({ perSecond: fc.integer({ min: 1, max: 1_000 }), burst: fc.integer({ min: 1, max: 50 }) });
  const pauses = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 200 });

  it('is never exceeded, over whatever time', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    fc.assert(
      fc.property(rates, pauses, (rate, gapsMs) => {
        const limit = new RateLimit(rate);
        const admittedMs: number[] = [];
        for (const gapMs of gapsMs) {
          vi.advanceTimersByTime(gapMs);
          if (limit.take('me') === 0) admittedMs.push(performance.now());
        }
        for (let from = 0; from < admittedMs.length; from += 1) {
          for (let to = from; to < admittedMs.length; to += 1) {
            const spanMs = (admittedMs[to] ?? 0) - (admittedMs[from] ?? 0);
            expect(to - from + 1).toBeLessThanOrEqual(rate.burst + (spanMs * rate.perSecond) / 1_000 + 0.01);
          }
        }
      }),
    );
  });

  it('lets through whoever waits as long as he was told, and not whoever waits less', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    fc.assert(
      fc.property(rates, pauses, (rate, gapsMs) => {
        const limit = new RateLimit(rate);
        for (const gapMs of gapsMs) {
          vi.advanceTimersByTime(gapMs);
          const waitMs = limit.take('me');
          if (waitMs === 0) continue;
          const wholeMs = Math.ceil(waitMs - 0.001);
          vi.advanceTimersByTime(wholeMs - 1);
          if (wholeMs > 1) expect(limit.take('me')).toBeGreaterThan(0);
          vi.advanceTimersByTime(1);
          expect(limit.take('me')).toBe(0);
        }
      }),
    );
  });

  it('gives the whole burst to everybody, whatever the others do', () => {
    const limit = new RateLimit({ perSecond: 1, burst: 5 });
    for (const caller of ['ann', 'ben']) expect(Array.from({ length: 6 }, () => limit.take(caller) > 0)).toEqual([false, false, false, false, false, true]);
  });

  it('is remembered of ten thousand callers and no more, and of nobody who is back at rest', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const limit = new RateLimit({ perSecond: 1, burst: 2 });
    for (let caller = 0; caller < 12_000; caller += 1) limit.take(`caller ${caller}`);
    expect(limit.size).toBe(10_000);
    limit.take('caller 11999');
    expect(limit.take('caller 11999')).toBeGreaterThan(0);
    vi.advanceTimersByTime(10_000);
    expect(limit.take('caller 11999')).toBe(0);
  });
});

describe('a service with a rate for each caller', () => {
  const request = { groupId: '0190b6a5-1111-7000-8000-000000000001', userId: 7n, title: 'hello' };
  let carriedOut = 0;

  async function start(rate: TestEdge['deps']['config']['rate']): Promise<TestEdge> {
    carriedOut = 0;
    const edge = await startTestEdge({
      rate,
      tickets: {
        createTicket: async () => {
          carriedOut += 1;
          return { ticket: {} };
        },
      },
    });
    onTestFinished(() => edge.close());
    return edge;
  }

  function channelTo(edge: TestEdge) {
    const channel = grpcChannel(edge.grpcAddress);
    onTestFinished(() => channel.close());
    return channel;
  }

  it('it refuses a call too many on either port, says the limit and when to come again, and carries nothing out', async () => {
    // One in five seconds: a slow machine makes its three calls before the next is earned.
    const edge = await start({ perSecond: 0.2, burst: 3 });
    const channel = channelTo(edge);
    const token = tokenOf('service');
    const open = () => callGrpc(channel, TicketService.method.createTicket, request, { token });
    const web = connectClient(edge.url, 'connect', { httpVersion: '1.1' });
    await open();
    await web.createTicket(request, { headers: { authorization: token } });
    await open();
    const startMs = performance.now();
    const refused = await failureOf(open());
    expect(refused).toMatchObject({ code: 8 });
    const { reason, facts, retryDelayMs } = detailsOf(refused);
    expect({ reason, facts }).toEqual({ reason: 'RATE_LIMITED', facts: { limit_per_second: '0.2', burst: '3' } });
    expect(retryDelayMs).toBeLessThanOrEqual(5_000);
    expect(retryDelayMs).toBeGreaterThan(0);
    await expect(web.createTicket(request, { headers: { authorization: token } })).rejects.toMatchObject({ code: 8 });
    expect(carriedOut).toBe(3);
    // The delay is true: he is let through after it, and was not before.
    const waitedMs = await vi.waitFor(async () => {
      await open();
      return performance.now() - startMs;
    }, 20_000);
    expect(waitedMs).toBeGreaterThanOrEqual((retryDelayMs ?? 0) - 5);
    const figures = await (await fetch(`http://127.0.0.1:${edge.metricsPort}/metrics`)).text();
    expect(figures).toMatch(/docket_rate_limited_calls_total\{rpc="ticketing.v1.TicketService\/CreateTicket"\} \d+/);
  });

  it('it counts each caller for himself', async () => {
    const edge = await start({ perSecond: 1, burst: 1 });
    const channel = channelTo(edge);
    for (const role of ['service', 'admin'] as const) await callGrpc(channel, TicketService.method.createTicket, request, { token: tokenOf(role) });
    expect(carriedOut).toBe(2);
  });

  it('it answers health and reflection as often as they are asked', async () => {
    const edge = await start({ perSecond: 1, burst: 1 });
    const channel = channelTo(edge);
    const token = tokenOf('service');
    await callGrpc(channel, TicketService.method.createTicket, request, { token });
    const health = connectHealth(edge);
    for (let time = 0; time < 5; time += 1) {
      expect(await callGrpc(channel, Health.method.check, {}, { token })).toMatchObject({ status: 1 });
      expect(await health()).toBe(200);
      await askReflection(channel, token);
    }
  });

  it('it counts before it looks at permissions, and not what strangers try', async () => {
    const edge = await start({ perSecond: 0.2, burst: 2 });
    const channel = channelTo(edge);
    const attempt = (token: string) => failureOf(callGrpc(channel, TicketService.method.createTicket, request, { token }));
    for (let time = 0; time < 3; time += 1) expect(detailsOf(await attempt('Bearer nobody')).reason).toBe('TOKEN_INVALID');
    const denied = [];
    for (let time = 0; time < 3; time += 1) denied.push(detailsOf(await attempt(tokenOf('auditor'))).reason);
    expect(denied).toEqual(['PERMISSION_DENIED', 'PERMISSION_DENIED', 'RATE_LIMITED']);
  });

  it('it has no limit unless one is set', async () => {
    expect(loadConfig({})).toMatchObject({ rateLimitPerSecond: undefined, rateLimitBurst: undefined });
    expect(() => loadConfig({ DOCKET_RATE_LIMIT_BURST: '5' })).toThrow('DOCKET_RATE_LIMIT_BURST needs DOCKET_RATE_LIMIT_PER_SECOND');
    const edge = await start(undefined);
    const channel = channelTo(edge);
    await Promise.all(Array.from({ length: 200 }, () => callGrpc(channel, TicketService.method.createTicket, request, { token: tokenOf('service') })));
    expect(carriedOut).toBe(200);
  });
});

const connectHealth = (edge: TestEdge) => async () => (await fetch(`${edge.url}/healthz`)).status;

/** Asks for the list of services, on a stream of its own. */
function askReflection(channel: ReturnType<typeof grpcChannel>, authorization: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const metadata = new Metadata();
    metadata.set('authorization', authorization);
    const bytes = (message: Buffer): Buffer => message;
    const call = channel.makeBidiStreamRequest('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', bytes, bytes, metadata);
    call.on('error', reject);
    call.on('data', () => call.end());
    call.on('end', resolve);
    const { input } = ServerReflection.method.serverReflectionInfo;
    call.write(Buffer.from(toBinary(input, create(input, { messageRequest: { case: 'listServices', value: '' } }))));
  });
}
