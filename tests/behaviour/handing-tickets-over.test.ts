import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Availability } from '../../gen/ticketing/v1/agent_pb.ts';
import { AssignmentStrategy } from '../../gen/ticketing/v1/assignment_policy_pb.ts';
import { TicketStatus } from '../../gen/ticketing/v1/ticket_pb.ts';
import { countersOf, createTicket, decisionsOf, expectSound, makeTeam, readTicket, updateTicket } from '../support/engine.ts';
import { createHarness, failureOf, type Harness } from '../support/harness.ts';
import { makeAgent, makeGroup } from '../support/team.ts';

const { OPEN, IN_PROGRESS, ON_HOLD, RESOLVED } = TicketStatus;

let harness: Harness;
beforeAll(async () => {
  harness = await createHarness();
});
afterAll(async () => {
  await expectSound(harness);
  await harness.close();
});

const team = (key: string, size: number, more: Parameters<typeof makeTeam>[3] = {}) => makeTeam(harness, key, size, more);

describe('changing the agent', () => {
  it('gives it to the named agent, away or full; IN_PROGRESS becomes OPEN, ON_HOLD stays', async () => {
    const { group, names } = await team('GIVE', 3);
    const [a, b, c] = names as [string, string, string];
    const { ticketId } = await createTicket(harness, group, { agentId: a });
    await harness.callAs('admin').agents.setAvailability({ agentId: b, availability: Availability.AWAY });
    await updateTicket(harness, ticketId, { status: IN_PROGRESS });
    const given = await updateTicket(harness, ticketId, { agentId: b });
    expect(given).toMatchObject({ agentId: b, status: OPEN });
    expect(given.assignTime).toEqual(given.updateTime);
    await updateTicket(harness, ticketId, { status: ON_HOLD });
    expect(await updateTicket(harness, ticketId, { agentId: c })).toMatchObject({ agentId: c, status: ON_HOLD });
    expect(await countersOf(harness, a)).toMatchObject({ assignedToday: 1, open: 0, totalResolved: 0 });
    expect(await countersOf(harness, c)).toMatchObject({ assignedToday: 1, open: 1 });
    expect(await decisionsOf(harness, ticketId)).toEqual([`MANUAL ${a}`, `MANUAL ${b} from ${a}`, `MANUAL ${c} from ${b}`]);
  });

  it('is no decision when the ticket is given to the agent who has it', async () => {
    const { group, names } = await team('STAY', 2);
    const { ticketId } = await createTicket(harness, group, { agentId: names[0] as string });
    expect(await updateTicket(harness, ticketId, { agentId: names[0] as string, status: IN_PROGRESS })).toMatchObject({ status: IN_PROGRESS });
    expect(await decisionsOf(harness, ticketId)).toHaveLength(1);
  });

  it('when it is cleared, runs the policy again without the old agent', async () => {
    const { group, names } = await team('BACK', 2);
    const [a, b] = names as [string, string];
    await createTicket(harness, group, { agentId: b });
    const { ticketId } = await createTicket(harness, group);
    expect((await updateTicket(harness, ticketId, { agentId: '' }, ['agent_id'])).agentId).toBe(b);
    expect(await decisionsOf(harness, ticketId)).toEqual([`CREATE ${a}`, `REASSIGN ${b} from ${a}`]);
  });

  it('when it is cleared with nobody else, never leaves a ticket waiting that its agent could take', async () => {
    const { group, names } = await team('ALONE', 1);
    const { ticketId } = await createTicket(harness, group);
    expect((await updateTicket(harness, ticketId, { agentId: '' }, ['agent_id'])).agentId).toBe(names[0]);
    await harness.callAs('admin').agents.setAvailability({ agentId: names[0] as string, availability: Availability.AWAY });
    expect((await updateTicket(harness, ticketId, { agentId: '' }, ['agent_id'])).agentId).toBe('');
    expect(await countersOf(harness, names[0] as string)).toMatchObject({ open: 0 });
  });

  it('when it is cleared where work is given out by hand, leaves it waiting', async () => {
    const { group, names } = await team('BYHAND', 2, { assignmentPolicy: { strategy: AssignmentStrategy.MANUAL } });
    const { ticketId } = await createTicket(harness, group, { agentId: names[0] as string });
    expect((await updateTicket(harness, ticketId, { agentId: '' }, ['agent_id'])).agentId).toBe('');
  });

  it('failed precondition: no member, inactive, or the ticket is finished; not found: nobody of that name', async () => {
    const { group, names } = await team('WHOM', 2);
    const other = await team('WHOMB', 1);
    const { ticketId } = await createTicket(harness, group);
    await harness.callAs('admin').agents.updateAgent({ agent: { agentId: names[1] as string, active: false }, updateMask: { paths: ['active'] } });
    const reasonFor = async (agentId: string) => (await failureOf(updateTicket(harness, ticketId, { agentId }))).reason;
    expect(await reasonFor('nobody')).toBe('AGENT_NOT_FOUND');
    expect(await reasonFor(other.names[0] as string)).toBe('AGENT_NOT_IN_GROUP');
    expect(await reasonFor(names[1] as string)).toBe('AGENT_INACTIVE');
    expect(await failureOf(updateTicket(harness, ticketId, { status: RESOLVED, agentId: '' }, ['status', 'agent_id']))).toMatchObject({
      reason: 'TICKET_NOT_PENDING',
      facts: { field: 'agent_id' },
      message: `agent_id: ticket ${ticketId} would become RESOLVED, and only a ticket that is pending after the change gets another agent by it`,
    });
    await updateTicket(harness, ticketId, { status: RESOLVED });
    expect(await failureOf(updateTicket(harness, ticketId, { agentId: '' }, ['agent_id']))).toMatchObject({
      kind: 'failed_precondition',
      reason: 'TICKET_NOT_PENDING',
    });
  });
});

describe('moving to another group', () => {
  it('keeps key and agent if he is a member there, else the policy of the new group chooses', async () => {
    const [from, to] = [await makeGroup(harness, 'FROM'), await makeGroup(harness, 'TO')];
    await makeAgent(harness, 'move-both', [from, to]);
    await makeAgent(harness, 'move-from', [from]);
    await makeAgent(harness, 'move-to', [to]);
    const stays = await createTicket(harness, from, { agentId: 'move-both' });
    expect(await updateTicket(harness, stays.ticketId, { groupId: to.groupId })).toMatchObject({ key: stays.key, groupId: to.groupId, agentId: 'move-both' });
    expect(await decisionsOf(harness, stays.ticketId)).toHaveLength(1);
    const goes = await createTicket(harness, from, { agentId: 'move-from' });
    expect(await updateTicket(harness, goes.ticketId, { groupId: to.groupId.toUpperCase() })).toMatchObject({ key: goes.key, agentId: 'move-to' });
    expect(await countersOf(harness, 'move-from')).toMatchObject({ open: 0 });
  });

  it('gives a waiting ticket to somebody there, and takes it from its agent when nobody there can', async () => {
    const { group, names } = await team('MVA', 1);
    const empty = await makeGroup(harness, 'MVB');
    const { ticketId } = await createTicket(harness, empty);
    expect((await updateTicket(harness, ticketId, { groupId: group.groupId })).agentId).toBe(names[0]);
    await updateTicket(harness, ticketId, { status: IN_PROGRESS });
    expect(await updateTicket(harness, ticketId, { groupId: empty.groupId })).toMatchObject({ agentId: '', status: OPEN });
    expect(await countersOf(harness, names[0] as string)).toMatchObject({ open: 0 });
  });

  it('gives what waited in the old group to the agent who got room by it', async () => {
    const { group } = await team('MVC', 1, { assignmentPolicy: { maxOpenPerAgent: 1 } });
    const to = await team('MVD', 1);
    const first = await createTicket(harness, group);
    const second = await createTicket(harness, group);
    await updateTicket(harness, first.ticketId, { groupId: to.group.groupId });
    expect((await readTicket(harness, second.ticketId)).agentId).toBe('MVC-a');
  });

  it('fails for a group that is unknown, inactive or deleted, and for a finished ticket', async () => {
    const { group } = await team('MVE', 1);
    const [inactive, deleted] = [await makeGroup(harness, 'MVF'), await makeGroup(harness, 'MVG')];
    const { groups } = harness.callAs('admin');
    await groups.updateGroup({ group: { groupId: inactive.groupId, active: false }, updateMask: { paths: ['active'] } });
    await groups.deleteGroup({ groupId: deleted.groupId });
    const { ticketId } = await createTicket(harness, group);
    const reasonFor = async (groupId: string) => (await failureOf(updateTicket(harness, ticketId, { groupId }))).reason;
    expect(await reasonFor(randomUUID())).toBe('GROUP_NOT_FOUND');
    expect(await reasonFor(inactive.groupId)).toBe('GROUP_INACTIVE');
    expect(await reasonFor(deleted.groupId)).toBe('GROUP_DELETED');
    await updateTicket(harness, ticketId, { status: RESOLVED });
    const { group: other } = await team('MVH', 1);
    expect(await failureOf(updateTicket(harness, ticketId, { groupId: other.groupId }))).toMatchObject({
      kind: 'failed_precondition',
      reason: 'TICKET_NOT_PENDING',
    });
  });
});
