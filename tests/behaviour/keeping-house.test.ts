import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PgBoss } from 'pg-boss';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { jobs, startWorker } from '../../src/edge/worker/index.ts';
import { CommandQueue } from '../../src/foundation/commands/queue.ts';
import { openBoss } from '../../src/foundation/jobs/boss.ts';
import { type Metrics, makeMetrics } from '../../src/foundation/metrics.ts';
import { moveClock } from '../support/database/index.ts';
import { changeAs, insertAgent, type Reading, startReading } from '../support/reading.ts';

describe('the jobs that keep house', () => {
  let reading: Reading;
  let boss: PgBoss;
  let metrics: Metrics;
  let stop: () => Promise<void>;
  let lines: { level: number; msg: string; [more: string]: unknown }[];
  beforeAll(async () => {
    reading = await startReading();
  });
  afterAll(() => reading.close());
  beforeEach(async () => {
    lines = [];
    const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
    metrics = makeMetrics();
    boss = await openBoss({ url: reading.url, log });
    const queue = new CommandQueue({ orm: reading.orm, handlers: [], enqueue: async () => undefined }, { lanes: 1, queueBound: 10 });
    const worker = await startWorker(boss, jobs, { orm: reading.orm, queue, log, metrics }, { pollSeconds: 0.5 });
    stop = worker.stop;
  });
  afterEach(async () => {
    await stop();
    await metrics.close();
  });

  const run = async (name: string) => {
    const id = await boss.send(name, {});
    await vi.waitFor(async () => expect((await boss.findJobs(name, { id: id ?? '' }))[0]?.state).toBe('completed'), { timeout: 20_000, interval: 50 });
  };
  const partitions = async () =>
    (
      await reading.sql<{ name: string }>(`SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'audit_entries'::regclass ORDER BY 1`)
    ).map((row) => row.name);
  const scrape = async (): Promise<string> => {
    let text = '';
    await new Promise<void>((resolve) => {
      const end = (body: string): void => {
        text = body;
        resolve();
      };
      metrics.answerScrape({} as IncomingMessage, { setHeader: () => undefined, end } as unknown as ServerResponse);
    });
    return text;
  };

  describe('make-audit-partitions', () => {
    it('makes the months that have come within a year, and has nothing to do the second time', async () => {
      const before = await partitions();
      expect(before).toHaveLength(14);
      // From the first of a month: two months later is two months more, whatever today is.
      await moveClock(reading.url, '62 days');
      await run('make-audit-partitions');
      const after = await partitions();
      expect(after.length - before.length).toBeGreaterThanOrEqual(2);
      expect(after.slice(0, before.length - 1)).toEqual(before.slice(0, -1));
      await run('make-audit-partitions');
      expect(await partitions()).toEqual(after);
      // Of the entries, and of their seals.
      expect(lines.filter((line) => line.msg === 'made partitions of the audit log')).toMatchObject([{ made: 2 * (after.length - before.length) }]);
      await moveClock(reading.url, '-62 days');
    });

    it('puts entries where their month is, so that none is in the default partition', async () => {
      await insertAgent(reading, 'ada');
      await moveClock(reading.url, '300 days');
      await insertAgent(reading, 'bob');
      await moveClock(reading.url, '-300 days');
      expect(await reading.sql('SELECT 1 FROM audit_entries_default')).toEqual([]);
      await run('make-audit-partitions');
      expect(await scrape()).toMatch(/^docket_audit_default_partition_rows 0$/m);
      expect(lines.filter((line) => line.level >= 50)).toEqual([]);
    });

    it('raises an alarm in the log and the metrics when entries are in the default partition', async () => {
      await moveClock(reading.url, '-10 years');
      await insertAgent(reading, 'eve');
      await moveClock(reading.url, '10 years');
      await run('make-audit-partitions');
      expect(lines.filter((line) => line.level === 50)).toMatchObject([{ rows: 1, job: 'make-audit-partitions' }]);
      expect(await scrape()).toMatch(/^docket_audit_default_partition_rows 1$/m);
    });
  });

  describe('drop-old-requests', () => {
    it('drops what is older than thirty days, thousands of them, and nothing younger', async () => {
      await changeAs(reading, { actor: 'sue', rpc: 'x.Y/Z' }, [`UPDATE agents SET email = 'e' WHERE agent_id = 'ada'`]);
      await reading.sql('DELETE FROM requests WHERE actor <> $1', ['sue']);
      const insert = (count: number, age: string) =>
        reading.sql(
          `INSERT INTO requests (request_key, actor, actor_kind, rpc, request_id, body_hash, time)
           SELECT gen_random_uuid(), $2::text, 'USER', 'x.Y/Z', gen_random_uuid(), '', docket_now() - $2::interval FROM generate_series(1, $1)`,
          [count, age],
        );
      await insert(12_001, '31 days');
      await insert(1, '30 days 1 second');
      await insert(3, '29 days 23 hours 59 minutes');
      await insert(2, '1 hour');
      await run('drop-old-requests');
      const left = await reading.sql<{ actor: string; count: string }>('SELECT actor, count(*) FROM requests GROUP BY actor ORDER BY actor');
      expect(left).toEqual([
        { actor: '1 hour', count: '2' },
        { actor: '29 days 23 hours 59 minutes', count: '3' },
        { actor: 'sue', count: '1' },
      ]);
      expect(lines).toContainEqual(expect.objectContaining({ dropped: 12_002 }));
    });

    it('leaves what those requests caused attributed as it was', async () => {
      await moveClock(reading.url, '31 days');
      await run('drop-old-requests');
      await moveClock(reading.url, '-31 days');
      expect(await reading.sql('SELECT count(*)::integer AS count FROM requests')).toEqual([{ count: 0 }]);
      expect(await reading.sql(`SELECT actor FROM audit_entries WHERE actor = 'sue'`)).toEqual([{ actor: 'sue' }]);
    });
  });
});
