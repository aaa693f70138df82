import type { Timestamp } from '@bufbuild/protobuf/wkt';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Group } from '../../gen/ticketing/v1/group_pb.ts';
import { type Ticket, TicketStatus } from '../../gen/ticketing/v1/ticket_pb.ts';
import { fromTimestamp, instantOf, microsOf, toTimestamp } from '../../src/foundation/clock.ts';
import { createTicket, makeTeam, updateTicket } from '../support/engine.ts';
import { type Clients, createHarness, failureOf, type Harness } from '../support/harness.ts';
import { readTimestamp } from '../support/instants.ts';
import { makeAgent } from '../support/team.ts';

let harness: Harness;
let admin: Clients;
let one: Group;
beforeAll(async () => {
  harness = await createHarness();
  admin = harness.callAs({ roles: ['admin', 'service'], actor: 'ann' });
  one = (await makeTeam(harness, 'ONE', 2)).group;
});
afterAll(() => harness.close());

/** What is told of a thing: in which state, and since when. */
interface Told {
  readonly etag: string;
  readonly createTime?: Timestamp | undefined;
  readonly updateTime?: Timestamp | undefined;
}
const microsBefore = (time: Timestamp | undefined, micros: number): Timestamp => toTimestamp(instantOf(microsOf(fromTimestamp(time as Timestamp)) - micros));

/** A thing in all its versions, oldest first, is read as of the times that they carry: by itself, and in the list of its kind. */
async function expectMet<Thing extends Told>(versions: readonly Thing[], read: (asOf: Timestamp) => Promise<readonly (Thing | undefined)[]>): Promise<void> {
  for (const [at, version] of versions.entries()) {
    for (const found of await read(version.updateTime as Timestamp)) expect(found).toEqual(version);
    const before = await read(microsBefore(version.updateTime, 1)).catch(async (error: unknown) => {
      expect(await failureOf(Promise.reject(error))).toMatchObject({ kind: 'not_found' });
      return [undefined];
    });
    for (const found of before) expect(found?.etag).toBe(versions[at - 1]?.etag);
  }
  expect(versions[0]?.updateTime).toEqual(versions[0]?.createTime);
}

describe('a read as of the time of a change', () => {
  it('shows what the change made of a ticket, and a microsecond earlier what it was before', async () => {
    const created = await createTicket(harness, one, { title: 'first' });
    const { ticketId } = created;
    const versions = [
      created,
      await updateTicket(harness, ticketId, { title: 'second' }),
      await updateTicket(harness, ticketId, { status: TicketStatus.RESOLVED }),
      await updateTicket(harness, ticketId, { title: 'fourth' }),
    ];
    await expectMet(versions, async (asOf) => [
      (await admin.tickets.getTicket({ ticketId, asOf })).ticket,
      (await admin.tickets.listTickets({ asOf, pageSize: 1000 })).tickets.find((ticket) => ticket.ticketId === ticketId),
    ]);
    const told = await admin.history.listVersions({ entityType: 'ticket', entityId: ticketId });
    expect(told.versions.map(({ changeTime }) => changeTime).reverse()).toEqual(versions.map(({ updateTime }) => updateTime));
    const restored = await admin.tickets.restoreTicket({ ticketId, asOf: versions[1]?.updateTime });
    expect(restored).toMatchObject({ restoredVersion: 2n, ticket: { title: 'second', status: TicketStatus.OPEN } });
  });

  it('shows what it made of an agent, of his groups and of a group', async () => {
    const agentId = 'mover';
    const { group: two } = await makeTeam(harness, 'TWO', 1);
    const readAgent = async () => (await admin.agents.getAgent({ agentId })).agent;
    const agents = [await makeAgent(harness, agentId, [one])];
    const change = async (changed: Promise<unknown>) => changed.then(readAgent).then((agent) => agent && agents.push(agent));
    await change(admin.groups.addGroupMembers({ groupId: two.groupId, agentIds: [agentId] }));
    await change(admin.groups.removeGroupMembers({ groupId: one.groupId, agentIds: [agentId] }));
    await change(admin.agents.updateAgent({ agent: { agentId, groupIds: [one.groupId] }, updateMask: { paths: ['group_ids'] } }));
    await change(admin.agents.updateAgent({ agent: { agentId, weight: 3 }, updateMask: { paths: ['weight'] } }));
    await change(admin.agents.deleteAgent({ agentId }));
    expect(agents.map(({ groupIds }) => groupIds.length)).toEqual([1, 2, 1, 1, 1, 1]);
    await expectMet(agents, async (asOf) => [
      (await admin.agents.getAgent({ agentId, asOf })).agent,
      (await admin.agents.listAgents({ asOf, showDeleted: true, pageSize: 1000 })).agents.find((agent) => agent.agentId === agentId),
    ]);
    const shown = async (asOf: Timestamp | undefined) => (await admin.agents.getWorkload({ agentId, asOf })).workload?.groups.map(({ groupId }) => groupId);
    expect(await shown(agents[2]?.updateTime)).toEqual([two.groupId]);

    const { groupId } = two;
    const groups = [two];
    const take = (group: Group | undefined) => group && groups.push(group);
    take((await admin.groups.updateGroup({ group: { groupId, name: 'Second' }, updateMask: { paths: ['name'] } })).group);
    take((await admin.groups.deleteGroup({ groupId })).group);
    take((await admin.groups.undeleteGroup({ groupId })).group);
    await expectMet(groups, async (asOf) => [
      (await admin.groups.getGroup({ groupId, asOf })).group,
      (await admin.groups.listGroups({ asOf, showDeleted: true, pageSize: 1000 })).groups.find((group) => group.groupId === groupId),
    ]);
  });

  it('shows the tickets and counts of an agent as of the time at which one was given to him', async () => {
    const [agentId, { group }] = ['LOAD-a', await makeTeam(harness, 'LOAD', 1)];
    const { updateTime: asOf } = await createTicket(harness, group, {});
    expect((await admin.agents.getWorkload({ agentId, asOf })).workload).toMatchObject({ openTickets: 1, groups: [{ ticketsAssignedToday: 1 }] });
    expect((await admin.agents.getAgent({ agentId, asOf })).agent).toMatchObject({ openTickets: 1, lastAssignTime: asOf });
    expect((await admin.agents.getWorkload({ agentId, asOf: microsBefore(asOf, 1) })).workload).toMatchObject({ openTickets: 0 });
  });

  it('tells changes apart that one unit of work made', async () => {
    const { ticketId } = await createTicket(harness, one, { title: '0' });
    const changed = await Promise.all(Array.from({ length: 40 }, (_, at) => updateTicket(harness, ticketId, { title: `${at}`, labels: [`${at}`] })));
    const times = new Set(changed.map(({ updateTime }) => microsOf(fromTimestamp(updateTime as Timestamp))));
    expect(times.size).toBe(40);
    for (const ticket of changed) expect((await admin.tickets.getTicket({ ticketId, asOf: ticket.updateTime })).ticket).toEqual(ticket);
  });

  it('shows what SQL past Docket made of a row, too', async () => {
    const ticketId = (await createTicket(harness, one, { title: 'before' })).ticketId;
    await harness.sql(`UPDATE tickets SET title = 'raw' WHERE ticket_id = $1`, [ticketId]);
    const { ticket } = await admin.tickets.getTicket({ ticketId });
    expect((await admin.tickets.getTicket({ ticketId, asOf: ticket?.updateTime })).ticket).toEqual(ticket);
    expect((await admin.tickets.getTicket({ ticketId, asOf: microsBefore(ticket?.updateTime, 1) })).ticket?.title).toBe('before');
  });

  it.each(['2020-01-01', '2090-01-01'])('does not believe a time that a row was given by hand: %s', async (time) => {
    const { ticketId } = await createTicket(harness, one, { title: 'before' });
    const start = await readTimestamp(harness);
    await harness.sql(`UPDATE tickets SET title = 'dated', update_time = $2 WHERE ticket_id = $1`, [ticketId, time]);
    const end = await readTimestamp(harness);
    const [entry] = (await admin.history.listVersions({ entityType: 'ticket', entityId: ticketId })).versions;
    const micros = [start, entry?.changeTime as Timestamp, end].map((one) => microsOf(fromTimestamp(one)));
    expect(micros).toEqual(micros.toSorted((a, b) => a - b));
  });
});

describe('a change that waits for its ticket', () => {
  /** Changes a ticket's title while somebody else holds it; `meanwhile` is run once the change waits. */
  async function rename(ticketId: string, title: string, meanwhile: (holder: pg.Client) => Promise<unknown>): Promise<Ticket> {
    const holder = new pg.Client({ connectionString: harness.url, options: '-c search_path=docket -c timezone=UTC' });
    await holder.connect();
    try {
      await holder.query('BEGIN');
      // By the table: a lock of the row would make a writer of the holder, for whom the past would wait as well.
      await holder.query('LOCK TABLE tickets IN EXCLUSIVE MODE');
      const renamed = updateTicket(harness, ticketId, { title });
      const waits = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      await vi.waitFor(async () => expect(await harness.sql(waits)).toHaveLength(1), { timeout: 4_000, interval: 5 });
      await meanwhile(holder);
      await holder.query('COMMIT');
      return await renamed;
    } finally {
      await holder.end();
    }
  }
  const titleAt = async (ticketId: string, asOf: Timestamp) => (await admin.tickets.getTicket({ ticketId, asOf })).ticket?.title;

  it('is later than the change that it waited for', async () => {
    const { ticketId } = await createTicket(harness, one, { title: 'first' });
    let between = '';
    const renamed = await rename(ticketId, 'last', async (holder) => {
      const { rows } = await holder.query(`UPDATE tickets SET title = 'meanwhile' WHERE ticket_id = $1 RETURNING update_time::text AS time`, [ticketId]);
      between = rows[0].time;
    });
    expect(microsOf(fromTimestamp(renamed.updateTime as Timestamp))).toBeGreaterThan(microsOf(between));
    expect((await admin.tickets.getTicket({ ticketId, asOf: renamed.updateTime })).ticket).toEqual(renamed);
    expect(await titleAt(ticketId, toTimestamp(between))).toBe('meanwhile');
  });

  it('is waited for by who reads the past as of a later instant: it has read its time already', async () => {
    const { ticketId } = await createTicket(harness, one, { title: 'before' });
    let read: Promise<string | undefined> | undefined;
    let asOf: Timestamp | undefined;
    await rename(ticketId, 'awaited', async () => {
      asOf = await readTimestamp(harness);
      const since = fromTimestamp(asOf);
      read = titleAt(ticketId, asOf);
      const looks = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%writers_under_way() WHERE%' AND query_start > $1`;
      const waits = vi.waitFor(async () => expect(await harness.sql(looks, [since])).not.toEqual([]), { timeout: 4_000, interval: 5 });
      await Promise.race([waits, read]);
    });
    expect(await read).toBe('awaited');
    expect(await titleAt(ticketId, asOf as Timestamp)).toBe('awaited');
  });
});
