import { randomUUID } from 'node:crypto';
import type { Client } from '@grpc/grpc-js';
import type { MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { recordRefusedCalls } from '../../src/domain/audit/index.ts';
import { makeRefusals } from '../../src/edge/rpc/interceptors/refusals.ts';
import { REFUSAL_CLOSE_MS, REFUSAL_WINDOW_MS } from '../../src/edge/rpc/limits.ts';
import type { Refusal } from '../../src/edge/rpc/refusal-folds.ts';
import { RefusalLog, type RefusalLogDeps } from '../../src/edge/rpc/refusal-log.ts';
import { openOrm } from '../../src/foundation/database/orm.ts';
import { sqlOf } from '../../src/foundation/database/sql.ts';
import { makeMetrics } from '../../src/foundation/metrics.ts';
import { createTestDatabase } from '../support/database/index.ts';
import { callGrpc, grpcChannel } from '../support/edge/clients.ts';
import { startTestEdge, tokenOf } from '../support/edge/index.ts';
import { makeToken, startProcess } from '../support/fleet/process.ts';
import { callsIn, REFUSED_ENTRIES, type RefusedEntry } from '../support/refusals.ts';
import { outcomeOf } from '../support/service.ts';

const { createTicket } = TicketService.method;

describe('many refused calls', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let orm: MikroORM;
  let owner: pg.Pool;
  let channel: Client | undefined;
  beforeAll(async () => {
    database = await createTestDatabase();
    orm = await openOrm({ url: database.url, poolSize: 2, statementTimeoutMs: 20_000, lockTimeoutMs: 5_000, entities: [] });
    owner = new pg.Pool({ connectionString: database.url, options: '-c search_path=docket -c timezone=UTC', max: 1 });
  });
  afterAll(async () => {
    channel?.close();
    await orm.close(true);
    await owner.end();
    await database.drop();
  });

  const recorded = async (actor: string): Promise<RefusedEntry[]> => (await owner.query<RefusedEntry>(REFUSED_ENTRIES, [actor])).rows;
  const refusal = (more: Partial<Refusal> = {}): Refusal => ({
    ...{ actor: 'user:sue', actorKind: 'USER', rpc: 'a.B/Change', code: 'NOT_FOUND', errorReason: 'TICKET_NOT_FOUND', requestId: undefined, reason: '' },
    ...more,
  });
  /** A log on the database whose clock the test moves. */
  function startLog(more: Partial<RefusalLogDeps> = {}) {
    const lines: string[] = [];
    const clock = { ms: 0 };
    const metrics = makeMetrics();
    onTestFinished(() => metrics.close());
    const log = new RefusalLog({
      write: (calls, signal) => recordRefusedCalls(sqlOf(orm.em.fork(), signal), calls),
      log: pino({ level: 'warn' }, { write: (line: string) => void lines.push((JSON.parse(line) as { msg: string }).msg) }),
      metrics,
      nowMs: () => clock.ms,
      ...more,
    });
    onTestFinished(() => log.close());
    return { log, lines, clock };
  }

  it('of one kind within a minute make two entries, which count them all', async () => {
    const { log, clock } = startLog();
    const edge = await startTestEdge({ orm, refusals: makeRefusals((one) => log.note(one)) });
    onTestFinished(edge.close);
    channel = grpcChannel(edge.grpcAddress);
    for (let round = 0; round < 10; round++) {
      clock.ms = round * 5_000;
      const calls = Array.from({ length: 100 }, () => outcomeOf(callGrpc(channel as Client, createTicket, {}, { token: tokenOf('service') })));
      expect(new Set(await Promise.all(calls))).toEqual(new Set(['INVALID_FIELD']));
      await log.writeDue();
    }
    expect(await recorded('test-service')).toHaveLength(1);
    clock.ms = REFUSAL_WINDOW_MS;
    await log.writeDue();
    const entries = await recorded('test-service');
    expect(entries).toHaveLength(2);
    expect(callsIn(entries)).toBe(1_000);
    const [, { after }] = entries as [RefusedEntry, RefusedEntry];
    // Calls that came with the first and before it was written are counted there; the last ones came at second 45 of the minute.
    expect(Date.parse(after.last_time) - Date.parse(after.first_time)).toBeGreaterThanOrEqual(40_000);
  });

  it('of too many kinds are told of together, as calls of several RPCs', async () => {
    const { log } = startLog();
    for (let kind = 0; kind < 100; kind++) log.note(refusal({ actor: 'user:wild', rpc: `a.B/Change${kind}` }));
    await log.writeDue();
    const entries = await recorded('user:wild');
    expect(entries).toHaveLength(33);
    expect(entries.at(-1)).toMatchObject({ rpc: '', entity_id: '*', after: { code: '', error_reason: 'OTHERS', count: 68 } });
  });

  it('are kept while the database is away, which is said once, and are on record when it is back', async () => {
    let away = true;
    const { log, lines, clock } = startLog({
      async write(calls, signal) {
        if (away) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
        await recordRefusedCalls(sqlOf(orm.em.fork(), signal), calls);
      },
    });
    for (let second = 0; second < 300; second++) {
      clock.ms = second * 1_000;
      log.note(refusal({ actor: 'user:patient' }));
      await log.writeDue();
    }
    expect(lines).toEqual(['refused calls wait to be written into the audit log']);
    away = false;
    await log.writeDue();
    expect((await recorded('user:patient')).map(({ after }) => after.count)).toEqual([300]);
    expect(lines).toHaveLength(1);
  });

  it('that the database will not take keep out no others', async () => {
    const { log, lines } = startLog();
    log.note(refusal({ actor: 'user:odd', reason: 'a\u0000b' }));
    await log.writeDue();
    log.note(refusal({ actor: 'user:even' }));
    await log.writeDue();
    expect(lines).toEqual(['refused calls cannot be written into the audit log']);
    expect(await recorded('user:odd')).toEqual([]);
    expect(await recorded('user:even')).toHaveLength(1);
  });

  it('are written by themselves when their minute is over, and all of them at the end', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const written: number[] = [];
    const { log, clock } = startLog({ write: async (calls) => void written.push(...calls.map(({ count }) => count)) });
    log.note(refusal());
    await vi.advanceTimersByTimeAsync(1_000);
    for (let call = 0; call < 5; call++) log.note(refusal());
    await vi.advanceTimersByTimeAsync(10_000);
    expect(written).toEqual([1]);
    clock.ms = REFUSAL_WINDOW_MS;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(written).toEqual([1, 5]);
    expect(vi.getTimerCount()).toBe(0);
    log.note(refusal());
    await log.writeDue();
    for (let call = 0; call < 3; call++) log.note(refusal());
    await log.close();
    expect(written).toEqual([1, 5, 1, 3]);
  });

  it('do not keep the service from stopping when the database hangs', async () => {
    const { log, lines } = startLog({ write: () => new Promise(() => undefined) });
    log.note(refusal());
    const startedMs = performance.now();
    await log.close();
    expect(performance.now() - startedMs).toBeLessThan(REFUSAL_CLOSE_MS + 1_000);
    expect(lines.at(-1)).toMatch(/^refused calls are not on record/);
  });

  it('are all that the role of the service can write into the log', async () => {
    const sql = sqlOf(orm.em.fork());
    expect(await sql('SELECT current_user AS role')).toEqual([{ role: 'docket_service' }]);
    const call = {
      actor: 'user:liar',
      actor_kind: 'USER',
      rpc: 'a.B/Change',
      reason: '',
      code: 'X',
      error_reason: 'Y',
      count: 1,
      first_ms_ago: 0,
      last_ms_ago: 0,
    };
    const forged = {
      ...call,
      entity_type: 'ticket',
      entity_id: 'KYC-1',
      operation: 'CREATE',
      version: 9,
      before: { a: 1 },
      after: { a: 2 },
      changed_fields: ['a'],
      time: '2001-01-01',
    };
    await sql('SELECT record_refused_calls($1)', [JSON.stringify([forged])]);
    expect(await recorded('user:liar')).toMatchObject([
      { entity_type: 'call', entity_id: 'a.B/Change', operation: 'REFUSE', version: '1', before: null, changed_fields: [], after: { code: 'X', count: 1 } },
    ]);
    for (const actor_kind of ['SYSTEM', 'DATABASE', null])
      await expect(sql('SELECT record_refused_calls($1)', [JSON.stringify([{ ...call, actor_kind }])])).rejects.toMatchObject({ code: '42501' });
  });
});

it('is on record when the service is told to stop right after it', { timeout: 60_000 }, async () => {
  const database = await createTestDatabase();
  onTestFinished(database.drop);
  const token = await makeToken(database.url);
  const process = await startProcess(database.url);
  onTestFinished(() => process.channel.close());
  const calls = await Promise.all(
    Array.from({ length: 20 }, () => outcomeOf(callGrpc(process.channel, createTicket, { groupId: randomUUID(), userId: 1n }, { token }))),
  );
  process.signal('SIGTERM');
  expect(new Set(calls)).toEqual(new Set(['GROUP_NOT_FOUND']));
  expect(await process.ended).toBe(0);
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const { rows } = await client.query<RefusedEntry>(REFUSED_ENTRIES, ['']);
  await client.end();
  expect(callsIn(rows)).toBe(20);
});
