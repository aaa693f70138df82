import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asked, type Probing, startProbing } from '../../support/probe.ts';

let probing: Probing;
beforeEach(async () => {
  probing = await startProbing();
});
afterEach(() => probing.close());

const count = async (table: string): Promise<number> => Number((await probing.owner.query(`SELECT count(*) FROM ${table}`)).rows[0]?.count);

describe('one request id', () => {
  it('has one effect and one answer when it is repeated after it was carried out', async () => {
    const intent = asked();
    const first = await probing.queue().submit(probing.command('once', ['a'], intent));
    expect(await probing.queue().submit(probing.command('once', ['a'], intent))).toEqual(first);
    expect(await probing.words()).toEqual(['once']);
    expect(await count('requests')).toBe(1);
  });

  it('has one effect when it is repeated within one batch, and everybody is answered', async () => {
    const queue = probing.queue();
    const first = probing.stopAt('first');
    const calls = [queue.submit(probing.command('first'))];
    await first.stopped;
    const intent = asked();
    for (let repeat = 0; repeat < 4; repeat++) calls.push(queue.submit(probing.command('once', ['a'], intent)));
    await expect(queue.submit(probing.command('lost'))).rejects.toMatchObject({ reason: 'LOST' });
    expect(queue.depth).toBe(4);
    first.go();
    expect((await Promise.all(calls)).map((answer) => answer.value)).toEqual(['first', 'once', 'once', 'once', 'once']);
    expect(await probing.words()).toEqual(['first', 'once']);
    expect(
      probing.planned.flat().filter((word) => word === 'once'),
      'times that it was begun',
    ).toHaveLength(1);
  });

  it('has one effect when it is sent to several processes at once, in one pool or in different ones', async () => {
    for (const pools of [['a'], ['a', 'b', 'c', 'd']]) {
      const intent = asked();
      const word = `from-${pools.length}`;
      const calls = Array.from({ length: 8 }, (_, at) => probing.queue().submit(probing.command(word, [pools[at % pools.length] as string], intent)));
      expect(new Set((await Promise.all(calls)).map((answer) => answer.value))).toEqual(new Set([word]));
      expect((await probing.words()).filter((written) => written === word)).toEqual([word]);
    }
  });

  it('already exists REQUEST_ID_REUSED: another request under the same id, later or in the same batch', async () => {
    const queue = probing.queue();
    const requestId = randomUUID();
    await queue.submit(probing.command('mine', ['a'], asked(requestId, 'mine')));
    await expect(queue.submit(probing.command('other', ['a'], asked(requestId, 'other')))).rejects.toMatchObject({
      kind: 'already_exists',
      reason: 'REQUEST_ID_REUSED',
    });
    const first = probing.stopAt('first');
    const opening = queue.submit(probing.command('first'));
    await first.stopped;
    const [one, two] = [asked(undefined, 'one'), 'two'];
    const calls = [queue.submit(probing.command('one', ['a'], one)), queue.submit(probing.command('two', ['a'], { ...one, bodyHash: Buffer.from(two) }))];
    await expect(queue.submit(probing.command('lost'))).rejects.toMatchObject({ reason: 'LOST' });
    expect(queue.depth).toBe(2);
    first.go();
    await opening;
    expect((await calls[0])?.value).toBe('one');
    await expect(calls[1]).rejects.toMatchObject({ reason: 'REQUEST_ID_REUSED' });
    expect(await probing.words()).toEqual(['mine', 'first', 'one']);
  });

  it('belongs to its caller: another one may use the same', async () => {
    const intent = asked();
    const mine = probing.command('mine', ['a'], intent);
    const theirs = probing.command('theirs', ['a'], { ...intent, bodyHash: Buffer.from('theirs') });
    await probing.queue().submit(mine);
    await probing.queue().submit({ ...theirs, origin: { ...theirs.origin, actor: 'somebody else' } });
    expect(await probing.words()).toEqual(['mine', 'theirs']);
  });

  it('is kept for successes only: what was refused may be tried again', async () => {
    const queue = probing.queue();
    const requestId = randomUUID();
    await expect(queue.submit(probing.command('bad', ['a'], asked(requestId)))).rejects.toMatchObject({ reason: 'BAD' });
    await expect(queue.submit(probing.command('poison', ['a'], asked(requestId)))).rejects.toThrow('division by zero');
    expect((await queue.submit(probing.command('good', ['a'], asked(requestId)))).value).toBe('good');
  });
});

describe('validate_only', () => {
  it('answers what would be, and what forbids it, without a trace', async () => {
    const queue = probing.queue();
    const before = await probing.owner.query('SELECT pool_id, sequence FROM pools ORDER BY 1');
    expect((await queue.submit(probing.command('would', ['a'], { ...asked(), validateOnly: true }))).value).toBe('would');
    await expect(queue.submit(probing.command('bad', ['a'], { validateOnly: true }))).rejects.toMatchObject({ reason: 'BAD' });
    expect(await probing.words()).toEqual([]);
    expect(await count('requests')).toBe(0);
    expect((await probing.owner.query('SELECT pool_id, sequence FROM pools ORDER BY 1')).rows).toEqual(before.rows);
  });

  it('takes no lock: it answers while another process holds the pool', async () => {
    const holder = await probing.owner.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM pools FOR UPDATE');
    expect((await probing.queue().submit(probing.command('would', ['a'], { validateOnly: true }))).value).toBe('would');
    await holder.query('ROLLBACK');
    holder.release();
  });
});
