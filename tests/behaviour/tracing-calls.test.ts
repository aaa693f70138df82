import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Availability } from '../../gen/ticketing/v1/agent_pb.ts';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { readTraceParent } from '../../src/foundation/tracing.ts';
import { callGrpc, connectClient, failureOf } from '../support/edge/clients.ts';
import { type Service, startService } from '../support/service.ts';

const PATIENCE = { timeout: 30_000, interval: 100 };

/** A span as a collector gets it. */
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly status: { readonly code?: number };
  readonly links?: readonly { readonly spanId: string }[];
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}
interface Export {
  readonly resourceSpans?: readonly { readonly resource: unknown; readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[];
  readonly resourceMetrics?: readonly {
    readonly resource: unknown;
    readonly scopeMetrics: readonly { readonly metrics: readonly { readonly name: string }[] }[];
  }[];
}

/** A collector that keeps what it is sent. */
const received: { readonly path: string | undefined; readonly key: string | undefined; readonly body: Export }[] = [];
let collector: Server;
let service: Service;
let admin: string;
let groupId: string;

const spans = (): Span[] => received.flatMap(({ body }) => (body.resourceSpans ?? []).flatMap((each) => each.scopeSpans.flatMap((scope) => scope.spans)));
const metrics = () => received.flatMap(({ body }) => body.resourceMetrics ?? []);
const childrenOf = (parent: Pick<Span, 'traceId' | 'spanId'>): Span[] =>
  spans().filter(({ traceId, parentSpanId }) => traceId === parent.traceId && parentSpanId === parent.spanId);
const onlyChild = (parent: Pick<Span, 'traceId' | 'spanId'>, name: string): Span => {
  const found = childrenOf(parent).filter((span) => span.name === name);
  expect(found, `${name} below ${parent.spanId}`).toHaveLength(1);
  return found[0] as Span;
};
const attributesOf = (span: Span): Record<string, unknown> => Object.fromEntries(span.attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

/** What a caller who is traced himself sends along. */
function caller(flags = '01') {
  const traceId = randomBytes(16).toString('hex');
  const spanId = randomBytes(8).toString('hex');
  return { traceId, spanId, metadata: { traceparent: `00-${traceId}-${spanId}-${flags}` } };
}

beforeAll(async () => {
  collector = createServer(async (request, response) => {
    received.push({ path: request.url, key: request.headers['api-key']?.toString(), body: (await json(request)) as Export });
    response.setHeader('content-type', 'application/json').end('{}');
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const { port } = collector.address() as AddressInfo;
  service = await startService({
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=to%20the%20collector',
    OTEL_SERVICE_NAME: 'docket-under-test',
    OTEL_BSP_SCHEDULE_DELAY: '50',
    OTEL_METRIC_EXPORT_INTERVAL: '200',
  });
  admin = await service.person('person.behind@example.org', ['admin']);
  const { group } = await service.call(GroupService.method.createGroup, { group: { key: 'KYC' } }, admin);
  groupId = group?.groupId ?? '';
  await service.call(AgentService.method.createAgent, { agent: { agentId: 'agent.behind@example.org', groupIds: [groupId] } }, admin);
});
afterAll(async () => {
  await service.close();
  await new Promise((resolve) => collector.close(resolve));
});

const secrets = { userId: 471_147_114_711n, title: 'title of somebody', description: 'told in confidence', reason: 'said in confidence' };

const ports = [
  [
    'gRPC',
    async (metadata: Record<string, string>) =>
      (await callGrpc(service.channel, TicketService.method.createTicket, { groupId, ...secrets }, { token: admin, metadata })).ticket,
  ],
  [
    'Connect',
    async (headers: Record<string, string>) =>
      (
        await connectClient(service.url, 'connect', { httpVersion: '1.1' }).createTicket(
          { groupId, ...secrets },
          { headers: { ...headers, authorization: admin } },
        )
      ).ticket,
  ],
] as const;

describe('a traced CreateTicket', () => {
  it.each(ports)('is one tree below the span of its caller, down to its statements: %s port', async (_, create) => {
    const from = caller();
    await create(from.metadata);
    await vi.waitFor(() => {
      const call = onlyChild(from, 'ticketing.v1.TicketService/CreateTicket');
      expect(call.kind).toBe(2);
      expect(attributesOf(call)).toMatchObject({ 'rpc.method': 'CreateTicket', 'rpc.grpc.status_code': 0 });
      const unit = onlyChild(call, 'unit of work');
      expect(attributesOf(unit)).toMatchObject({ 'docket.commands': 1 });
      const statements = childrenOf(unit).map(({ name }) => name);
      expect(statements).toEqual(expect.arrayContaining(['INSERT INTO tickets', 'INSERT INTO requests', 'COMMIT']));
    }, PATIENCE);
  });

  it('tells how a failed one ended', async () => {
    const from = caller();
    const gone = '0190b6a5-1111-7000-8000-000000000001';
    await failureOf(callGrpc(service.channel, TicketService.method.createTicket, { groupId: gone, userId: 7n }, { token: admin, metadata: from.metadata }));
    await vi.waitFor(() => {
      const call = onlyChild(from, 'ticketing.v1.TicketService/CreateTicket');
      expect(call.status.code).toBe(2);
      expect(attributesOf(call)).toMatchObject({ 'rpc.grpc.status_code': 5, 'docket.reason': 'GROUP_NOT_FOUND', 'error.type': 'NOT_FOUND' });
    }, PATIENCE);
  });

  it('is linked to the unit of work that carries it with others', async () => {
    const callers = Array.from({ length: 40 }, () => caller());
    await Promise.all(
      callers.map(({ metadata }) => callGrpc(service.channel, TicketService.method.createTicket, { groupId, userId: 7n }, { token: admin, metadata })),
    );
    await vi.waitFor(() => {
      const calls = callers.map((from) => onlyChild(from, 'ticketing.v1.TicketService/CreateTicket'));
      const units = spans().filter(({ name }) => name === 'unit of work');
      for (const { spanId } of calls) {
        const carriers = units.filter((unit) => unit.parentSpanId === spanId || unit.links?.some((link) => link.spanId === spanId));
        expect(carriers).toHaveLength(1);
      }
      expect(units.some((unit) => (unit.links?.length ?? 0) > 0)).toBe(true);
    }, PATIENCE);
  });
});

describe('a traced read', () => {
  it('has its statements below it', async () => {
    const from = caller();
    await callGrpc(service.channel, TicketService.method.listTickets, {}, { token: admin, metadata: from.metadata });
    await vi.waitFor(() => {
      const call = onlyChild(from, 'ticketing.v1.TicketService/ListTickets');
      expect(childrenOf(call).map(({ name }) => name)).toContain('SELECT tickets');
    }, PATIENCE);
  });
});

describe('a job that a traced call leaves', () => {
  it('is in the trace of that call, and so is what it changes', async () => {
    const from = caller();
    await callGrpc(
      service.channel,
      AgentService.method.setAvailability,
      { agentId: 'agent.behind@example.org', availability: Availability.AWAY, until: timestampFromMs(Date.now() + 1_500) },
      { token: admin, metadata: from.metadata },
    );
    await vi.waitFor(() => {
      const unit = onlyChild(onlyChild(from, 'ticketing.v1.AgentService/SetAvailability'), 'unit of work');
      const job = childrenOf(unit).find(({ name }) => name === 'job end-availability');
      expect(job).toMatchObject({ kind: 5 });
      expect(childrenOf(onlyChild(job as Span, 'unit of work')).map(({ name }) => name)).toContain('COMMIT');
    }, PATIENCE);
    const { agent } = await service.call(AgentService.method.getAgent, { agentId: 'agent.behind@example.org' }, admin);
    expect(agent?.availability).toBe(Availability.AVAILABLE);
    expect(service.faults).toEqual([]);
  }, 60_000);
});

describe('what is sent', () => {
  it('goes to the collector under the name and with the headers of the settings', async () => {
    await vi.waitFor(() => {
      expect(new Set(received.map(({ path, key }) => `${path} ${key}`))).toEqual(new Set(['/v1/traces to the collector', '/v1/metrics to the collector']));
    }, PATIENCE);
    for (const { body } of received) {
      for (const { resource } of body.resourceSpans ?? body.resourceMetrics ?? []) expect(JSON.stringify(resource)).toContain('docket-under-test');
    }
  });

  it('has the same metrics as a scrape, each process under a name of its own', async () => {
    const scraped = await (await fetch(`http://127.0.0.1:${service.app.server.metricsPort}/metrics`)).text();
    // Counters end with `_total` there.
    const names = [...scraped.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type]) => (type === 'counter' ? name.replace(/_total$/, '') : name));
    expect(names).toContain('docket_queue_waiting_commands');
    await vi.waitFor(() => {
      const sent = metrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics.map(({ name }) => name.replace(/_total$/, ''))));
      expect(names.filter((name) => !sent.includes(name))).toEqual([]);
    }, PATIENCE);
    const instances = new Set(metrics().map(({ resource }) => /service\.instance\.id.*?([0-9a-f-]{36})/.exec(JSON.stringify(resource))?.[1]));
    expect([...instances]).toEqual([expect.any(String)]);
  });

  it('holds no token, no person, and nothing of a request', async () => {
    const from = caller();
    await ports[0][1](from.metadata);
    await vi.waitFor(() => onlyChild(from, 'ticketing.v1.TicketService/CreateTicket'), PATIENCE);
    const text = JSON.stringify(received);
    for (const secret of [admin.replace('Bearer ', ''), 'behind@example.org', '471147114711', secrets.title, secrets.description, secrets.reason, groupId])
      expect(text).not.toContain(secret);
  });

  it('leaves out what its caller decided not to trace', async () => {
    const silent = caller('00');
    const loud = caller();
    for (const { metadata } of [silent, loud]) await callGrpc(service.channel, TicketService.method.listTickets, {}, { token: admin, metadata });
    await vi.waitFor(() => onlyChild(loud, 'ticketing.v1.TicketService/ListTickets'), PATIENCE);
    expect(spans().filter(({ traceId }) => traceId === silent.traceId)).toEqual([]);
  });

  it('begins a trace of its own where the header says nothing that counts', () => {
    const [traceId, spanId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
    expect(readTraceParent(`00-${traceId}-${spanId}-01`)).toEqual({ traceId, spanId, traceFlags: 1, isRemote: true });
    expect(readTraceParent(`cc-${traceId}-${spanId}-01-more`)).toMatchObject({ traceId });
    const bad = [undefined, '', 'x', `ff-${traceId}-${spanId}-01`, `00-${'0'.repeat(32)}-${spanId}-01`, `00-${traceId}-${'0'.repeat(16)}-01`];
    for (const text of [...bad, `00-${traceId}-${spanId}-01-more`, `00-${traceId.toUpperCase()}-${spanId}-01`]) expect(readTraceParent(text)).toBeUndefined();
  });
});

describe('a collector that is not there', () => {
  it('costs no call, and does not hold up the end', async () => {
    const other = await startService({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:9/v1/traces',
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://127.0.0.1:9/v1/metrics',
      OTEL_METRIC_EXPORT_INTERVAL: '200',
    });
    const token = await other.person('somebody', ['admin']);
    expect(await other.call(GroupService.method.listGroups, {}, token)).toMatchObject({ groups: [] });
    const startMs = performance.now();
    await other.app.close();
    expect(performance.now() - startMs).toBeLessThan(9_000);
    expect(other.faults).toEqual([]);
    await other.close();
  });
});
