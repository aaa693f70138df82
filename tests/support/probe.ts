import { randomUUID } from 'node:crypto';
import { StringValueSchema } from '@bufbuild/protobuf/wkt';
import type { MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';
import { expect } from 'vitest';
import type { Command, CommandKind } from '../../src/foundation/commands/command.ts';
import { CommandQueue, type QueueLimits } from '../../src/foundation/commands/queue.ts';
import type { Intent } from '../../src/foundation/context.ts';
import { openOrm } from '../../src/foundation/database/orm.ts';
import { DomainError } from '../../src/foundation/errors.ts';
import { newId } from '../../src/foundation/ids.ts';
import { createTestDatabase } from './database/index.ts';

/** What a probe command does: leaves its word in a table; some words mean trouble. */
export interface Probe {
  /** `bad…` breaks a rule, `poison…` a statement; every other word is written down. */
  readonly word: string;
  /** Names of the pools it needs. */
  readonly pools: readonly string[];
}

type ProbeCommand = Command<Probe, typeof StringValueSchema>;

/** A database with named pools and a table of words, and the units of work that were carried out on it. */
export interface Probing {
  readonly orm: MikroORM;
  readonly owner: pg.Pool;
  /** Words of each unit that was planned, in order; a repeated try counts again. */
  readonly planned: string[][];
  /** Commands and pools of each unit that was committed. */
  readonly batches: { readonly commands: number; readonly pools: number }[];
  /** A queue of one process. */
  queue(limits?: Partial<QueueLimits>): CommandQueue;
  /** A command; `before` is awaited by its plan, inside the transaction. */
  command(word: string, pools?: readonly string[], intent?: Partial<Intent>): ProbeCommand;
  /** Units in whose plan this word is stop there until the answer is called; resolves when one has stopped. */
  stopAt(word: string): { readonly stopped: Promise<void>; go(): void };
  /** The next tries of units with this word fail with this SQLSTATE, so many times. */
  failWith(word: string, sqlState: string, times: number): void;
  /** Resolves when the commands submitted before are in the queue (a later look-up ends after theirs); there must be so many. */
  waits(queue: CommandQueue, depth: number): Promise<void>;
  /** The words written, in their order. */
  words(): Promise<string[]>;
  close(): Promise<void>;
}

export async function startProbing(): Promise<Probing> {
  const database = await createTestDatabase();
  const owner = new pg.Pool({ connectionString: database.url, options: '-c search_path=docket', max: 4 });
  owner.on('error', () => undefined);
  await owner.query(`CREATE TABLE probe_pools (name text PRIMARY KEY, pool_id bigint); CREATE TABLE probes (id bigserial, word text);
    GRANT ALL ON probe_pools, probes, probes_id_seq TO PUBLIC`);
  for (const name of ['a', 'b', 'c', 'd']) {
    await owner.query('WITH pool AS (INSERT INTO pools DEFAULT VALUES RETURNING pool_id) INSERT INTO probe_pools SELECT $1, pool_id FROM pool', [name]);
  }
  const orm = await openOrm({ url: database.url, poolSize: 8, statementTimeoutMs: 20_000, lockTimeoutMs: 15_000, entities: [] });
  const planned: string[][] = [];
  const batches: { commands: number; pools: number }[] = [];
  const stops = new Map<string, { reached(): void; gate: Promise<void> }>();
  const failures: { word: string; sqlState: string; times: number }[] = [];

  const kind: CommandKind<Probe, typeof StringValueSchema> = {
    name: 'Probe',
    answer: StringValueSchema,
    together: 1024,
    async pools(sql, inputs) {
      const rows = await sql<{ name: string; pool_id: string }>('SELECT name, pool_id FROM probe_pools');
      const ids = new Map(rows.map((row) => [row.name, row.pool_id]));
      return inputs.map((input) => {
        if (input.word.startsWith('lost')) throw new DomainError('not_found', 'LOST', 'nobody knows its pools');
        return [...new Set(input.pools.flatMap((name) => ids.get(name) ?? []))].sort();
      });
    },
    async plan(unit, commands) {
      const words = commands.map((command) => command.input.word);
      planned.push(words);
      for (const word of words) {
        stops.get(word)?.reached();
        await stops.get(word)?.gate;
      }
      const failure = failures.find((candidate) => candidate.times > 0 && words.includes(candidate.word));
      if (failure) {
        failure.times -= 1;
        await unit.sql(`DO $$ BEGIN RAISE EXCEPTION 'as the test wants' USING ERRCODE = '${failure.sqlState}'; END $$`);
      }
      const good = words.filter((word) => !word.startsWith('bad'));
      return {
        outcomes: words.map((word) => (word.startsWith('bad') ? { error: new DomainError('failed_precondition', 'BAD', word) } : { answer: { value: word } })),
        async write() {
          if (good.some((word) => word.startsWith('poison'))) await unit.sql('SELECT 1 / 0');
          await unit.sql('INSERT INTO probes (word) SELECT unnest($1::text[])', [good]);
          return undefined;
        },
      };
    },
  };

  const command: Probing['command'] = (word, pools = ['a'], intent = {}) => {
    const origin = {
      actor: 'tester',
      actorKind: 'USER',
      rpc: 'test/Probe',
      intent: { requestId: undefined, bodyHash: Buffer.from(word), validateOnly: false, reason: '', ...intent },
    } as const;
    return { kind, input: { word, pools }, origin, requestKey: newId() };
  };

  return {
    orm,
    owner,
    planned,
    batches,
    queue: (limits = {}) =>
      new CommandQueue(
        { orm, handlers: [], enqueue: async () => undefined },
        { lanes: 3, queueBound: 1000, ...limits },
        { batch: (commands, pools) => void batches.push({ commands, pools }) },
      ),
    command,
    async waits(queue, depth) {
      await expect(queue.submit(command('lost'))).rejects.toMatchObject({ reason: 'LOST' });
      expect(queue.depth).toBe(depth);
    },
    stopAt(word) {
      const reached = Promise.withResolvers<void>();
      const gate = Promise.withResolvers<void>();
      stops.set(word, { reached: reached.resolve, gate: gate.promise });
      return { stopped: reached.promise, go: gate.resolve };
    },
    failWith: (word, sqlState, times) => void failures.push({ word, sqlState, times }),
    words: async () => (await owner.query<{ word: string }>('SELECT word FROM probes ORDER BY id')).rows.map((row) => row.word),
    async close() {
      await orm.close(true);
      await owner.end();
      await database.drop();
    },
  };
}

/** A request id with the hash of a body. */
export const asked = (requestId: string = randomUUID(), body = 'body'): Partial<Intent> => ({ requestId, bodyHash: Buffer.from(body) });
