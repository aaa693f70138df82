import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Group } from '../../../gen/ticketing/v1/group_pb.ts';
import { Priority, TicketStatus } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { type Clients, createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { makeAgent, makeGroup } from '../../support/team.ts';

describe('GetWorkload', () => {
  let harness: Harness;
  let admin: Clients;
  let one: Group;
  let two: Group;
  beforeAll(async () => {
    harness = await createHarness();
    admin = harness.callAs('admin');
    one = await makeGroup(harness, 'ONE', { assignmentPolicy: { maxOpenPerAgent: 5 }, supervisorIds: ['lead'] });
    two = await makeGroup(harness, 'TWO');
    await makeAgent(harness, 'ann', [one, two], { maxOpenTickets: 9 });
    await makeAgent(harness, 'idle', [two]);
    const create = async (group: Group, priority: Priority) =>
      (await harness.callAs('service').tickets.createTicket({ groupId: group.groupId, userId: 1n, priority, agentId: 'ann' })).ticket?.ticketId ?? '';
    const set = (ticketId: string, status: TicketStatus) => admin.tickets.updateTicket({ ticket: { ticketId, status } });
    await set(await create(one, Priority.HIGH), TicketStatus.IN_PROGRESS);
    await create(one, Priority.HIGH);
    await set(await create(one, Priority.LOW), TicketStatus.RESOLVED);
    await set(await create(two, Priority.URGENT), TicketStatus.ON_HOLD);
  });
  afterAll(() => harness.close());

  const workloadOf = async (caller: Clients, agentId = 'ann') => (await caller.agents.getWorkload({ agentId })).workload;

  it('counts what he has by status, priority and group, zeros too', async () => {
    const [today] = await harness.sql<{ today: string }>(`SELECT docket_now()::date::text AS today`);
    expect(await workloadOf(admin)).toMatchObject({
      agentId: 'ann',
      openTickets: 3,
      statuses: [
        { status: TicketStatus.OPEN, count: 1 },
        { status: TicketStatus.IN_PROGRESS, count: 1 },
        { status: TicketStatus.ON_HOLD, count: 1 },
      ],
      priorities: [
        { priority: Priority.LOW, count: 0 },
        { priority: Priority.MEDIUM, count: 0 },
        { priority: Priority.HIGH, count: 2 },
        { priority: Priority.URGENT, count: 1 },
      ],
      groups: [
        { groupId: one.groupId, openTickets: 2, ticketsAssignedToday: 3, ticketsResolvedToday: 1, remainingRoom: 2 },
        { groupId: two.groupId, openTickets: 1, ticketsAssignedToday: 1, ticketsResolvedToday: 0, remainingRoom: 6 },
      ],
      ticketsAssignedToday: 4,
      ticketsResolvedToday: 1,
      businessDay: today?.today,
      remainingRoom: 6,
    });
  });

  it('says nothing of room where there is no limit', async () => {
    const workload = await workloadOf(admin, 'idle');
    expect(workload?.remainingRoom).toBeUndefined();
    expect(workload?.groups).toMatchObject([{ groupId: two.groupId, openTickets: 0 }]);
    expect(workload?.groups[0]?.remainingRoom).toBeUndefined();
  });

  it('tells callers of the groups that they may see', async () => {
    const lead = await workloadOf(harness.callAs({ roles: ['supervisor'], actor: 'lead' }));
    expect(lead?.groups.map((group) => group.groupId)).toEqual([one.groupId]);
    expect(lead?.openTickets).toBe(3);
    expect((await workloadOf(harness.callAs({ roles: ['agent'], agentId: 'ann' })))?.groups).toHaveLength(2);
    expect((await workloadOf(harness.callAs('auditor')))?.groups).toHaveLength(2);
  });

  it('NOT_FOUND: answers the same for an agent of other groups and for nobody', async () => {
    const lead = harness.callAs({ roles: ['supervisor'], actor: 'lead' });
    for (const agentId of ['idle', 'nobody'])
      expect(await failureOf(workloadOf(lead, agentId))).toMatchObject({ kind: 'not_found', reason: 'AGENT_NOT_FOUND' });
  });

  it('starts the day at nought and keeps what is pending', async () => {
    await harness.moveClock('1 day');
    const workload = await workloadOf(admin);
    expect(workload).toMatchObject({ openTickets: 3, ticketsAssignedToday: 0, ticketsResolvedToday: 0 });
    for (const group of workload?.groups ?? []) expect(group).toMatchObject({ ticketsAssignedToday: 0, ticketsResolvedToday: 0 });
  });
});
