import type { EntityManager, MikroORM } from '@mikro-orm/postgresql';
import { readTime, readTimeToWrite } from '../clock.ts';
import { fetchNumbers, type HeldPools, holdPools, type LockedPool, viewPools } from '../database/pools.ts';
import { findRequests, type RecordedRequest } from '../database/requests.ts';
import { type Sql, sqlOf } from '../database/sql.ts';
import { inTransaction, type Transaction } from '../database/transaction.ts';
import type { SpanContext, Tracing } from '../tracing.ts';
import { carryOut, type OpenUnit, type Settled } from './carry-out.ts';
import type { Command, Enqueue } from './command.ts';
import type { EventHandler } from './events.ts';
import { type PoolMemory, UnitMemory } from './memory.ts';
import { beginUnit } from './traced-unit.ts';

/** What units of work are made of. */
export interface UnitOfWorkDeps {
  readonly orm: MikroORM;
  readonly handlers: readonly EventHandler[];
  readonly enqueue: Enqueue;
  /** Undefined: no traces are made. */
  readonly tracing?: Tracing | undefined;
}

/** A pool that a command needs was merged into another after it was looked up: look up again and start over. */
export class PoolsMoved extends Error {
  override readonly name = 'PoolsMoved';
}

/** The commands of a unit: those to expect before the locks are held, and those that it takes then. */
export interface Batch {
  expected(): readonly Command[];
  take(): readonly Command[];
}

/**
 * Carries out commands in one transaction under the locks of the given pools. `take` is called once
 * the locks are held, so that a batch gathers what arrived while it waited for them. Resolves after
 * the commit; throws, with everything rolled back, on any unexpected failure.
 */
export async function carryOutInTransaction(deps: UnitOfWorkDeps, memory: PoolMemory, poolIds: readonly string[], batch: Batch): Promise<Settled[]> {
  const expected = batch.expected();
  const traced = deps.tracing && beginUnit(deps.tracing, expected);
  // Whatever else may come in while the locks are waited for.
  const planning = expected.every((command) => command.kind.remembers) ? 'byKey' : 'usual';
  const work = async (tx: Transaction) => {
    // Sent together: what is to be read under the locks comes behind them.
    const [held, recorded, numbers] = await Promise.all([
      hold(tx.sql, poolIds),
      findRequests(
        tx.sql,
        expected.map((command) => command.origin),
      ),
      numbersFor(tx.sql, expected),
    ]);
    if (held.pools.size < new Set(poolIds).size) throw new PoolsMoved('a pool was merged away');
    const recalled = new Map([...held.pools].map(([poolId, pool]) => [poolId, memory.take(pool)]));
    const commands = batch.take();
    traced?.take(commands);
    await assertPools(tx.sql, commands, held.pools);
    await lookUpRest(tx.sql, expected, commands, recorded);
    const opened = openUnit(deps, { ...tx, ...held, numbers, memory: new UnitMemory(recalled), dryRun: false }, traced?.span);
    return { settled: await carryOut(opened, commands, recorded), unit: opened };
  };
  const { settled, unit } = await (traced ? traced.around(inTransaction(deps.orm, planning, work, traced.watch)) : inTransaction(deps.orm, planning, work));
  for (const [poolId, recollection] of unit.memory.known) memory.keep(unit.pools.get(poolId) as LockedPool, recollection);
  return settled;
}

/** Answers what a command would do, in a read-only transaction: no locks, no effect. */
export async function rehearse(deps: UnitOfWorkDeps, command: Command, signal: AbortSignal): Promise<Settled> {
  return deps.orm.em.fork().transactional(
    async (em) => {
      const sql = sqlOf(em, signal);
      const poolIds = (await command.kind.pools(sql, [command.input]))[0] ?? [];
      const held = poolIds.length > 0 ? await viewPools(sql, poolIds) : { ...(await readTime(sql)), pools: new Map() };
      const recorded = await findRequests(sql, [command.origin]);
      const send = (): never => {
        throw new Error(`${command.kind.name} was to write in a dry unit`);
      };
      const unit = openUnit(deps, {
        sql,
        send,
        sendNow: async () => undefined,
        entities: async () => em,
        ...held,
        numbers: [],
        memory: new UnitMemory(),
        dryRun: true,
      });
      const [settled] = await carryOut(unit, [command], recorded);
      return settled as Settled;
    },
    { readOnly: true, isolationLevel: 'repeatable read' },
  );
}

async function hold(sql: Sql, poolIds: readonly string[]): Promise<HeldPools> {
  return poolIds.length > 0 ? holdPools(sql, poolIds) : { ...(await readTimeToWrite(sql)), pools: new Map() };
}

async function numbersFor(sql: Sql, commands: readonly Command[]): Promise<number[]> {
  const count = commands.reduce((sum, { kind, input }) => sum + (kind.numbers?.(input) ?? 0), 0);
  return count > 0 ? fetchNumbers(sql, count) : [];
}

/** Finds the requests of commands that came in while the unit waited for its locks. */
async function lookUpRest(sql: Sql, expected: readonly Command[], taken: readonly Command[], recorded: Map<string, RecordedRequest>): Promise<void> {
  const seen = new Set(expected);
  const late = taken.filter((command) => !seen.has(command));
  for (const [name, found] of await findRequests(
    sql,
    late.map((command) => command.origin),
  )) {
    recorded.set(name, found);
  }
}

async function assertPools(sql: Sql, commands: readonly Command[], held: ReadonlyMap<string, unknown>): Promise<void> {
  for (const [kind, inputs] of Map.groupBy(commands, (command) => command.kind)) {
    if (kind.remembers) continue;
    const needed = await kind.pools(
      sql,
      inputs.map((command) => command.input),
    );
    if (needed.some((poolIds) => poolIds.some((poolId) => !held.has(poolId)))) throw new PoolsMoved('a pool was merged');
  }
}

function openUnit(
  deps: UnitOfWorkDeps,
  on: Omit<OpenUnit, 'em' | 'requestKey' | 'enqueue' | 'announce' | 'openEntities'> & Pick<Transaction, 'entities'>,
  span?: SpanContext,
): OpenUnit {
  const { entities, ...rest } = on;
  let em: EntityManager | undefined;
  const unit: OpenUnit = {
    ...rest,
    get em() {
      if (!em) throw new Error('this unit was opened without entities');
      return em;
    },
    async openEntities() {
      em ??= await entities();
    },
    requestKey: '',
    enqueue: (job, data, options) => deps.enqueue(on.sql, job, data, span ? { ...options, trace: span } : options),
    async announce(event, fact) {
      for (const handler of deps.handlers) if (handler.event === event.name) await handler.handle(unit, fact);
    },
  };
  return unit;
}
