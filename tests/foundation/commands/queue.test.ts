import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Probing, startProbing } from '../../support/probe.ts';

let probing: Probing;
beforeEach(async () => {
  probing = await startProbing();
});
afterEach(() => probing.close());

const settled = (calls: Promise<unknown>[]) => Promise.allSettled(calls).then((all) => all.map((one) => one.status));

describe('gathering', () => {
  it('carries a lone command out at once, and gathers what comes while it is in flight into one commit', async () => {
    const queue = probing.queue();
    const first = probing.stopAt('first');
    const calls = [queue.submit(probing.command('first'))];
    await first.stopped;
    for (const word of ['second', 'third', 'fourth']) calls.push(queue.submit(probing.command(word)));
    await probing.waits(queue, 3);
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
    await probing.waits(queue, 1);
    for (const word of ['late', 'later']) calls.push(queue.submit(probing.command(word)));
    await probing.waits(queue, 3);
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

describe('failing', () => {
  it('lets a command that breaks a rule fail alone', async () => {
    const queue = probing.queue();
    const first = probing.stopAt('first');
    const calls = [queue.submit(probing.command('first'))];
    await first.stopped;
    for (const word of ['good', 'bad', 'better']) calls.push(queue.submit(probing.command(word)));
    await probing.waits(queue, 3);
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
    await probing.waits(queue, 7);
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
    await probing.waits(queue, 2);
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
