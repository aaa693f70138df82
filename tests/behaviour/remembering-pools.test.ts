import pg from 'pg';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AssignmentStrategy } from '../../gen/ticketing/v1/assignment_policy_pb.ts';
import type { Group } from '../../gen/ticketing/v1/group_pb.ts';
import { splitPools } from '../../src/domain/groups/index.ts';
import { checkDatabase } from '../../src/edge/cli/check-invariants.ts';
import type { CommandQueue } from '../../src/foundation/commands/queue.ts';
import { makeMetrics } from '../../src/foundation/metrics.ts';
import { openApart, type QueueApart } from '../support/apart.ts';
import { expectSound } from '../support/engine.ts';
import { createHarness, type Harness } from '../support/harness.ts';
import { makeAgent, makeGroup } from '../support/team.ts';

// A process remembers the roster of a pool from one unit of work to the next. Two queues stand for two processes.
let harness: Harness;
let apart: QueueApart;
let group: Group;
beforeEach(async () => {
  harness = await createHarness();
  apart = await openApart(harness);
  group = await makeGroup(harness, 'TEAM');
  for (const agentId of ['ann', 'bob', 'cat']) await makeAgent(harness, agentId, [group]);
});
afterEach(async () => {
  await apart.close();
  await harness.close();
});

/** Creates tickets one after another, each by a unit of its own; answers who got them. */
async function give(count: number, through?: CommandQueue, to: Group = group, userId = 7n): Promise<string[]> {
  const agents: string[] = [];
  for (let at = 0; at < count; at++) {
    const { ticket } = await harness.callAs('service', through).tickets.createTicket({ groupId: to.groupId, userId });
    agents.push(ticket?.agentId ?? '');
  }
  return agents;
}

/** What the check of all invariants finds; `expectSound` counts again by other means. */
async function expectRight(): Promise<void> {
  await expectSound(harness);
  const report = await checkDatabase(harness.url);
  expect(report.findings.flatMap(({ invariant, first }) => first.map((words) => `${invariant} ${words}`))).toEqual([]);
}

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: harness.url, options: '-c search_path=docket' });
  await client.connect();
  return client;
}

const somebodyWaits = () =>
  vi.waitFor(async () =>
    expect(await harness.sql(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)).not.toEqual([]),
  );

const roundsOf = async (): Promise<string[]> =>
  (await harness.sql<{ round_id: string }>('SELECT round_id FROM assignment_decisions ORDER BY sequence')).map((row) => row.round_id);

describe('a pool that nobody else touched', () => {
  it('it is remembered: one round goes on from unit to unit, and only the sequence of the pool tells what is true', async () => {
    await give(4);
    expect(new Set(await roundsOf()).size).toBe(1);
    // Whoever turned the sequence back would make the process blind: this is how the tests below know that it remembers.
    await harness.sql(`UPDATE agents SET availability = 'AWAY' WHERE agent_id = 'bob'`);
    await harness.sql('UPDATE pools SET sequence = sequence - 1, roster_sequence = roster_sequence - 1');
    expect(await give(3)).toContain('bob');
    expect((await checkDatabase(harness.url)).ok).toBe(false);
  });
});

describe('a process whose memory of a pool has become old', () => {
  it('it sees what another process gave out meanwhile, in its own group and in one that shares the agents', async () => {
    const shared = await makeGroup(harness, 'SHARED');
    await harness.callAs('admin').groups.addGroupMembers({ groupId: shared.groupId, agentIds: ['ann', 'bob', 'cat'] });
    await give(2);
    expect(await give(2, apart.queue)).toEqual(['cat', 'ann']);
    expect(await give(2)).toEqual(['bob', 'cat']);
    // Keys of its own: nothing but the memory's own check stands between an old memory and a wrong choice.
    expect(await give(2, apart.queue, shared)).toEqual(['ann', 'bob']);
    expect(await give(2)).toEqual(['cat', 'ann']);
    expect(await give(2, apart.queue, shared)).toEqual(['bob', 'cat']);
    expect(new Set(await roundsOf()).size).toBe(6);
    await expectRight();
  });

  it('it reads only the counters when others did no more than give out tickets', async () => {
    expect(await give(2)).toEqual(['ann', 'bob']);
    expect(await give(1, apart.queue)).toEqual(['cat']);
    // Turned back as above: that bob is given a ticket tells that the roster was not read.
    await harness.sql(`UPDATE agents SET availability = 'AWAY' WHERE agent_id = 'bob'`);
    await harness.sql('UPDATE pools SET roster_sequence = roster_sequence - 1');
    expect(await give(3)).toEqual(['ann', 'bob', 'cat']);
    expect(new Set(await roundsOf()).size).toBe(3);
  });

  it.each<[what: string, change: string, then: readonly string[]]>([
    ['is away', `UPDATE agents SET availability = 'AWAY' WHERE agent_id = 'cat'`, ['ann', 'bob', 'ann', 'bob']],
    ['may have no more', `UPDATE agents SET max_open_tickets = 1 WHERE agent_id = 'cat'`, ['cat', 'ann', 'bob', 'ann']],
    ['is inactive', `UPDATE agents SET active = false WHERE agent_id = 'cat'`, ['ann', 'bob', 'ann', 'bob']],
    ['is a member no more', `DELETE FROM memberships WHERE agent_id = 'cat'`, ['ann', 'bob', 'ann', 'bob']],
    [
      'lacks a skill',
      `UPDATE agents SET skills = '{"french": 1}' WHERE agent_id <> 'cat';
       UPDATE groups SET required_skills = '{"french": 1}', policy_version = policy_version + 1`,
      ['ann', 'bob', 'ann', 'bob'],
    ],
    ['is to be given nothing, since a person assigns', `UPDATE groups SET strategy = 'MANUAL', policy_version = policy_version + 1`, ['', '', '', '']],
    [
      'is to have most, by weight',
      `UPDATE agents SET weight = 3 WHERE agent_id = 'cat';
       UPDATE groups SET strategy = 'WEIGHTED', policy_version = policy_version + 1`,
      ['cat', 'cat', 'cat', 'cat'],
    ],
  ])('it sees that cat %s, as somebody wrote by SQL', async (_what, change, then) => {
    expect(await give(2)).toEqual(['ann', 'bob']);
    await harness.sql(change);
    expect(await give(4)).toEqual(then);
    await expectRight();
  });

  it('it sees a handicap that somebody wrote by SQL', async () => {
    expect(await give(2)).toEqual(['ann', 'bob']);
    await harness.sql(`INSERT INTO handicaps (group_id, agent_id, business_day, handicap) SELECT group_id, 'cat', business_day, 2 FROM groups, pools`);
    expect(await give(4)).toEqual(['ann', 'bob', 'cat', 'ann']);
    await expectSound(harness);
  });

  it('it never has to see another key of a group: that is refused', async () => {
    await expect(harness.sql(`UPDATE groups SET key = 'RENAMED'`)).rejects.toThrow('cannot be changed');
  });

  it('it sees a group that somebody moved to a pool of its own by SQL', async () => {
    const other = await makeGroup(harness, 'OTHER');
    await harness.callAs('admin').groups.addGroupMembers({ groupId: other.groupId, agentIds: ['ann'] });
    await harness.callAs('admin').groups.removeGroupMembers({ groupId: other.groupId, agentIds: ['ann'] });
    await give(2);
    await harness.sql(
      `WITH pool AS (INSERT INTO pools (business_day) SELECT business_day FROM pools RETURNING pool_id)
      UPDATE group_pools SET pool_id = pool.pool_id FROM pool WHERE group_id = $1`,
      [group.groupId],
    );
    const pool = (
      await harness.sql<{ sequence: string }>('SELECT sequence FROM pools JOIN group_pools USING (pool_id) WHERE group_id = $1', [group.groupId])
    )[0];
    expect(await give(2)).toEqual(['cat', 'ann']);
    // It was given out under the lock of the new pool.
    expect(
      await harness.sql('SELECT FROM pools JOIN group_pools USING (pool_id) WHERE group_id = $1 AND sequence = $2 + 2', [group.groupId, pool?.sequence]),
    ).toHaveLength(1);
    await expectRight();
  });

  it('it sees groups that became one pool by a call of another process, and groups that were parted by its job', async () => {
    const other = await makeGroup(harness, 'OTHER');
    await makeAgent(harness, 'dan', [other]);
    expect([...(await give(3)), ...(await give(1, undefined, other))]).toEqual(['ann', 'bob', 'cat', 'dan']);
    const elsewhere = harness.callAs('admin', apart.queue);
    await elsewhere.groups.addGroupMembers({ groupId: group.groupId, agentIds: ['dan'] });
    expect(await harness.sql('SELECT FROM pools')).toHaveLength(1);
    expect([...(await give(1, undefined, other)), ...(await give(3))]).toEqual(['dan', 'ann', 'bob', 'cat']);
    await elsewhere.groups.removeGroupMembers({ groupId: group.groupId, agentIds: ['dan'] });
    await splitPools.run(
      {},
      { orm: harness.orm, queue: apart.queue, log: pino({ level: 'silent' }), metrics: makeMetrics(), signal: new AbortController().signal },
    );
    expect(await harness.sql('SELECT FROM pools')).toHaveLength(2);
    expect([...(await give(1, undefined, other)), ...(await give(3)), ...(await give(1, apart.queue, other))]).toEqual(['dan', 'ann', 'bob', 'cat', 'dan']);
    await expectRight();
  });

  it('it sees what somebody changes by SQL who has to wait while the pool is merged away', async () => {
    const other = await makeGroup(harness, 'OTHER');
    await makeAgent(harness, 'dan', [other]);
    const [merger, changer] = await Promise.all([connect(), connect()]);
    await merger.query('BEGIN; SELECT FROM pools ORDER BY pool_id FOR UPDATE');
    await changer.query('BEGIN');
    const changed = changer.query(`UPDATE agents SET availability = 'AWAY' WHERE agent_id = 'dan'`);
    await somebodyWaits();
    await merger.query(`WITH merged AS (UPDATE group_pools SET pool_id = (SELECT pool_id FROM group_pools WHERE group_id = '${group.groupId}')
      WHERE group_id = '${other.groupId}' RETURNING 1) SELECT * FROM merged; DELETE FROM pools WHERE pool_id NOT IN (SELECT pool_id FROM group_pools); COMMIT`);
    await changed;
    // Either he who changes holds the pool that is left, or what is remembered now would never be told of the change.
    const given = give(1, undefined, other);
    await Promise.race([given, somebodyWaits()]);
    await changer.query('COMMIT');
    await given;
    expect(await give(2, undefined, other)).toEqual(['', '']);
    await Promise.all([merger.end(), changer.end()]);
  });

  it('it sees another beginning of the day, as somebody wrote by SQL', async () => {
    await harness.callAs('admin').groups.updateGroup({
      group: { groupId: group.groupId, assignmentPolicy: { strategy: AssignmentStrategy.ASSIGNED_PER_HOUR_PRESENT } },
      updateMask: { paths: ['assignment_policy.strategy'] },
    });
    await harness.moveClock('2 hours');
    await give(2);
    await harness.sql(`UPDATE pools SET day_start_time = docket_now() - interval '10 minutes'`);
    await give(2);
    await expectRight();
  });

  it('it begins a new day with everybody at zero', async () => {
    await give(4);
    await harness.moveClock('1 day');
    expect(await give(2)).toEqual(['bob', 'cat']);
    expect(
      await harness.sql('SELECT agent_id, assigned_today AS today FROM agent_counters WHERE business_day = (SELECT business_day FROM pools) ORDER BY 1'),
    ).toEqual([
      { agent_id: 'bob', today: 1 },
      { agent_id: 'cat', today: 1 },
    ]);
    await expectRight();
  });
});

describe('a unit of work that fails', () => {
  /** What a ticket about user 666 comes to at the COMMIT of its unit. */
  const failAtCommit = (statement: string) =>
    harness.sql(`CREATE FUNCTION docket.fail_at_commit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN ${statement}; RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER fail_at_commit AFTER INSERT ON docket.tickets DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN (NEW.user_id = 666) EXECUTE FUNCTION docket.fail_at_commit()`);

  it.each([
    ['at a statement, after all is planned', `ALTER TABLE tickets ADD CONSTRAINT no_such_user CHECK (user_id <> 666)`, /no_such_user/],
    ['at its commit', `RAISE EXCEPTION 'not this one'`, /not this one/],
    ['at its commit, with its connection', `PERFORM pg_terminate_backend(pg_backend_pid())`, /the database did not carry out the change/],
  ])('it leaves nothing behind, neither written nor remembered: %s', async (where, statement, words) => {
    expect(await give(2)).toEqual(['ann', 'bob']);
    await (where.startsWith('at its commit') ? failAtCommit(statement) : harness.sql(statement));
    await expect(give(1, undefined, group, 666n)).rejects.toThrow(words);
    expect(await give(2)).toEqual(['cat', 'ann']);
    // Keys go on without a gap, and the round of the two before is not gone on with.
    expect(await harness.sql(`SELECT FROM tickets WHERE split_part(key, '-', 2)::int > 4`)).toEqual([]);
    expect(new Set(await roundsOf()).size).toBe(2);
    await expectRight();
  });

  it('it costs only the one who is at fault, whoever was with him in the batch', async () => {
    await give(1);
    await failAtCommit(`RAISE EXCEPTION 'not this one'`);
    const told = await Promise.allSettled(Array.from({ length: 24 }, (_, at) => give(1, undefined, group, at === 13 ? 666n : BigInt(at + 1))));
    expect(told.filter((one) => one.status === 'rejected')).toHaveLength(1);
    expect(await harness.sql('SELECT agent_id, open_tickets AS open FROM agent_counters ORDER BY 1')).toEqual(
      ['ann', 'bob', 'cat'].map((agent_id) => ({ agent_id, open: 8 })),
    );
    await expectRight();
  });
});

describe('check-invariants --repair while processes run', () => {
  it('it makes them read everybody again, also whose counters were lost', async () => {
    await harness.sql(`DELETE FROM agent_counters WHERE agent_id = 'bob'`);
    expect(await give(2)).toEqual(['ann', 'cat']);
    expect((await checkDatabase(harness.url, { repair: true })).repaired).toBe(1);
    expect(await give(1)).toEqual(['bob']);
    await expectSound(harness);
  });

  it('it makes them forget the counters that it found wrong', async () => {
    await give(3);
    await harness.sql(`UPDATE agent_counters SET assigned_today = 0, open_tickets = 9 WHERE agent_id = 'bob'`);
    // The other process never saw the right ones: it gives bob what he seems to lack, and remembers what it found.
    expect(await give(1, apart.queue)).toEqual(['bob']);
    expect((await checkDatabase(harness.url, { repair: true })).repaired).toBe(1);
    // Bob's turn comes again: what is remembered of him would be written over what was repaired.
    expect(await give(3, apart.queue)).toEqual(['ann', 'cat', 'bob']);
    await expectSound(harness);
  });
});
