import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Availability } from '../../gen/ticketing/v1/agent_pb.ts';
import type { Group } from '../../gen/ticketing/v1/group_pb.ts';
import { splitPool } from '../../src/domain/groups/commands/split-pool.ts';
import { ticketReactions } from '../../src/domain/tickets/index.ts';
import { CommandQueue } from '../../src/foundation/commands/queue.ts';
import { submitJob } from '../../src/foundation/commands/submit.ts';
import { DomainError } from '../../src/foundation/errors.ts';
import { createHarness, type Harness } from '../support/harness.ts';
import { makeAgent, makeGroup, makeTickets } from '../support/team.ts';

const SEED = 20_260_301;

/** The same numbers in every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('agents who come, go and move while tickets arrive', () => {
  let harness: Harness;
  const groups: Group[] = [];
  const agentIds = Array.from({ length: 10 }, (_, at) => `agent-${at}`);
  beforeAll(async () => {
    harness = await createHarness();
    for (const key of ['A', 'B', 'C', 'D', 'E']) groups.push(await makeGroup(harness, key));
    for (const agentId of agentIds) await makeAgent(harness, agentId);
  });
  afterAll(() => harness.close());

  it('are never lost to another pool, and no ticket is left waiting or on the wrong desk', async () => {
    const admin = harness.callAs('admin');
    const below = random(SEED);
    const group = () => (groups[below(groups.length)] as Group).groupId;
    const agentId = () => agentIds[below(agentIds.length)] as string;
    const change = (): Promise<unknown> => {
      switch (below(8)) {
        case 0:
          return admin.groups.addGroupMembers({
            groupId: group(),
            agentIds: [agentId(), `agent-${below(10)}`].filter((id, at, all) => all.indexOf(id) === at),
          });
        case 1:
          return admin.groups.removeGroupMembers({ groupId: group(), agentIds: [agentId()] });
        case 2:
          return admin.agents.updateAgent({ agent: { agentId: agentId(), groupIds: [group()] }, updateMask: { paths: ['group_ids'] } });
        case 3:
          return admin.agents.updateAgent({ agent: { agentId: agentId(), active: below(2) === 0 } });
        case 4:
          return admin.agents.setAvailability({
            agentId: agentId(),
            availability: below(3) === 0 ? Availability.AWAY : Availability.AVAILABLE,
            reassignPending: below(2) === 0,
          });
        case 5:
          return below(2) === 0 ? admin.agents.deleteAgent({ agentId: agentId() }) : admin.agents.undeleteAgent({ agentId: agentId() });
        default:
          return harness.callAs('service').tickets.createTicket({ groupId: group(), userId: 7n });
      }
    };
    const refused = new Set(['AGENT_DELETED', 'AGENT_NOT_DELETED']);
    const settled = await Promise.allSettled(Array.from({ length: 160 }, change));
    for (const one of settled) {
      if (one.status === 'rejected' && !(one.reason instanceof DomainError && refused.has(one.reason.reason))) throw one.reason;
    }
    await harness.queue.drain();
    await assertSound();
  });

  it('keep that over two processes', async () => {
    const second = new CommandQueue({ orm: harness.orm, handlers: ticketReactions, enqueue: async () => undefined }, { lanes: 2, queueBound: 1000 });
    const other = harness.callAs('admin', second);
    const admin = harness.callAs('admin');
    const below = random(SEED + 1);
    const calls = Array.from({ length: 100 }, (_, at) => {
      const caller = at % 2 === 0 ? admin : other;
      const groupId = (groups[below(groups.length)] as Group).groupId;
      const agentId = agentIds[below(agentIds.length)] as string;
      if (below(3) === 0) return caller.tickets.createTicket({ groupId, userId: 7n });
      return below(2) === 0
        ? caller.groups.addGroupMembers({ groupId, agentIds: [agentId] })
        : caller.groups.removeGroupMembers({ groupId, agentIds: [agentId] });
    });
    const settled = await Promise.allSettled(calls);
    for (const one of settled) {
      if (one.status === 'rejected' && !(one.reason instanceof DomainError && one.reason.reason === 'AGENT_DELETED')) throw one.reason;
    }
    await second.drain();
    await assertSound();
    await Promise.all(groups.map((group) => makeTickets(harness, group, 5)));
    await assertSound();
  });

  it('are moved also while their pool is being split, of which nobody hears', async () => {
    const [left, right] = [await makeGroup(harness, 'LEFT'), await makeGroup(harness, 'RIGHT')];
    await makeAgent(harness, 'bridge', [left, right]);
    await makeAgent(harness, 'leftist', [left]);
    const admin = harness.callAs('admin');
    await admin.groups.removeGroupMembers({ groupId: right.groupId, agentIds: ['bridge'] });
    const [pool] = await harness.sql<{ pool_id: string }>('SELECT pool_id FROM group_pools WHERE group_id = $1', [left.groupId]);
    const holder = new pg.Client({ connectionString: harness.url });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM docket.pools WHERE pool_id = $1 FOR UPDATE', [pool?.pool_id]);
    // Both gather behind the held lock, the split first, and are taken together when it is free.
    const split = submitJob(harness.queue, 'split-pools', '', splitPool, { poolId: pool?.pool_id ?? '' });
    await vi.waitFor(async () => {
      expect(await harness.sql(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)).toHaveLength(1);
    });
    const join = admin.groups.addGroupMembers({ groupId: right.groupId, agentIds: ['leftist'] });
    await vi.waitFor(() => expect(harness.queue.depth).toBe(2));
    await holder.query('COMMIT');
    await holder.end();
    expect((await split).value).toBe(1);
    expect((await join).addedAgentIds).toEqual(['leftist']);
    await assertSound();
  });

  async function assertSound(): Promise<void> {
    expect(
      await harness.sql(`SELECT m.agent_id FROM memberships m JOIN group_pools USING (group_id) GROUP BY 1 HAVING count(DISTINCT pool_id) > 1`),
      'agents in two pools',
    ).toEqual([]);
    expect(await harness.sql('SELECT group_id FROM group_pools WHERE pool_id NOT IN (SELECT pool_id FROM pools)'), 'groups in no pool').toEqual([]);
    const misplaced = await harness.sql(
      `SELECT t.key FROM tickets t JOIN agents a USING (agent_id) LEFT JOIN memberships m ON m.group_id = t.group_id AND m.agent_id = t.agent_id
       WHERE t.status <= 3 AND (m.agent_id IS NULL OR a.delete_time IS NOT NULL OR NOT a.active)`,
    );
    expect(misplaced, 'tickets on the wrong desk').toEqual([]);
    const waiting = await harness.sql(
      `SELECT t.key FROM tickets t WHERE t.agent_id IS NULL AND t.status <= 3 AND EXISTS (
         SELECT FROM memberships m JOIN agents a USING (agent_id)
         WHERE m.group_id = t.group_id AND a.active AND a.availability = 'AVAILABLE' AND a.delete_time IS NULL)`,
    );
    expect(waiting, 'tickets that wait although somebody can take them').toEqual([]);
    const miscounted = await harness.sql(
      `SELECT c.agent_id FROM agent_counters c
       WHERE c.open_tickets <> (SELECT count(*) FROM tickets t WHERE t.agent_id = c.agent_id AND t.status <= 3)`,
    );
    expect(miscounted, 'agents whose open tickets are miscounted').toEqual([]);
  }
});
