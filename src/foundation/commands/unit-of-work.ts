import type { EntityManager, MikroORM } from '@mikro-orm/postgresql';
import { readTime } from '../clock.ts';
import { holdPools, viewPools } from '../database/pools.ts';
import { type Sql, sqlOf } from '../database/sql.ts';
import { carryOut, type OpenUnit, type Settled } from './carry-out.ts';
import type { Command, Enqueue } from './command.ts';
import type { EventHandler } from './events.ts';

/** What units of work are made of. */
export interface UnitOfWorkDeps {
  readonly orm: MikroORM;
  readonly handlers: readonly EventHandler[];
  readonly enqueue: Enqueue;
}

/** A pool that a command needs was merged into another after it was looked up: look up again and start over. */
export class PoolsMoved extends Error {
  override readonly name = 'PoolsMoved';
}

/**
 * Carries out commands in one transaction under the locks of the given pools. `take` is called once
 * the locks are held, so that a batch gathers what arrived while it waited for them. Resolves after
 * the commit; throws, with everything rolled back, on any unexpected failure.
 */
export async function carryOutInTransaction(deps: UnitOfWorkDeps, poolIds: readonly string[], take: () => readonly Command[]): Promise<Settled[]> {
  return deps.orm.em.fork().transactional(async (em) => {
    const sql = sqlOf(em);
    const held = poolIds.length > 0 ? await holdPools(sql, poolIds) : { ...(await readTime(sql)), pools: new Map() };
    if (held.pools.size < new Set(poolIds).size) throw new PoolsMoved('a pool was merged away');
    const commands = take();
    await assertPools(sql, commands, held.pools);
    return carryOut(openUnit(deps, em, sql, held, false), commands);
  });
}

/** Answers what a command would do, in a read-only transaction: no locks, no effect. */
export async function rehearse(deps: UnitOfWorkDeps, command: Command, signal: AbortSignal): Promise<Settled> {
  return deps.orm.em.fork().transactional(
    async (em) => {
      const sql = sqlOf(em, signal);
      const poolIds = (await command.kind.pools(sql, [command.input]))[0] ?? [];
      const held = poolIds.length > 0 ? await viewPools(sql, poolIds) : { ...(await readTime(sql)), pools: new Map() };
      const [settled] = await carryOut(openUnit(deps, em, sql, held, true), [command]);
      return settled as Settled;
    },
    { readOnly: true, isolationLevel: 'repeatable read' },
  );
}

async function assertPools(sql: Sql, commands: readonly Command[], held: ReadonlyMap<string, unknown>): Promise<void> {
  for (const [kind, inputs] of Map.groupBy(commands, (command) => command.kind)) {
    const needed = await kind.pools(
      sql,
      inputs.map((command) => command.input),
    );
    if (needed.some((poolIds) => poolIds.some((poolId) => !held.has(poolId)))) throw new PoolsMoved('a pool was merged');
  }
}

function openUnit(deps: UnitOfWorkDeps, em: EntityManager, sql: Sql, held: Pick<OpenUnit, 'now' | 'today' | 'pools'>, dryRun: boolean): OpenUnit {
  const unit: OpenUnit = {
    em,
    sql,
    now: held.now,
    today: held.today,
    pools: held.pools,
    dryRun,
    requestKey: '',
    enqueue: (job, data, options) => deps.enqueue(sql, job, data, options),
    async announce(event, fact) {
      for (const handler of deps.handlers) if (handler.event === event.name) await handler.handle(unit, fact);
    },
  };
  return unit;
}
