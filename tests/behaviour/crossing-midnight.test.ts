import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Availability } from '../../gen/ticketing/v1/agent_pb.ts';
import { TicketStatus } from '../../gen/ticketing/v1/ticket_pb.ts';
import { moveClock } from '../support/database/index.ts';
import { countersOf, createTicket, expectSound, updateTicket } from '../support/engine.ts';
import { createHarness, type Harness } from '../support/harness.ts';
import { makeAgent, makeGroup, makeTickets } from '../support/team.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await createHarness();
  // Noon, so that an hour more or less is the same day.
  await harness.sql(`UPDATE test_clock SET ahead = date_trunc('day', clock_timestamp()) + interval '12 hours' - clock_timestamp()`);
});
afterEach(async () => {
  await expectSound(harness);
  await harness.close();
});

const dayOf = async (groupKey: string): Promise<string> =>
  (
    await harness.sql<{ day: string }>(
      'SELECT p.business_day::text AS day FROM pools p JOIN group_pools USING (pool_id) JOIN groups g USING (group_id) WHERE g.key = $1',
      [groupKey],
    )
  )[0]?.day ?? '';
const setZone = (zone: string) => harness.sql('UPDATE settings SET business_time_zone = $1', [zone]);

async function team(key: string, names: readonly string[]) {
  const group = await makeGroup(harness, key);
  for (const name of names) await makeAgent(harness, name, [group]);
  return group;
}

describe('a new day', () => {
  it('starts everybody level, whatever they were given the day before', async () => {
    const group = await team('LEVEL', ['a', 'b', 'c']);
    await makeTickets(harness, group, 9, 'a');
    expect((await createTicket(harness, group)).agentId).toBe('b');
    await moveClock(harness.url, '1 day');
    const winners: string[] = [];
    for (let ticket = 0; ticket < 6; ticket++) winners.push((await createTicket(harness, group)).agentId);
    expect(winners.sort()).toEqual(['a', 'a', 'b', 'b', 'c', 'c']);
    expect(await countersOf(harness, 'a')).toMatchObject({ assignedToday: 2, totalAssigned: 11, open: 11 });
    const { agent } = await harness.callAs('admin').agents.getAgent({ agentId: 'a' });
    expect(agent).toMatchObject({ ticketsAssignedToday: 2, openTickets: 11 });
  });

  it('counts nobody’s tickets of yesterday as today’s, also of those who are given nothing', async () => {
    const group = await team('READ', ['a']);
    const ticket = await createTicket(harness, group);
    await updateTicket(harness, ticket.ticketId, { status: TicketStatus.RESOLVED });
    await moveClock(harness.url, '1 day');
    const { agent } = await harness.callAs('admin').agents.getAgent({ agentId: 'a' });
    expect(agent).toMatchObject({ ticketsAssignedToday: 0, ticketsResolvedToday: 0 });
    expect([agent?.totalTicketsAssigned, agent?.totalTicketsResolved].map(Number)).toEqual([1, 1]);
  });

  it('ends handicaps', async () => {
    const group = await makeGroup(harness, 'HANDICAP', { assignmentPolicy: { catchUpLimit: 0 } });
    await makeAgent(harness, 'early', [group]);
    await makeTickets(harness, group, 5);
    await makeAgent(harness, 'late', [group]);
    expect((await createTicket(harness, group)).agentId).toBe('late');
    expect((await createTicket(harness, group)).agentId).toBe('early');
    await moveClock(harness.url, '1 day');
    const winners = [];
    for (let ticket = 0; ticket < 4; ticket++) winners.push((await createTicket(harness, group)).agentId);
    expect(winners.sort()).toEqual(['early', 'early', 'late', 'late']);
  });

  it('counts a resolve on the day on which it happens', async () => {
    const group = await team('RESOLVE', ['a']);
    const [first, second] = await makeTickets(harness, group, 2);
    await updateTicket(harness, first?.ticketId ?? '', { status: TicketStatus.RESOLVED });
    await moveClock(harness.url, '1 day');
    await updateTicket(harness, second?.ticketId ?? '', { status: TicketStatus.RESOLVED });
    expect(await countersOf(harness, 'a')).toMatchObject({ resolvedToday: 1, totalResolved: 2, assignedToday: 0 });
  });
});

describe('the business day of a pool', () => {
  it('never goes back when the clock does, nor when the time zone does', async () => {
    const group = await team('BACK', ['a', 'b']);
    await createTicket(harness, group, { agentId: 'a' });
    const today = await dayOf('BACK');
    await moveClock(harness.url, '-1 day');
    expect((await createTicket(harness, group)).agentId).toBe('b');
    expect(await dayOf('BACK')).toBe(today);
    await moveClock(harness.url, '1 day');
    await setZone('Pacific/Kiritimati');
    await createTicket(harness, group);
    const ahead = await dayOf('BACK');
    expect(ahead > today).toBe(true);
    await setZone('Etc/GMT+12');
    await createTicket(harness, group);
    expect(await dayOf('BACK')).toBe(ahead);
    await expect(harness.sql(`UPDATE pools SET business_day = business_day - 1`)).rejects.toThrow('cannot go backwards');
  });

  it('is decided after the lock is held: who waits for it over midnight counts on the new day', async () => {
    const group = await team('LOCK', ['a', 'b']);
    await makeTickets(harness, group, 3, 'a');
    const before = await dayOf('LOCK');
    const holder = new pg.Client({ connectionString: harness.url, options: '-c search_path=docket' });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM pools FOR UPDATE');
    const call = createTicket(harness, group);
    await vi.waitFor(async () => {
      expect(await harness.sql(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)).toHaveLength(1);
    });
    await moveClock(harness.url, '1 day');
    await holder.query('COMMIT');
    await holder.end();
    const ticket = await call;
    expect((await dayOf('LOCK')) > before).toBe(true);
    const [decision] = await harness.sql<{ day: string; agent_id: string }>(
      'SELECT business_day::text AS day, agent_id FROM assignment_decisions WHERE ticket_id = $1',
      [ticket.ticketId],
    );
    expect(decision?.day).toBe(await dayOf('LOCK'));
    expect(ticket.createTime?.seconds).toBeGreaterThan(BigInt(Math.floor(Date.parse(before) / 1000) + 86_400));
  });

  it('is the furthest of both when an agent makes one pool of two', async () => {
    const [one, two] = [await team('ONE', ['a']), await team('TWO', ['b'])];
    await createTicket(harness, one);
    await moveClock(harness.url, '1 day');
    await createTicket(harness, two);
    const ahead = await dayOf('TWO');
    await moveClock(harness.url, '-1 day');
    await makeAgent(harness, 'c', [one, two]);
    expect([await dayOf('ONE'), await dayOf('TWO')]).toEqual([ahead, ahead]);
    // All level on the new day: first who was given none at all, then who had one the day before.
    expect([(await createTicket(harness, one)).agentId, (await createTicket(harness, one)).agentId]).toEqual(['c', 'a']);
  });
});

it('keeps tickets waiting over midnight in their order, and gives them out on the new day', async () => {
  const group = await team('NIGHT', ['a']);
  await harness.callAs('admin').agents.setAvailability({ agentId: 'a', availability: Availability.OFFLINE });
  await createTicket(harness, group);
  await moveClock(harness.url, '1 day');
  await createTicket(harness, group);
  await harness.callAs('admin').agents.setAvailability({ agentId: 'a', availability: Availability.AVAILABLE });
  expect(await countersOf(harness, 'a')).toMatchObject({ assignedToday: 2, open: 2 });
});
