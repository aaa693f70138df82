import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { checkDatabase } from '../../src/edge/cli/check-invariants.ts';
import { callGrpc, detailsOf, failureOf } from '../support/edge/clients.ts';
import { type OwnPostgres, startPostgres } from '../support/fleet/postgres.ts';
import { makeToken, type ServingProcess, startProcess } from '../support/fleet/process.ts';

const LOCK_TIMEOUT_MS = 1_000;
/** How long the database takes over a statement that a test makes slow. */
const SLOW_MS = 1_500;
/** What a busy machine may add to any bound. */
const SLACK_MS = 4_000;
const PATIENCE = { timeout: 30_000, interval: 20 };

let postgres: OwnPostgres;
let token: string;
let victim: ServingProcess;
let other: ServingProcess;
let hot: string;
let beside: string;

const start = () => startProcess(postgres.url, { DOCKET_LOCK_TIMEOUT_MS: String(LOCK_TIMEOUT_MS), DOCKET_DATABASE_POOL_SIZE: '5' });

beforeAll(async () => {
  postgres = await startPostgres({ fast: true });
  other = await start();
  token = await makeToken(postgres.url);
  [hot, beside] = (await Promise.all(['HOT', 'BESIDE'].map(furnish))) as [string, string];
  // One statement at a time is made slow: the one that the unit of work holds its lock by, or the one that its COMMIT is sent behind.
  await postgres.sql(`CREATE TABLE docket.slow (what text); GRANT ALL ON docket.slow TO PUBLIC;
    CREATE FUNCTION docket.be_slow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF EXISTS (SELECT FROM docket.slow WHERE what = TG_TABLE_NAME) THEN PERFORM pg_sleep(${SLOW_MS / 1000}); END IF; RETURN NULL; END $$;
    CREATE TRIGGER be_slow AFTER UPDATE ON docket.pools FOR EACH STATEMENT EXECUTE FUNCTION docket.be_slow();
    CREATE TRIGGER be_slow AFTER INSERT ON docket.tickets FOR EACH STATEMENT EXECUTE FUNCTION docket.be_slow()`);
}, 120_000);
beforeEach(async () => {
  victim = await start();
}, 60_000);
afterEach(() => end(victim));
afterAll(async () => {
  await end(other);
  await postgres.remove();
}, 60_000);

async function end(process: ServingProcess): Promise<void> {
  process.signal('SIGKILL');
  await process.ended;
  process.channel.close();
}

async function furnish(key: string): Promise<string> {
  const { group } = await callGrpc(other.channel, GroupService.method.createGroup, { group: { key, name: key } }, { token });
  const groupId = group?.groupId ?? '';
  for (const name of ['ann', 'bob', 'cat'])
    await callGrpc(other.channel, AgentService.method.createAgent, { agent: { agentId: `${key}-${name}`, groupIds: [groupId] } }, { token });
  return groupId;
}

const newTicket = (process: ServingProcess, requestId: string = randomUUID(), groupId = hot) =>
  callGrpc(process.channel, TicketService.method.createTicket, { groupId, userId: 1n, requestId }, { token, deadlineMs: 60_000 });

/** The answer, and how long it took. */
async function timed<T>(call: Promise<T>): Promise<{ readonly answer: T; readonly ms: number }> {
  const startMs = performance.now();
  return { answer: await call, ms: performance.now() - startMs };
}

/** Lets the victim begin with a ticket; resolves while the database is at the slow statement of it. */
async function stopBy(what: 'pools' | 'tickets', requestId: string): Promise<{ readonly told: Promise<unknown> }> {
  await newTicket(victim);
  await postgres.sql('INSERT INTO docket.slow VALUES ($1)', [what]);
  const told = newTicket(victim, requestId).catch((error: unknown) => error);
  await vi.waitFor(async () => expect(await postgres.sql(`SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'`)).toHaveLength(1), PATIENCE);
  return { told };
}
// Not TRUNCATE: that would wait until the victim's transaction, which has read the table, is over.
const goOn = () => postgres.sql('DELETE FROM docket.slow');

const traces = (requestId: string) =>
  postgres.sql<{ requests: number; entries: number }>(
    `SELECT (SELECT count(*)::int FROM docket.requests WHERE request_id = $1) AS requests,
       (SELECT count(*)::int FROM docket.audit_entries WHERE request_id = $1) AS entries`,
    [requestId],
  );

async function expectRight(): Promise<void> {
  const report = await checkDatabase(postgres.url);
  expect(report.findings.flatMap(({ invariant, first }) => first.map((words) => `${invariant} ${words}`))).toEqual([]);
}

describe('a process that is killed with its statements sent and its lock held', () => {
  it('it leaves nothing of a unit that was not committed, and its lock is free as soon as the database is done with what was sent', async () => {
    const requestId = randomUUID();
    const { told } = await stopBy('pools', requestId);
    victim.signal('SIGKILL');
    await goOn();
    const { ms } = await timed(newTicket(other));
    expect(ms).toBeLessThan(SLOW_MS + SLACK_MS);
    expect(await told).toMatchObject({ code: status.UNAVAILABLE });
    expect(await traces(requestId)).toEqual([{ requests: 0, entries: 0 }]);
    const { ticket } = await newTicket(other, requestId);
    expect((await newTicket(other, requestId)).ticket).toEqual(ticket);
    await expectRight();
  }, 60_000);

  it('it leaves all of a unit whose COMMIT was sent: whoever repeats the call finds its answer', async () => {
    const requestId = randomUUID();
    const { told } = await stopBy('tickets', requestId);
    victim.signal('SIGKILL');
    await goOn();
    const { ticket } = await newTicket(other, requestId);
    expect(await told).toMatchObject({ code: status.UNAVAILABLE });
    expect(await traces(requestId)).toEqual([{ requests: 1, entries: 1 }]);
    expect(await postgres.sql('SELECT FROM docket.tickets WHERE ticket_id = $1', [ticket?.ticketId])).toHaveLength(1);
    await expectRight();
  }, 60_000);
});

describe('a process that is stopped while it holds the lock of a pool, as one whose host has vanished', () => {
  it('it blocks others no longer than the lock time-out, is told so when it wakes, and goes on', async () => {
    const requestId = randomUUID();
    const { told } = await stopBy('pools', requestId);
    victim.signal('SIGSTOP');
    await goOn();
    const [waited, passed] = await Promise.all([timed(newTicket(other)), timed(newTicket(other, randomUUID(), beside))]);
    // From the end of the slow statement on the victim does nothing; other pools are never concerned.
    expect(waited.ms).toBeLessThan(SLOW_MS + LOCK_TIMEOUT_MS + SLACK_MS);
    expect(passed.ms).toBeLessThan(waited.ms);
    expect(waited.answer.ticket?.agentId).toMatch(/^HOT-/);
    expect(await traces(requestId)).toEqual([{ requests: 0, entries: 0 }]);

    victim.signal('SIGCONT');
    const failure = (await told) as Error & { code: number };
    expect(failure.code).toBe(status.UNAVAILABLE);
    expect(detailsOf(failure)).toMatchObject({ reason: 'DATABASE_UNAVAILABLE', retryDelayMs: 1_000 });
    const { ticket } = await newTicket(victim, requestId);
    expect((await newTicket(other, requestId)).ticket).toEqual(ticket);
    await expectRight();
  }, 60_000);
});

describe('a session that is none of the service and never lets go of a pool', () => {
  it('aborted CONCURRENT_CHANGE: with a delay to retry after, as often as the lock was tried for; other pools are not concerned', async () => {
    const session = new pg.Client({ connectionString: postgres.url });
    await session.connect();
    try {
      await session.query(
        "BEGIN; SELECT FROM docket.pools JOIN docket.group_pools USING (pool_id) WHERE group_id = (SELECT group_id FROM docket.groups WHERE key = 'HOT') FOR UPDATE OF pools",
      );
      const [blocked, passed] = await Promise.all([timed(failureOf(newTicket(other))), timed(newTicket(other, randomUUID(), beside))]);
      expect(blocked.answer.code, other.faults.join('\n')).toBe(status.ABORTED);
      expect(detailsOf(blocked.answer)).toMatchObject({ reason: 'CONCURRENT_CHANGE', retryDelayMs: 1_000 });
      expect(blocked.ms).toBeLessThan(6 * LOCK_TIMEOUT_MS + SLACK_MS);
      expect(passed.ms).toBeLessThan(LOCK_TIMEOUT_MS + SLACK_MS);
    } finally {
      await session.end();
    }
    expect((await newTicket(other)).ticket?.agentId).toMatch(/^HOT-/);
  }, 60_000);
});
