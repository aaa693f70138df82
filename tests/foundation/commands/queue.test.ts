import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { CommandQueue } from '../../../src/foundation/commands/queue.ts';
import { type Probing, startProbing } from '../../support/probe.ts';

let probing: Probing;
beforeEach(async () => {
  probing = await startProbing();
});
afterEach(() => probing.close());

/** Waits until the commands submitted before are in the queue: a later look-up ends after theirs. */
async function waits(queue: CommandQueue, depth: number): Promise<void> {
  await expect(queue.submit(probing.command('lost'))).rejects.toMatchObject({ reason: 'LOST' });
  expect(queue.depth).toBe(depth);
}
const settled = (calls: Promise<unknown>[]) => Promise.allSettled(calls).then((all) => all.map((one) => one.status));

describe('gathering', () => {
  it('carries a lone command out at once, and gathers what comes while it is in flight into one commit', async () => {
    const queue = probing.queue();
    const first = probing.stopAt('first');
    const calls = [queue.submit(probing.command('first'))];
    await first.stopped;
    for (const word of ['second', 'third', 'fourth']) calls.push(queue.submit(probing.command(word)));
    await waits(queue, 3);
    expect(await probing.words()).toEqual([]);
    first.go();
    expect((await Promise.all(calls)).map((answer) => answer.value)).toEqual(['first', 'second', 'third', 'fourth']);
    expect(probing.batches.map((batch) => batch.commands)).toEqual([1, 3]);
  });

  it('takes what came while it waited for the lock of another process', async () => {
    const queue = probing.queue();
    const other = await probing.owner.connect();
    await other.query('BEGIN');
    await other.query('SELECT FROM pools FOR UPDATE');
    const calls = [queue.submit(probing.command('early'))];
    await waits(queue, 1);
    for (const word of ['late', 'later']) calls.push(queue.submit(probing.command(word)));
    await waits(queue, 3);
    await other.query('COMMIT');
    other.release();
    await Promise.all(calls);
    expect(probing.batches).toEqual([{ commands: 3, pools: 1 }]);
  });

  it('keeps the order within a pool, whatever the number of lanes', async () => {
    const queue = probing.queue({ lanes: 4 });
    const words = Array.from({ length: 60 }, (_, at) => `word-${at}`);
    await Promise.all(words.map((word) => queue.submit(probing.command(word))));
    expect(await probing.words()).toEqual(words);
  });

  it('answers only after the commit', async () => {
    const queue = probing.queue();
    const answers = Array.from({ length: 10 }, async (_, at) => {
      await queue.submit(probing.command(`word-${at}`));
      expect(await probing.words()).toContain(`word-${at}`);
    });
    await Promise.all(answers);
  });
});

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
    await waits(queue, 3);
    next.go();
    await Promise.all([second, ...others]);
    expect(probing.batches.at(-1)).toEqual({ commands: 3, pools: 3 });
    held.go();
    await first;
  });

  it('lets commands for other pools gather until they are as many as the unit under way carries', async () => {
    const { queue, go } = await carryTwo();
    const calls = [queue.submit(probing.command('one', ['b']))];
    await waits(queue, 1);
    calls.push(queue.submit(probing.command('two', ['c'])));
    await Promise.all(calls);
    expect(probing.batches.at(-1)).toEqual({ commands: 2, pools: 2 });
    await go();
  });

  it('lets them gather no longer than a unit usually lasts', async () => {
    const { queue, go } = await carryTwo();
    const call = queue.submit(probing.command('one', ['b']));
    await waits(queue, 1);
    vi.advanceTimersByTime(50);
    expect((await call).value).toBe('one');
    await go();
  });

  /** A queue with a unit under way that carries two commands, at a time that stands still. */
  async function carryTwo(): Promise<{ queue: CommandQueue; go(): Promise<void> }> {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const queue = probing.queue({ lanes: 2 });
    const first = probing.stopAt('first');
    const calls = [queue.submit(probing.command('first'))];
    await first.stopped;
    const second = probing.stopAt('second');
    for (const word of ['second', 'third']) calls.push(queue.submit(probing.command(word)));
    await waits(queue, 2);
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
    await waits(queue, 1);
    calls.push(queue.submit(probing.command('behind', ['b'])));
    await waits(queue, 2);
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
    await waits(queue, 1);
    for (const [word, pools] of [
      ['both', ['a', 'b']],
      ['behind', ['b']],
    ] as const) {
      calls.push(queue.submit(probing.command(word, pools)));
    }
    await waits(queue, 3);
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
    await waits(queue, 1);
    await merger.query(`WITH old AS (SELECT name, pool_id FROM probe_pools WHERE name = 'b')
      DELETE FROM pools WHERE pool_id = (SELECT pool_id FROM old)`);
    await merger.query(`UPDATE probe_pools SET pool_id = (SELECT pool_id FROM probe_pools WHERE name = 'a') WHERE name = 'b'`);
    await merger.query('COMMIT');
    merger.release();
    expect((await call).value).toBe('moved');
    expect(await probing.words()).toEqual(['moved']);
  });
});

describe('failing', () => {
  it('lets a command that breaks a rule fail alone', async () => {
    const queue = probing.queue();
    const first = probing.stopAt('first');
    const calls = [queue.submit(probing.command('first'))];
    await first.stopped;
    for (const word of ['good', 'bad', 'better']) calls.push(queue.submit(probing.command(word)));
    await waits(queue, 3);
    first.go();
    expect(await settled(calls)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    await expect(calls[2]).rejects.toMatchObject({ kind: 'failed_precondition', reason: 'BAD' });
    expect(await probing.words()).toEqual(['first', 'good', 'better']);
    expect(probing.batches.map((batch) => batch.commands)).toEqual([1, 3]);
  });

  it('splits a batch that the database refuses until the culprit stands alone', async () => {
    const queue = probing.queue();
    const first = probing.stopAt('first');
    const words = ['first', 'one', 'two', 'three', 'poison', 'four', 'five', 'six'];
    const calls = [queue.submit(probing.command('first'))];
    await first.stopped;
    for (const word of words.slice(1)) calls.push(queue.submit(probing.command(word)));
    await waits(queue, 7);
    first.go();
    expect(await settled(calls)).toEqual(words.map((word) => (word === 'poison' ? 'rejected' : 'fulfilled')));
    await expect(calls[4]).rejects.toThrow('division by zero');
    expect(await probing.words()).toEqual(words.filter((word) => word !== 'poison'));
  });

  it.each(['40P01', '40001', '55P03'])('tries again, invisibly, after the SQLSTATE %s', async (sqlState) => {
    probing.failWith('word', sqlState, 2);
    expect((await probing.queue().submit(probing.command('word'))).value).toBe('word');
    expect(await probing.words()).toEqual(['word']);
    expect(probing.planned).toHaveLength(3);
  });

  it('aborted CONCURRENT_CHANGE: others kept getting in the way; it may be tried again after a while', async () => {
    probing.failWith('word', '40P01', 100);
    await expect(probing.queue().submit(probing.command('word'))).rejects.toMatchObject({
      kind: 'aborted',
      reason: 'CONCURRENT_CHANGE',
      retryAfterMs: expect.any(Number),
    });
    expect(await probing.words()).toEqual([]);
  });

  it('unavailable DATABASE_UNAVAILABLE: the connection was lost; the queue heals by itself', async () => {
    const queue = probing.queue();
    // More often than there are connections: none may be lost for good.
    for (let time = 0; time < 10; time++) {
      const word = probing.stopAt(`cut-${time}`);
      const cut = queue.submit(probing.command(`cut-${time}`));
      await word.stopped;
      await probing.owner.query(
        `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'docket' AND state LIKE 'idle in transaction%'`,
      );
      word.go();
      await expect(cut).rejects.toMatchObject({ kind: 'unavailable', reason: 'DATABASE_UNAVAILABLE', retryAfterMs: expect.any(Number) });
    }
    expect((await queue.submit(probing.command('after'))).value).toBe('after');
    expect(await probing.words()).toEqual(['after']);
  });

  it('resource exhausted QUEUE_FULL: too many wait; it may be tried again after a while', async () => {
    const queue = probing.queue({ queueBound: 2 });
    const first = probing.stopAt('first');
    const calls = [queue.submit(probing.command('first'))];
    await first.stopped;
    for (const word of ['second', 'third']) calls.push(queue.submit(probing.command(word)));
    await expect(queue.submit(probing.command('fourth'))).rejects.toMatchObject({
      kind: 'resource_exhausted',
      reason: 'QUEUE_FULL',
      retryAfterMs: expect.any(Number),
    });
    first.go();
    await Promise.all(calls);
    expect((await queue.submit(probing.command('fourth'))).value).toBe('fourth');
  });
});

describe('leaving', () => {
  it('takes a command back that still waits when its call is cancelled', async () => {
    const queue = probing.queue();
    const first = probing.stopAt('first');
    const calls = [queue.submit(probing.command('first'))];
    await first.stopped;
    const leaving = new AbortController();
    const left = queue.submit(probing.command('left'), leaving.signal);
    calls.push(queue.submit(probing.command('stays')));
    await waits(queue, 2);
    leaving.abort(new Error('the caller left'));
    await expect(left).rejects.toThrow('the caller left');
    first.go();
    await Promise.all(calls);
    expect(await probing.words()).toEqual(['first', 'stays']);
  });

  it('commits a command that was taken, though its call is cancelled', async () => {
    const queue = probing.queue();
    const stop = probing.stopAt('taken');
    const leaving = new AbortController();
    const taken = queue.submit(probing.command('taken'), leaving.signal);
    await stop.stopped;
    leaving.abort(new Error('the caller left'));
    stop.go();
    expect((await taken).value).toBe('taken');
    expect(await probing.words()).toEqual(['taken']);
  });

  it('does not begin with a call that was cancelled before', async () => {
    await expect(probing.queue().submit(probing.command('never'), AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
    expect(probing.planned).toEqual([]);
  });

  it('drains: at once when idle, else when the last command is settled, be it by a failure', async () => {
    const queue = probing.queue();
    await queue.drain();
    const stop = probing.stopAt('last');
    const last = queue.submit(probing.command('last'));
    await stop.stopped;
    let drained = false;
    const draining = queue.drain().then(() => {
      drained = true;
    });
    const lost = queue.submit(probing.command('lost'));
    await expect(lost).rejects.toMatchObject({ reason: 'LOST' });
    expect(drained).toBe(false);
    stop.go();
    await Promise.all([last, draining]);
    const again = queue.submit(probing.command('lost'));
    const drainedAgain = queue.drain();
    await expect(again).rejects.toMatchObject({ reason: 'LOST' });
    await drainedAgain;
  });
});
