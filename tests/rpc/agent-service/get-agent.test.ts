import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Group } from '../../../gen/ticketing/v1/group_pb.ts';
import { createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { makeAgent, makeGroup, makeTickets } from '../../support/team.ts';

describe('GetAgent', () => {
  let harness: Harness;
  let mine: Group;
  let other: Group;
  beforeAll(async () => {
    harness = await createHarness();
    mine = await makeGroup(harness, 'MINE', { supervisorIds: ['lead'] });
    other = await makeGroup(harness, 'OTHER');
    await makeAgent(harness, 'shared', [mine, other]);
    await makeAgent(harness, 'colleague', [mine]);
    await makeAgent(harness, 'foreign', [other]);
    await makeAgent(harness, 'loner');
  });
  afterAll(() => harness.close());

  it('shows everybody to administrators, services and auditors', async () => {
    for (const role of ['admin', 'service', 'auditor'] as const) {
      const { agent } = await harness.callAs(role).agents.getAgent({ agentId: 'shared' });
      expect(agent?.groupIds).toEqual([mine.groupId, other.groupId].sort());
    }
  });

  it('shows supervisors and agents the members of their groups, as far as these are theirs', async () => {
    for (const caller of [harness.callAs({ roles: ['supervisor'], actor: 'lead' }), harness.callAs({ roles: ['agent'], agentId: 'colleague' })]) {
      expect((await caller.agents.getAgent({ agentId: 'shared' })).agent?.groupIds).toEqual([mine.groupId]);
    }
  });

  it('shows an agent himself, whatever groups he has', async () => {
    expect((await harness.callAs({ roles: ['agent'], agentId: 'loner' }).agents.getAgent({ agentId: 'loner' })).agent?.agentId).toBe('loner');
  });

  it('NOT_FOUND: answers for somebody of other groups in the very words for nobody', async () => {
    for (const caller of [
      harness.callAs({ roles: ['supervisor'], actor: 'lead' }),
      harness.callAs({ roles: ['agent'], agentId: 'colleague' }),
      harness.callAs({ roles: ['agent', 'supervisor'], agentId: 'loner' }),
    ]) {
      const absent = await failureOf(caller.agents.getAgent({ agentId: 'nobody' }));
      const hidden = await failureOf(caller.agents.getAgent({ agentId: 'foreign' }));
      expect(JSON.stringify(hidden).replaceAll('foreign', 'nobody')).toBe(JSON.stringify(absent));
      expect(absent).toMatchObject({ kind: 'not_found', reason: 'AGENT_NOT_FOUND' });
    }
  });

  it('counts what he was given and resolved, and starts the day at nought', async () => {
    const group = await makeGroup(harness, 'COUNT');
    await makeAgent(harness, 'counted', [group]);
    const [first] = await makeTickets(harness, group, 3);
    await harness.callAs('admin').tickets.updateTicket({ ticket: { ticketId: first?.ticketId ?? '', status: 4 } });
    const read = async () => (await harness.callAs('admin').agents.getAgent({ agentId: 'counted' })).agent;
    expect(await read()).toMatchObject({
      totalTicketsAssigned: 3n,
      totalTicketsResolved: 1n,
      ticketsAssignedToday: 3,
      ticketsResolvedToday: 1,
      openTickets: 2,
    });
    await harness.moveClock('1 day');
    const nextDay = await read();
    expect(nextDay).toMatchObject({ totalTicketsAssigned: 3n, totalTicketsResolved: 1n, ticketsAssignedToday: 0, ticketsResolvedToday: 0, openTickets: 2 });
    await makeTickets(harness, group, 1);
    const later = await read();
    expect(later).toMatchObject({ ticketsAssignedToday: 1, totalTicketsAssigned: 4n });
    // Counters are no change of the agent.
    expect(later?.etag).toBe(nextDay?.etag);
  });
});
