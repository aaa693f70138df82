import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createEmptyDatabase, type TestDatabase } from '../support/database/index.ts';

// Ways of giving out tickets that look right and are not. Each is seen going wrong, beside the way that the
// engine goes, which in the same situation does not.

let database: TestDatabase;
const clients: pg.Client[] = [];

beforeAll(async () => {
  database = await createEmptyDatabase();
  for (let at = 0; at < 8; at++) {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    clients.push(client);
  }
  await client(0).query(`
    CREATE TABLE pool (pool_id int PRIMARY KEY, counted_until timestamptz);
    CREATE TABLE agents (agent_id text PRIMARY KEY, today int NOT NULL);
    CREATE TABLE tickets (agent_id text NOT NULL);
    CREATE TABLE timers (timer_id int PRIMARY KEY, fired boolean NOT NULL DEFAULT false)`);
});
afterAll(async () => {
  for (const client of clients) await client.end();
  await database.drop();
});
beforeEach(async () => {
  await client(0).query(`TRUNCATE pool, agents, tickets, timers; INSERT INTO pool VALUES (1); INSERT INTO timers VALUES (1)`);
});

const client = (at: number): pg.Client => clients[at] as pg.Client;

/** One way of giving a ticket to somebody, inside a transaction. */
type Way = (client: pg.Client) => Promise<void>;

async function choose(client: pg.Client, statement: string): Promise<{ agent_id: string; today: number } | undefined> {
  return (await client.query<{ agent_id: string; today: number }>(statement)).rows[0];
}

async function give(client: pg.Client, agentId: string): Promise<void> {
  await client.query('UPDATE agents SET today = today + 1 WHERE agent_id = $1', [agentId]);
  await client.query('INSERT INTO tickets VALUES ($1)', [agentId]);
}

const FEWEST = 'SELECT agent_id, today FROM agents ORDER BY today, agent_id LIMIT 1';

/** The engine's way: first the pool's lock; then, by another statement, the counters. */
const rightWay: Way = async (client) => {
  await client.query('SELECT FROM pool WHERE pool_id = 1 FOR UPDATE');
  await give(client, (await choose(client, FEWEST))?.agent_id ?? '');
};

/** Two give out a ticket each; the second begins before the first has committed. */
async function twoAtOnce(way: Way, begin = 'BEGIN'): Promise<void> {
  const [first, second] = [client(1), client(2)];
  await first.query(begin);
  await second.query(begin);
  await way(first);
  let done = false;
  const giving = way(second).finally(() => {
    done = true;
  });
  await untilBlocked(() => done);
  await first.query('COMMIT');
  await giving;
  await second.query('COMMIT');
}

/** Waits until somebody waits for a lock, or needs none. */
const untilBlocked = (goesOn: () => boolean = () => false) =>
  vi.waitFor(
    async () => {
      const { rows } = await client(0).query(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`);
      expect(goesOn() || rows.length > 0).toBe(true);
    },
    { timeout: 10_000, interval: 10 },
  );

/** Tickets counted for each agent, and tickets that he really has. */
async function standing(): Promise<Record<string, { counted: number; real: number }>> {
  const { rows } = await client(0).query<{ agent_id: string; counted: number; real: number }>(
    'SELECT agent_id, today AS counted, (SELECT count(*)::int FROM tickets t WHERE t.agent_id = a.agent_id) AS real FROM agents a ORDER BY 1',
  );
  return Object.fromEntries(rows.map(({ agent_id, counted, real }) => [agent_id, { counted, real }]));
}

const agents = (today: Record<string, number>) =>
  client(0).query('INSERT INTO agents SELECT key, value::int FROM jsonb_each_text($1)', [JSON.stringify(today)]);
const fair = { a: { counted: 1, real: 1 }, b: { counted: 1, real: 1 } };

describe('counters without a lock', () => {
  it('lose a ticket that they should have counted, and give both to one agent', async () => {
    await agents({ a: 0, b: 0 });
    await twoAtOnce(async (session) => {
      const chosen = await choose(session, FEWEST);
      await session.query('UPDATE agents SET today = $2 WHERE agent_id = $1', [chosen?.agent_id, (chosen?.today ?? 0) + 1]);
      await session.query('INSERT INTO tickets VALUES ($1)', [chosen?.agent_id]);
    });
    expect(await standing()).toEqual({ a: { counted: 1, real: 2 }, b: { counted: 0, real: 0 } });
  });
});

describe('ordering and locking the agents in one statement', () => {
  it('gives to who was the least before the wait, not after it', async () => {
    await agents({ a: 0, b: 0 });
    await twoAtOnce(async (session) => give(session, (await choose(session, `${FEWEST} FOR UPDATE`))?.agent_id ?? ''));
    expect(await standing()).toEqual({ a: { counted: 2, real: 2 }, b: { counted: 0, real: 0 } });
  });

  it('with SKIP LOCKED gives to whoever happens to be unlocked, however many he has', async () => {
    await agents({ a: 0, b: 5 });
    await twoAtOnce(async (session) => give(session, (await choose(session, `${FEWEST} FOR UPDATE SKIP LOCKED`))?.agent_id ?? ''));
    expect(await standing()).toEqual({ a: { counted: 1, real: 1 }, b: { counted: 6, real: 1 } });
  });

  it('with SKIP LOCKED finds nobody when more tickets come at once than there are agents', async () => {
    await agents({ a: 0 });
    await client(1).query('BEGIN');
    await client(2).query('BEGIN');
    expect(await choose(client(1), `${FEWEST} FOR UPDATE SKIP LOCKED`)).toBeDefined();
    expect(await choose(client(2), `${FEWEST} FOR UPDATE SKIP LOCKED`)).toBeUndefined();
    for (const at of [1, 2]) await client(at).query('ROLLBACK');
  });
});

describe('locking the pool and reading the counters in one statement', () => {
  it('reads the counters as they were before the wait', async () => {
    await agents({ a: 0, b: 0 });
    const atOnce = `WITH held AS MATERIALIZED (SELECT pool_id FROM pool WHERE pool_id = 1 FOR UPDATE) SELECT agent_id, today FROM held CROSS JOIN agents ORDER BY today, agent_id LIMIT 1`;
    await twoAtOnce(async (session) => give(session, (await choose(session, atOnce))?.agent_id ?? ''));
    expect(await standing()).toEqual({ a: { counted: 2, real: 2 }, b: { counted: 0, real: 0 } });
  });
});

describe('the pool first, then the counters by another statement', () => {
  it('gives one to each, and the second again to the one with fewest', async () => {
    await agents({ a: 0, b: 0 });
    await twoAtOnce(rightWay);
    expect(await standing()).toEqual(fair);
    await client(0).query('TRUNCATE agents, tickets');
    await agents({ a: 0, b: 5 });
    await twoAtOnce(rightWay);
    expect(await standing()).toEqual({ a: { counted: 2, real: 2 }, b: { counted: 5, real: 0 } });
  });

  it('keeps eight at once, many times, at most one apart, and counts every ticket', async () => {
    await agents({ a: 0, b: 0, c: 0, d: 0, e: 0 });
    await Promise.all(
      clients.map(async (session) => {
        for (let ticket = 0; ticket < 8; ticket++) {
          await session.query('BEGIN');
          await rightWay(session);
          await session.query('COMMIT');
        }
      }),
    );
    const counts = Object.values(await standing());
    expect(counts.map(({ counted }) => counted).sort()).toEqual([12, 13, 13, 13, 13]);
    expect(counts.every(({ counted, real }) => counted === real)).toBe(true);
  });
});

describe('time across midnight', () => {
  /** What the day is counted by: of one who began before midnight and got the lock after another had it, later than midnight. */
  async function countAfterMidnight(clock: 'now()' | 'clock_timestamp()'): Promise<{ midnight: Date; counted: Date }> {
    const [early, late] = [client(1), client(2)];
    await early.query('BEGIN');
    await early.query('SELECT now()');
    const { rows } = await client(0).query<{ midnight: Date }>('SELECT clock_timestamp() AS midnight');
    await late.query('BEGIN');
    await late.query('SELECT FROM pool FOR UPDATE');
    await late.query('UPDATE pool SET counted_until = clock_timestamp()');
    const waiting = early.query('SELECT FROM pool FOR UPDATE');
    await untilBlocked();
    await late.query('COMMIT');
    await waiting;
    await early.query(`UPDATE pool SET counted_until = ${clock}`);
    await early.query('COMMIT');
    const counted = await client(0).query<{ counted: Date }>('SELECT counted_until AS counted FROM pool');
    return { midnight: rows[0]?.midnight as Date, counted: counted.rows[0]?.counted as Date };
  }

  it('by now() stands still from the start of the transaction: the pool goes back to the day before', async () => {
    const { midnight, counted } = await countAfterMidnight('now()');
    expect(counted.getTime()).toBeLessThanOrEqual(midnight.getTime());
  });

  it('by the real clock, read after the lock, never goes back', async () => {
    const { midnight, counted } = await countAfterMidnight('clock_timestamp()');
    expect(counted.getTime()).toBeGreaterThanOrEqual(midnight.getTime());
  });
});

describe('SERIALIZABLE as the only guard', () => {
  /** Eight look at the counters before any of them writes; answers what became of each. */
  async function eightAtOnce(begin: string): Promise<string[]> {
    const chosen: Awaited<ReturnType<typeof choose>>[] = [];
    for (const session of clients) {
      await session.query(begin);
      chosen.push(await choose(session, FEWEST));
    }
    return Promise.all(
      clients.map(async (session, at) => {
        try {
          await give(session, chosen[at]?.agent_id ?? '');
          await session.query('COMMIT');
          return 'committed';
        } catch (error) {
          await session.query('ROLLBACK');
          return (error as { code: string }).code;
        }
      }),
    );
  }

  it('throws away all work but one’s when many come at once: it must all be done again, and again', async () => {
    await agents({ a: 0, b: 0 });
    const outcomes = await eightAtOnce('BEGIN ISOLATION LEVEL SERIALIZABLE');
    expect(outcomes.filter((outcome) => outcome === 'committed')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === '40001')).toHaveLength(7);
    expect(Object.values(await standing()).reduce((sum, { real }) => sum + real, 0)).toBe(1);
  });

  it('is not needed where the pool is locked: everybody commits at the first try', async () => {
    await agents({ a: 0, b: 0 });
    await Promise.all(
      clients.map(async (session) => {
        await session.query('BEGIN');
        await rightWay(session);
        await session.query('COMMIT');
      }),
    );
    expect(await standing()).toEqual({ a: { counted: 4, real: 4 }, b: { counted: 4, real: 4 } });
  });
});

describe('a sweep of timers', () => {
  const lockTimer = (session: pg.Client) => session.query('SELECT FROM timers WHERE timer_id = 1 FOR UPDATE');
  const lockPool = (session: pg.Client) => session.query('SELECT FROM pool WHERE pool_id = 1 FOR UPDATE');
  const commit = (session: pg.Client) => session.query('COMMIT');
  const codeOf = (step: Promise<unknown>) =>
    step.then(
      () => 'done',
      (error: { code: string }) => error.code,
    );

  it('that locks its timers before the pool deadlocks with a resolve', async () => {
    const [sweep, resolve] = [client(1), client(2)];
    await sweep.query('BEGIN');
    await resolve.query('BEGIN');
    await lockTimer(sweep);
    await lockPool(resolve);
    const outcomes = await Promise.all([codeOf(lockPool(sweep).then(() => commit(sweep))), codeOf(lockTimer(resolve).then(() => commit(resolve)))]);
    for (const session of [sweep, resolve]) await session.query('ROLLBACK');
    expect(outcomes.sort()).toEqual(['40P01', 'done']);
  });

  it('that locks the pool first waits for the resolve, and both are done', async () => {
    const [sweep, resolve] = [client(1), client(2)];
    await sweep.query('BEGIN');
    await resolve.query('BEGIN');
    await lockPool(resolve);
    const waiting = codeOf(
      lockPool(sweep)
        .then(() => lockTimer(sweep))
        .then(() => commit(sweep)),
    );
    await untilBlocked();
    expect(await codeOf(lockTimer(resolve).then(() => commit(resolve)))).toBe('done');
    expect(await waiting).toBe('done');
  });
});
