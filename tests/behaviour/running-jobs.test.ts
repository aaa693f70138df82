import type { MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';
import type { PgBoss } from 'pg-boss';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { DEAD_LETTERS, jobs as registered, startWorker, type Worker } from '../../src/edge/worker/index.ts';
import { CommandQueue } from '../../src/foundation/commands/queue.ts';
import { openOrm } from '../../src/foundation/database/orm.ts';
import { sqlOf } from '../../src/foundation/database/sql.ts';
import { openBoss } from '../../src/foundation/jobs/boss.ts';
import { makeEnqueue } from '../../src/foundation/jobs/enqueue.ts';
import { again, DONE, giveUp, type Job, type JobDeps, type JobOutcome } from '../../src/foundation/jobs/job.ts';
import { makeMetrics } from '../../src/foundation/metrics.ts';
import { createTestDatabase, type TestDatabase } from '../support/database/index.ts';

interface Note {
  readonly note: string;
}

describe('jobs', () => {
  let database: TestDatabase;
  let orm: MikroORM;
  let owner: pg.Pool;
  const metrics = makeMetrics();
  let lines: { level: number; msg: string; [more: string]: unknown }[];
  let boss: PgBoss;
  let worker: Worker | undefined;
  let ran: string[];
  /** What the job `noting` does with a note; each test says. */
  let behave: (data: Note, deps: JobDeps) => Promise<JobOutcome<Note>>;

  const noting: Job<Note> = {
    name: 'noting',
    run: (data, deps) => {
      ran.push(data.note);
      return behave(data, deps);
    },
  };

  beforeAll(async () => {
    database = await createTestDatabase();
    orm = await openOrm({ url: database.url, poolSize: 4, statementTimeoutMs: 20_000, lockTimeoutMs: 5_000, entities: [] });
    owner = new pg.Pool({ connectionString: database.url, max: 2 });
    owner.on('error', () => undefined);
  });
  afterAll(async () => {
    await orm.close(true);
    await owner.end();
    await metrics.close();
    await database.drop();
  });
  beforeEach(async () => {
    ran = [];
    lines = [];
    behave = async () => DONE;
    boss = await openBoss({ url: database.url, log: log() });
  });
  afterEach(async () => {
    await (worker ? worker.stop() : boss.stop());
    worker = undefined;
    await owner.query('DELETE FROM pgboss.job');
  });

  const log = () => pino({ level: 'trace' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const start = async (list: readonly Job[] = [noting]): Promise<Worker> => {
    const enqueue = makeEnqueue(boss);
    const queue = new CommandQueue({ orm, handlers: [], enqueue }, { lanes: 1, queueBound: 10 });
    worker = await startWorker(boss, list, { orm, queue, log: log(), metrics }, { retryDelaySeconds: 0, pollSeconds: 0.5 });
    return worker;
  };
  /** Enqueues notes in a transaction of its own, as a unit of work does. */
  const enqueue = (notes: readonly string[], options: { startAfter?: string } = {}, before: () => Promise<void> = async () => undefined) =>
    orm.em.fork().transactional(async (em) => {
      for (const note of notes) await makeEnqueue(boss)(sqlOf(em), 'noting', { note }, options);
      await before();
    });
  const jobsOf = async (name = 'noting') =>
    (
      await owner.query<{ state: string; data: Note; start_after: string; output: { reason?: string; message?: string } | null; retry_count: number }>(
        'SELECT state, data, start_after::text, output, retry_count FROM pgboss.job WHERE name = $1 ORDER BY created_on',
        [name],
      )
    ).rows;
  const finished = () =>
    vi.waitFor(async () => expect((await jobsOf()).filter((job) => job.state !== 'completed')).toEqual([]), { timeout: 20_000, interval: 50 });
  const wasRun = (note: string, times = 1) =>
    vi.waitFor(() => expect(ran.filter((one) => one === note)).toHaveLength(times), { timeout: 20_000, interval: 20 });

  it('run once their transaction has committed, and not before', async () => {
    await start();
    await enqueue(['held back'], {}, async () => {
      await enqueue(['from another transaction']);
      await wasRun('from another transaction');
      expect(ran).not.toContain('held back');
    });
    await wasRun('held back');
    await finished();
    expect(ran).toEqual(['from another transaction', 'held back']);
  });

  it('never run when their transaction was rolled back', async () => {
    await start();
    await expect(enqueue(['never'], {}, () => Promise.reject(new Error('undo')))).rejects.toThrow('undo');
    expect((await jobsOf()).map((job) => job.data.note)).toEqual([]);
    await enqueue(['after it']);
    await wasRun('after it');
    expect(ran).toEqual(['after it']);
  });

  it('are refused, with the whole transaction, when nobody has such a job', async () => {
    await start();
    await expect(orm.em.fork().transactional((em) => makeEnqueue(boss)(sqlOf(em), 'unheard-of', {}))).rejects.toThrow('unheard-of');
  });

  it('wait until the time they are meant for, to the microsecond', async () => {
    await start();
    const { rows } = await owner.query<{ time: string }>(`SELECT (now() + interval '1 hour')::text AS time`);
    const startAfter = rows[0]?.time ?? '';
    await enqueue(['later'], { startAfter });
    await enqueue(['now']);
    await wasRun('now');
    expect(ran).toEqual(['now']);
    expect((await jobsOf()).map((job) => job.start_after)).toContain(startAfter);
  });

  it('that throw are run again with the same data, until they succeed', async () => {
    let failures = 2;
    behave = async () => {
      if (failures-- > 0) throw new Error('the printer is on fire');
      return DONE;
    };
    await start();
    await enqueue(['stubborn']);
    await wasRun('stubborn', 3);
    await finished();
    expect(await jobsOf()).toMatchObject([{ state: 'completed', retry_count: 2 }]);
    expect(lines.filter((line) => line.msg === 'job failed; it will be tried again').map((line) => [line.level, line.job, line.attempt])).toEqual([
      [40, 'noting', 1],
      [40, 'noting', 2],
    ]);
  });

  it('that throw for the last time end among the dead letters, loudly', async () => {
    behave = () => Promise.reject(new Error('still on fire'));
    await start();
    await orm.em.fork().transactional(async (em) => {
      await makeEnqueue(boss)(sqlOf(em), 'noting', { note: 'hopeless' });
      await sqlOf(em)(`UPDATE pgboss.job SET retry_limit = 0 WHERE name = 'noting'`);
    });
    await vi.waitFor(async () => expect(await jobsOf(DEAD_LETTERS)).toMatchObject([{ data: { note: 'hopeless' } }]), { timeout: 20_000, interval: 50 });
    expect(ran).toEqual(['hopeless']);
    expect(lines.some((line) => line.level === 50 && line.msg === 'job failed for the last time')).toBe(true);
  });

  it('that give up are not tried again, and keep their reason among the dead letters', async () => {
    behave = async () => giveUp('the agent was deleted');
    await start();
    await enqueue(['pointless']);
    await vi.waitFor(async () => expect(await jobsOf(DEAD_LETTERS)).toMatchObject([{ data: { note: 'pointless' } }]), { timeout: 20_000, interval: 50 });
    expect(await jobsOf()).toMatchObject([{ state: 'failed', output: { reason: 'the agent was deleted' } }]);
    expect(ran).toEqual(['pointless']);
    expect(lines.some((line) => line.level === 50 && line.msg === 'job given up')).toBe(true);
  });

  it('that have more to do are run again, with what is left, and that counts as no failure', async () => {
    behave = async ({ note }) => (note.length > 1 ? again(100, { note: note.slice(1) }) : DONE);
    await start();
    await enqueue(['abc']);
    await wasRun('c');
    await finished();
    expect(ran).toEqual(['abc', 'bc', 'c']);
    expect(lines.filter((line) => line.level >= 40)).toEqual([]);
  });

  it('of a process that was killed are taken over by another', async () => {
    await start();
    await worker?.stop();
    worker = undefined;
    boss = await openBoss({ url: database.url, log: log() });
    await enqueue(['orphan']);
    // What a process leaves behind that claimed it, and was last heard of an hour ago.
    await owner.query(
      `UPDATE pgboss.job SET state = 'active', started_on = now() - interval '1 hour', heartbeat_on = now() - interval '1 hour', expire_seconds = 7200`,
    );
    await start();
    await boss.supervise('noting');
    await wasRun('orphan');
    await finished();
  });

  it('are brought to an end when the process stops; what is not finished goes on in the next one', async () => {
    behave = async ({ note }, { signal }) => {
      if (note === 'second') return DONE;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return again(0, { note: 'second' });
    };
    const first = await start();
    await enqueue(['first']);
    await wasRun('first');
    await first.stop();
    expect(ran).toEqual(['first']);
    expect(await jobsOf()).toMatchObject([{ state: 'completed' }, { state: 'created', data: { note: 'second' } }]);
    boss = await openBoss({ url: database.url, log: log() });
    await start();
    await wasRun('second');
    await finished();
  });

  it('that do not end in time are handed back', async () => {
    let release: () => void = () => undefined;
    behave = () => new Promise((resolve) => (release = () => resolve(DONE)));
    const first = await start();
    await enqueue(['endless']);
    await wasRun('endless');
    await first.stop(1000);
    expect(await jobsOf()).toMatchObject([{ state: 'retry' }]);
    release();
    behave = async () => DONE;
    boss = await openBoss({ url: database.url, log: log() });
    await start();
    await wasRun('endless', 2);
    await finished();
  });

  it('work under the role of the service, and say nothing when all is well', async () => {
    await start(registered);
    const { rows } = await boss.getDb().executeSql('SELECT current_user AS role');
    expect(rows).toEqual([{ role: 'docket_service' }]);
    await boss.supervise();
    expect(lines.filter((line) => line.level >= 40)).toEqual([]);
  });

  it('run by the timetable that they carry, and by no older one', async () => {
    const nightly: Job = { name: 'nightly', schedule: { cron: '0 4 * * *', timeZone: 'Europe/Berlin' }, run: async () => DONE };
    await start([noting, nightly]);
    expect(await boss.getSchedules()).toMatchObject([{ name: 'nightly', cron: '0 4 * * *', timezone: 'Europe/Berlin' }]);
    await worker?.stop();
    boss = await openBoss({ url: database.url, log: log() });
    await start(registered);
    const timetable = (await boss.getSchedules()).map(({ name, cron, timezone }) => ({ name, cron, timezone }));
    const wanted = registered.flatMap(({ name, schedule }) => (schedule ? [{ name, cron: schedule.cron, timezone: schedule.timeZone }] : []));
    expect(timetable).toEqual(expect.arrayContaining(wanted));
    expect(timetable).toHaveLength(wanted.length);
  });

  it('that run by the clock wait at most once, however often they are due', async () => {
    await start(registered);
    await worker?.stop();
    worker = undefined;
    boss = await openBoss({ url: database.url, log: log() });
    const [scheduled] = registered.filter((job) => job.schedule);
    await boss.send(scheduled?.name ?? '', {});
    await boss.send(scheduled?.name ?? '', {});
    expect(await jobsOf(scheduled?.name)).toHaveLength(1);
  });
});
