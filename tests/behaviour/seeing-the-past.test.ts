import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Group } from '../../gen/ticketing/v1/group_pb.ts';
import { TicketStatus } from '../../gen/ticketing/v1/ticket_pb.ts';
import { toTimestamp } from '../../src/foundation/clock.ts';
import { createTicket, makeTeam, updateTicket } from '../support/engine.ts';
import { type Clients, createHarness, failureOf, type Harness } from '../support/harness.ts';
import { readTimestamp } from '../support/instants.ts';
import { makeAgent } from '../support/team.ts';

let harness: Harness;
let one: Group;
let two: Group;
beforeAll(async () => {
  harness = await createHarness();
  one = (await makeTeam(harness, 'ONE', 2, { supervisorIds: ['sue'] })).group;
  two = (await makeTeam(harness, 'TWO', 2, { supervisorIds: ['tom'] })).group;
});
afterAll(() => harness.close());

type AsOf = Awaited<ReturnType<typeof readTimestamp>>;
const now = () => readTimestamp(harness);
const supervisor = (actor: string): Clients => harness.callAs({ roles: ['supervisor'], actor });

/** Every read that can be asked about the past, of one agent, one group and one ticket. */
const reads: Readonly<Record<string, (who: Clients, asOf: AsOf) => Promise<unknown>>> = {
  GetTicket: (who, asOf) => who.tickets.getTicket({ ticketId: 'ONE-1', asOf }),
  ListTickets: (who, asOf) => who.tickets.listTickets({ asOf }),
  GetAgent: (who, asOf) => who.agents.getAgent({ agentId: 'ONE-a', asOf }),
  ListAgents: (who, asOf) => who.agents.listAgents({ asOf }),
  GetWorkload: (who, asOf) => who.agents.getWorkload({ agentId: 'ONE-a', asOf }),
  GetGroup: (who, asOf) => who.groups.getGroup({ groupId: one.groupId, asOf }),
  ListGroups: (who, asOf) => who.groups.listGroups({ asOf }),
  RestoreTicket: (who, asOf) => who.tickets.restoreTicket({ ticketId: 'ONE-1', asOf }),
};

describe('who sees what of the past', () => {
  it('meets an agent whom he meets now and met then, with those of his groups that he may see', async () => {
    const { groups } = harness.callAs('admin');
    await makeAgent(harness, 'mover', [one]);
    const inOne = await now();
    await groups.addGroupMembers({ groupId: two.groupId, agentIds: ['mover'] });
    const inBoth = await now();
    await groups.removeGroupMembers({ groupId: one.groupId, agentIds: ['mover'] });
    const inTwo = await now();
    const admin = harness.callAs('admin');
    const groupsOf = async (who: Clients, asOf: AsOf) => (await who.agents.getAgent({ agentId: 'mover', asOf })).agent?.groupIds;
    expect([await groupsOf(admin, inOne), await groupsOf(admin, inBoth), await groupsOf(admin, inTwo)]).toEqual([
      [one.groupId],
      [one.groupId, two.groupId].sort(),
      [two.groupId],
    ]);
    const [sue, tom] = [supervisor('sue'), supervisor('tom')];
    const absent = { kind: 'not_found', reason: 'AGENT_NOT_FOUND' };
    // She met him then, and does not now; he meets him now, and did not then.
    for (const [who, asOf] of [
      [sue, inOne],
      [sue, inBoth],
      [tom, inOne],
    ] as const) {
      expect(await failureOf(groupsOf(who, asOf))).toMatchObject(absent);
      expect(await failureOf(who.agents.getWorkload({ agentId: 'mover', asOf }))).toMatchObject(absent);
      expect((await who.agents.listAgents({ asOf })).agents.map(({ agentId }) => agentId)).not.toContain('mover');
    }
    expect(await groupsOf(tom, inBoth)).toEqual([two.groupId]);
    expect((await tom.agents.listAgents({ asOf: inBoth, groupId: two.groupId })).agents.map(({ agentId }) => agentId)).toContain('mover');
    expect((await tom.agents.listAgents({ asOf: inBoth, groupId: one.groupId })).agents).toEqual([]);
    expect((await tom.agents.getWorkload({ agentId: 'mover', asOf: inBoth })).workload?.groups.map(({ groupId }) => groupId)).toEqual([two.groupId]);
    const himself = harness.callAs({ roles: ['agent'], agentId: 'mover' });
    expect(await groupsOf(himself, inOne)).toEqual([]);
  });

  it('lists tickets that are now and were then in his groups', async () => {
    const ticket = await createTicket(harness, one, { agentId: 'ONE-a' });
    const before = await now();
    await updateTicket(harness, ticket.ticketId, { groupId: two.groupId });
    const after = await now();
    const keys = async (who: Clients, asOf: AsOf) => (await who.tickets.listTickets({ asOf })).tickets.map(({ key }) => key);
    expect(await keys(harness.callAs('auditor'), before)).toContain(ticket.key);
    for (const [name, asOf, seen] of [
      ['sue', before, false],
      ['sue', after, false],
      ['tom', before, false],
      ['tom', after, true],
    ] as const)
      expect((await keys(supervisor(name), asOf)).includes(ticket.key), `${name} ${String(seen)}`).toBe(seen);
  });

  it('sees a group by who supervises it today, whoever did then', async () => {
    const before = await now();
    await harness.callAs('admin').groups.updateGroup({ group: { groupId: two.groupId, supervisorIds: ['kim'] }, updateMask: { paths: ['supervisor_ids'] } });
    const asked = { groupId: two.groupId, asOf: before };
    expect(await failureOf(supervisor('tom').groups.getGroup(asked))).toMatchObject({ kind: 'not_found', reason: 'GROUP_NOT_FOUND' });
    expect((await supervisor('tom').groups.listGroups({ asOf: before })).groups).toEqual([]);
    expect((await supervisor('kim').groups.getGroup(asked)).group?.supervisorIds).toEqual(['tom']);
    await harness.callAs('admin').groups.updateGroup({ group: { groupId: two.groupId, supervisorIds: ['tom'] }, updateMask: { paths: ['supervisor_ids'] } });
  });

  it('sees what is deleted as it was, and as deleted from then on', async () => {
    const { groups, agents } = harness.callAs('admin');
    const { group } = await makeTeam(harness, 'GONE', 1, { supervisorIds: ['sue'] });
    const there = await now();
    await agents.deleteAgent({ agentId: 'GONE-a' });
    await groups.deleteGroup({ groupId: group.groupId });
    const gone = await now();
    const read = async (asOf: AsOf) => [
      Boolean((await groups.getGroup({ groupId: group.groupId, asOf })).group?.deleteTime),
      Boolean((await agents.getAgent({ agentId: 'GONE-a', asOf })).agent?.deleteTime),
      (await groups.listGroups({ asOf })).groups.some(({ key }) => key === 'GONE'),
      (await agents.listAgents({ asOf })).agents.some(({ agentId }) => agentId === 'GONE-a'),
    ];
    expect([await read(there), await read(gone)]).toEqual([
      [false, false, true, true],
      [true, true, false, false],
    ]);
  });
});

describe('a list of the past', () => {
  it('comes in short pages where few of many are wanted, and loses and repeats none', async () => {
    const big = (await makeTeam(harness, 'BIG', 1)).group;
    await harness.sql(
      `INSERT INTO tickets (ticket_id, key, group_id, user_id, status, priority, labels, create_time, update_time)
       SELECT gen_random_uuid(), 'BIG-' || n, $1, 1, 6, 1, CASE WHEN n % 4000 = 7 THEN '{rare}'::text[] ELSE '{}' END, docket_now() - n * interval '1 second', docket_now()
       FROM generate_series(1, 12000) n`,
      [big.groupId],
    );
    const asOf = await now();
    await harness.sql(`UPDATE tickets SET labels = '{}' WHERE 'rare' = ANY (labels)`);
    await harness.sql(`DELETE FROM tickets WHERE key IN ('BIG-4007', 'BIG-4008')`);
    const { tickets } = harness.callAs('admin');
    for (const orderBy of ['create_time desc', 'create_time']) {
      const keys: string[] = [];
      const sizes: number[] = [];
      let pageToken = '';
      do {
        const page = await tickets.listTickets({ groupId: big.groupId, filter: '"rare" in labels', asOf, orderBy, pageSize: 100, pageToken });
        keys.push(...page.tickets.map(({ key }) => key));
        sizes.push(page.tickets.length);
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      expect(keys).toEqual(orderBy === 'create_time' ? ['BIG-8007', 'BIG-4007', 'BIG-7'] : ['BIG-7', 'BIG-4007', 'BIG-8007']);
      expect(sizes.length).toBeGreaterThan(5);
    }
    const all = new Set<string>();
    let pageToken = '';
    do {
      const page = await tickets.listTickets({ groupId: big.groupId, asOf, pageSize: 997, pageToken });
      for (const { key } of page.tickets) all.add(key);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(all.size).toBe(12_000);
  });

  it('shows one instant on all its pages, whatever happens meanwhile', async () => {
    const made = [];
    for (let at = 0; at < 6; at += 1) made.push(await createTicket(harness, one, { agentId: 'ONE-a', title: 'then' }));
    const asOf = await now();
    const request = { groupId: one.groupId, filter: 'title == "then"', asOf, pageSize: 2 };
    const { tickets } = harness.callAs('admin');
    const first = await tickets.listTickets(request);
    for (const { ticketId } of made) await updateTicket(harness, ticketId, { status: TicketStatus.CANCELLED, title: 'now' });
    const second = await tickets.listTickets({ ...request, pageToken: first.nextPageToken });
    const third = await tickets.listTickets({ ...request, pageToken: second.nextPageToken });
    expect([...first.tickets, ...second.tickets, ...third.tickets].map(({ key }) => key)).toEqual(made.map(({ key }) => key).reverse());
    expect(await failureOf(tickets.listTickets({ ...request, asOf: await now(), pageToken: first.nextPageToken }))).toMatchObject({
      reason: 'PAGE_TOKEN_INVALID',
    });
    expect(await failureOf(tickets.listTickets({ groupId: one.groupId, filter: request.filter, pageToken: first.nextPageToken }))).toMatchObject({
      reason: 'PAGE_TOKEN_INVALID',
    });
  });

  it('INVALID_ARGUMENT: an order that is not the same at every instant', async () => {
    const asOf = await now();
    for (const orderBy of ['priority', 'priority desc, create_time', 'create_time desc, priority'])
      expect(await failureOf(harness.callAs('admin').tickets.listTickets({ asOf, orderBy }))).toMatchObject({
        kind: 'invalid_argument',
        reason: 'ORDER_BY_INVALID',
        message: expect.stringContaining('create_time desc') as string,
      });
  });
});

describe('a ticket', () => {
  it('keeps its key and its time of creation, by raw SQL too: the past is found by them', async () => {
    for (const change of [`key = 'OTHER-1'`, `create_time = create_time + interval '1 second'`])
      await expect(harness.sql(`UPDATE tickets SET ${change} WHERE key = 'ONE-1'`)).rejects.toThrow('cannot be changed');
  });
});

describe('each read of the past', () => {
  it.each(Object.keys(reads))('INVALID_ARGUMENT: %s as of the future', async (name) => {
    const later = await now();
    const read = reads[name] as (typeof reads)[string];
    expect(await failureOf(read(harness.callAs('admin'), { ...later, seconds: later.seconds + 60n }))).toMatchObject({
      kind: 'invalid_argument',
      reason: 'INVALID_FIELD',
      facts: { field: 'as_of' },
    });
  });

  it.each(Object.keys(reads))('OUT_OF_RANGE: %s as of a month that was dropped', async (name) => {
    await harness.sql(
      `INSERT INTO dropped_months (month, entries, create_time, update_time)
       VALUES (date_trunc('month', docket_now() AT TIME ZONE 'UTC') - interval '1 month', 1, docket_now(), docket_now()) ON CONFLICT DO NOTHING`,
    );
    const [kept] = await harness.sql<{ from: string }>(`SELECT (date_trunc('month', docket_now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')::text AS from`);
    const from = toTimestamp(kept?.from ?? '');
    const read = reads[name] as (typeof reads)[string];
    expect(await failureOf(read(harness.callAs('admin'), { ...from, seconds: from.seconds - 1n }))).toMatchObject({
      kind: 'out_of_range',
      reason: 'HISTORY_DROPPED',
    });
    if (name.startsWith('List')) await expect(read(harness.callAs('admin'), from)).resolves.toBeDefined();
  });
});
