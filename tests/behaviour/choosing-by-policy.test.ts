import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Availability } from '../../gen/ticketing/v1/agent_pb.ts';
import { AssignmentStrategy } from '../../gen/ticketing/v1/assignment_policy_pb.ts';
import type { Group } from '../../gen/ticketing/v1/group_pb.ts';
import { TicketStatus } from '../../gen/ticketing/v1/ticket_pb.ts';
import { checkDatabase } from '../../src/edge/cli/check-invariants.ts';
import { createTicket, expectSound, updateTicket } from '../support/engine.ts';
import { createHarness, type Harness } from '../support/harness.ts';
import { makeAgent, makeGroup, makeTickets } from '../support/team.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await createHarness();
  // Early in a day, so that hours may pass in it.
  await harness.sql(`UPDATE test_clock SET ahead = date_trunc('day', clock_timestamp()) + interval '2 hours' - clock_timestamp()`);
});
afterEach(async () => {
  await expectSound(harness);
  const report = await checkDatabase(harness.url);
  expect(report.findings.flatMap(({ invariant, first }) => first.map((words) => `${invariant} ${words}`))).toEqual([]);
  await harness.close();
});

const groupBy = (strategy: keyof typeof AssignmentStrategy, more: NonNullable<Parameters<typeof makeGroup>[2]>['assignmentPolicy'] = {}): Promise<Group> =>
  makeGroup(harness, 'TEAM', { assignmentPolicy: { ...more, strategy: AssignmentStrategy[strategy] } });

async function give(group: Group, count: number): Promise<string[]> {
  const winners: string[] = [];
  for (let ticket = 0; ticket < count; ticket++) winners.push((await createTicket(harness, group)).agentId);
  return winners;
}

const setAvailability = (agentId: string, availability: Availability) => harness.callAs('admin').agents.setAvailability({ agentId, availability });

describe('ROUND_ROBIN', () => {
  it('goes round, whatever anybody was given before, over calls as within one', async () => {
    const group = await groupBy('ROUND_ROBIN');
    for (const agentId of ['a', 'b', 'c']) await makeAgent(harness, agentId, [group]);
    await makeTickets(harness, group, 5, 'b');
    expect(await give(group, 4)).toEqual(['a', 'c', 'b', 'a']);
    expect((await makeTickets(harness, group, 4)).map((ticket) => ticket.agentId)).toEqual(['c', 'b', 'a', 'c']);
  });

  it('counts what an agent was given in his other groups', async () => {
    const group = await groupBy('ROUND_ROBIN');
    const other = await makeGroup(harness, 'OTHER');
    await makeAgent(harness, 'a', [group, other]);
    await makeAgent(harness, 'b', [group]);
    expect(await give(group, 2)).toEqual(['a', 'b']);
    await createTicket(harness, other);
    expect(await give(group, 2)).toEqual(['b', 'a']);
  });
});

describe('FEWEST_OPEN', () => {
  it('gives to whoever holds the fewest, over all his groups, whatever is finished meanwhile', async () => {
    const group = await groupBy('FEWEST_OPEN');
    const other = await makeGroup(harness, 'OTHER');
    await makeAgent(harness, 'a', [group, other]);
    for (const agentId of ['b', 'c']) await makeAgent(harness, agentId, [group]);
    await makeTickets(harness, other, 2);
    const held = await makeTickets(harness, group, 4);
    expect(held.map((ticket) => ticket.agentId)).toEqual(['b', 'c', 'b', 'c']);
    await Promise.all([
      ...held.filter((ticket) => ticket.agentId === 'c').map((ticket) => updateTicket(harness, ticket.ticketId, { status: TicketStatus.RESOLVED })),
      ...[1, 2, 3].map(() => createTicket(harness, group)),
    ]);
    for (let ticket = 0; ticket < 3; ticket++) await createTicket(harness, group);
    const [open] = await harness.sql<{ spread: number }>('SELECT max(open_tickets) - min(open_tickets) AS spread FROM agent_counters');
    expect(open?.spread).toBeLessThanOrEqual(1);
  });
});

describe('WEIGHTED', () => {
  it('gives by weight, and by the new weight from the moment it is changed', async () => {
    const group = await groupBy('WEIGHTED');
    await makeAgent(harness, 'half', [group]);
    await makeAgent(harness, 'senior', [group], { weight: 3 });
    expect(await give(group, 8)).toEqual(['senior', 'senior', 'half', 'senior', 'senior', 'senior', 'half', 'senior']);
    await harness.callAs('admin').agents.updateAgent({ agent: { agentId: 'half', weight: 3 }, updateMask: { paths: ['weight'] } });
    expect(await give(group, 5)).toEqual(['half', 'half', 'half', 'half', 'senior']);
  });

  it('lets who comes late start level in shares where the policy says so', async () => {
    const group = await groupBy('WEIGHTED', { catchUpLimit: 0 });
    await makeAgent(harness, 'early', [group]);
    await give(group, 6);
    await makeAgent(harness, 'late', [group], { weight: 2 });
    expect(await harness.sql('SELECT agent_id, handicap FROM handicaps')).toEqual([{ agent_id: 'late', handicap: 13 }]);
    expect(await give(group, 6)).toEqual(['late', 'early', 'late', 'early', 'late', 'late']);
  });
});

describe('ASSIGNED_PER_HOUR_PRESENT', () => {
  const present = async (): Promise<Record<string, number[]>> => {
    const rows = await harness.sql<{ agent_id: string; spans: number[] }>(
      `SELECT agent_id, array_agg(round(extract(epoch FROM coalesce(end_time, docket_now()) - start_time) / 3600)::integer ORDER BY start_time) AS spans
       FROM agent_presence GROUP BY 1 ORDER BY 1`,
    );
    return Object.fromEntries(rows.map((row) => [row.agent_id, row.spans]));
  };

  it('does not flood who comes late, and gives by the time that each was there', async () => {
    const group = await groupBy('ASSIGNED_PER_HOUR_PRESENT');
    await makeAgent(harness, 'early', [group]);
    await harness.moveClock('4 hours');
    await give(group, 8);
    await makeAgent(harness, 'late', [group]);
    expect(await give(group, 4)).toEqual(['late', 'early', 'early', 'early']);
    await harness.moveClock('4 hours');
    // 11 in 8 hours against 1 in 4: he has earned four more.
    expect(await give(group, 6)).toEqual(['late', 'late', 'late', 'late', 'late', 'early']);
  });

  it('counts the time by what the database saw, raw SQL too, and forgets none of it', async () => {
    const group = await groupBy('ASSIGNED_PER_HOUR_PRESENT');
    for (const agentId of ['a', 'b']) await makeAgent(harness, agentId, [group]);
    await harness.moveClock('2 hours');
    await harness.sql(`UPDATE agents SET availability = 'AWAY' WHERE agent_id = 'b'`);
    await harness.moveClock('3 hours');
    await setAvailability('b', Availability.AVAILABLE);
    await harness.moveClock('1 hour');
    expect(await present()).toEqual({ a: [6], b: [2, 1] });
    // Six hours against three.
    expect((await give(group, 6)).filter((agentId) => agentId === 'a')).toHaveLength(4);
    const [{ sequence } = { sequence: '' }] = await harness.sql<{ sequence: string }>('SELECT max(sequence) AS sequence FROM assignment_decisions');
    expect(await harness.sql('SELECT present_ms FROM assignment_rounds WHERE round_id < $1 ORDER BY round_id DESC LIMIT 1', [sequence])).toEqual([
      { present_ms: [expect.stringMatching(/^2160\d{4}$/), expect.stringMatching(/^1080\d{4}$/)] },
    ]);
    await harness.moveClock('1 day');
    // Since midnight both were there, though one of them came only yesterday at seven.
    expect((await give(group, 4)).sort()).toEqual(['a', 'a', 'b', 'b']);
  });

  it('keeps to the day as it began when the business time zone is changed on it', async () => {
    const group = await groupBy('ASSIGNED_PER_HOUR_PRESENT');
    for (const agentId of ['a', 'b']) await makeAgent(harness, agentId, [group]);
    await give(group, 2);
    await harness.sql(`UPDATE settings SET business_time_zone = 'Etc/GMT-1'`);
    await harness.moveClock('1 hour');
    await give(group, 3);
    const starts = await harness.sql<{ hour: number }>(
      `SELECT DISTINCT extract(hour FROM day_start_time AT TIME ZONE 'UTC')::integer AS hour FROM pools WHERE isfinite(day_start_time)`,
    );
    expect(starts).toEqual([{ hour: 0 }]);
    await harness.moveClock('1 day');
    await give(group, 2);
    expect(
      await harness.sql(`SELECT DISTINCT extract(hour FROM day_start_time AT TIME ZONE 'UTC')::integer AS hour FROM pools WHERE isfinite(day_start_time)`),
    ).toEqual([{ hour: 23 }]);
  });
});

describe('whatever the strategy', () => {
  it.each(['ROUND_ROBIN', 'FEWEST_OPEN', 'ASSIGNED_PER_HOUR_PRESENT', 'WEIGHTED'] as const)(
    '%s keeps to limits, skills and the previous agent, and deals out equally',
    async (strategy) => {
      const group = await groupBy(strategy, { maxOpenPerAgent: 3, requiredSkills: { german: 1 } });
      const skills = { german: 1 };
      for (const agentId of ['a', 'b', 'c']) await makeAgent(harness, agentId, [group], { skills });
      await makeAgent(harness, 'mute', [group]);
      await makeAgent(harness, 'small', [group], { skills, maxOpenTickets: 1 });
      const tickets = await makeTickets(harness, group, 12);
      expect(Map.groupBy(tickets, (ticket) => ticket.agentId).size).toBe(5);
      expect(tickets.filter((ticket) => ticket.agentId === '')).toHaveLength(2);
      expect(tickets.filter((ticket) => ticket.agentId === 'mute')).toEqual([]);
      const [mine] = tickets.filter((ticket) => ticket.agentId === 'small');
      // Whatever waits takes the places of those who hand in; it waits for three more.
      for (const ticket of tickets.filter((one) => one.agentId === 'a')) await updateTicket(harness, ticket.ticketId, { status: TicketStatus.RESOLVED });
      await updateTicket(harness, mine?.ticketId ?? '', { status: TicketStatus.RESOLVED });
      expect((await updateTicket(harness, mine?.ticketId ?? '', { status: TicketStatus.OPEN })).agentId).toBe('small');
      await harness.callAs('admin').agents.setAvailability({ agentId: 'b', availability: Availability.AWAY, reassignPending: true });
    },
  );
});
