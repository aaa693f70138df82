import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { CommandQueue } from '../../../src/foundation/commands/queue.ts';
import { type Probing, startProbing } from '../../support/probe.ts';

let probing: Probing;
beforeEach(async () => {
  probing = await startProbing();
});
afterEach(() => probing.close());

describe('several pools', () => {
  it('works on other pools while one is held, and holds several in one unit', async () => {
    const queue = probing.queue({ lanes: 2 });
    const held = probing.stopAt('held');
    const first = queue.submit(probing.command('held', ['a']));
    await held.stopped;
    expect((await queue.submit(probing.command('beside', ['b']))).value).toBe('beside');
    const next = probing.stopAt('next');
    const second = queue.submit(probing.command('next', ['b']));
    await next.stopped;
    const others = ['c', 'd', 'b'].map((pool) => queue.submit(probing.command(`in-${pool}`, [pool])));
    await probing.waits(queue, 3);
    next.go();
    await Promise.all([second, ...others]);
    expect(probing.batches.at(-1)).toEqual({ commands: 3, pools: 3 });
    held.go();
    await first;
  });

  it('lets commands for other pools gather until they are as many as the unit under way carries', async () => {
    const { queue, go } = await carryTwo();
    const calls = [queue.submit(probing.command('one', ['b']))];
    await probing.waits(queue, 1);
    calls.push(queue.submit(probing.command('two', ['c'])));
    await Promise.all(calls);
    expect(probing.batches.at(-1)).toEqual({ commands: 2, pools: 2 });
    await go();
  });

  it('lets them gather no longer than a unit usually lasts', async () => {
    const { queue, go } = await carryTwo();
    const call = queue.submit(probing.command('one', ['b']));
    await probing.waits(queue, 1);
    vi.advanceTimersByTime(20);
    expect((await call).value).toBe('one');
    await go();
  });

  /** A queue with a unit under way that carries two commands, with timers that stand still. */
  async function carryTwo(): Promise<{ queue: CommandQueue; go(): Promise<void> }> {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const queue = probing.queue({ lanes: 2 });
    const first = probing.stopAt('first');
    const calls = [queue.submit(probing.command('first'))];
    await first.stopped;
    const second = probing.stopAt('second');
    for (const word of ['second', 'third']) calls.push(queue.submit(probing.command(word)));
    await probing.waits(queue, 2);
    first.go();
    await second.stopped;
    return {
      queue,
      async go() {
        second.go();
        await Promise.all(calls);
        expect((await probing.words()).sort()).toEqual(expect.arrayContaining(['first', 'second', 'third']));
      },
    };
  }

  it('lets nobody overtake a command that waits for two pools', async () => {
    const queue = probing.queue({ lanes: 4 });
    const held = probing.stopAt('held');
    const calls = [queue.submit(probing.command('held', ['a']))];
    await held.stopped;
    calls.push(queue.submit(probing.command('both', ['a', 'b'])));
    await probing.waits(queue, 1);
    calls.push(queue.submit(probing.command('behind', ['b'])));
    await probing.waits(queue, 2);
    expect((await queue.submit(probing.command('apart', ['c']))).value).toBe('apart');
    held.go();
    await Promise.all(calls);
    const words = await probing.words();
    expect(words.filter((word) => word !== 'apart')).toEqual(['held', 'both', 'behind']);
  });

  it('lets nobody overtake it either who could still be taken while the lock is waited for', async () => {
    const queue = probing.queue({ lanes: 1 });
    const other = await probing.owner.connect();
    await other.query('BEGIN');
    await other.query('SELECT FROM pools FOR UPDATE');
    const calls = [queue.submit(probing.command('first', ['b']))];
    await probing.waits(queue, 1);
    for (const [word, pools] of [
      ['both', ['a', 'b']],
      ['behind', ['b']],
    ] as const) {
      calls.push(queue.submit(probing.command(word, pools)));
    }
    await probing.waits(queue, 3);
    await other.query('COMMIT');
    other.release();
    await Promise.all(calls);
    expect(await probing.words()).toEqual(['first', 'both', 'behind']);
  });

  it('locks pools in one order, so that two processes with the same pools never deadlock', async () => {
    const queues = [probing.queue({ lanes: 1 }), probing.queue({ lanes: 1 })];
    const calls = Array.from({ length: 40 }, (_, at) => queues[at % 2]?.submit(probing.command(`word-${at}`, at % 4 < 2 ? ['a', 'b', 'c'] : ['c', 'b', 'a'])));
    await Promise.all(calls);
    expect(new Set(await probing.words()).size).toBe(40);
    expect((await probing.owner.query('SELECT deadlocks::int AS deadlocks FROM pg_stat_database WHERE datname = current_database()')).rows).toEqual([
      { deadlocks: 0 },
    ]);
  });

  it('starts over when a pool was merged away while it waited, and writes once', async () => {
    const queue = probing.queue();
    const merger = await probing.owner.connect();
    await merger.query('BEGIN');
    await merger.query('SELECT FROM pools ORDER BY pool_id FOR UPDATE');
    const call = queue.submit(probing.command('moved', ['b']));
    await probing.waits(queue, 1);
    await merger.query(`WITH old AS (SELECT name, pool_id FROM probe_pools WHERE name = 'b')
      DELETE FROM pools WHERE pool_id = (SELECT pool_id FROM old)`);
    await merger.query(`UPDATE probe_pools SET pool_id = (SELECT pool_id FROM probe_pools WHERE name = 'a') WHERE name = 'b'`);
    await merger.query('COMMIT');
    merger.release();
    expect((await call).value).toBe('moved');
    expect(await probing.words()).toEqual(['moved']);
  });
});
