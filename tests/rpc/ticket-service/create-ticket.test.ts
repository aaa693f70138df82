import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Availability } from '../../../gen/ticketing/v1/agent_pb.ts';
import { AssignmentStrategy } from '../../../gen/ticketing/v1/assignment_policy_pb.ts';
import { Priority, TicketStatus } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { countersOf, createTicket, decisionsOf, expectSound, readTicket, traces } from '../../support/engine.ts';
import { createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { makeAgent, makeGroup } from '../../support/team.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await createHarness();
});
afterAll(async () => {
  await expectSound(harness);
  await harness.close();
});

const service = () => harness.callAs('service').tickets;

describe('creating a ticket', () => {
  it('answers the ticket as it is stored, with its key, its agent and its times', async () => {
    const group = await makeGroup(harness, 'WHOLE');
    await makeAgent(harness, 'whole-1', [group]);
    const ticket = await createTicket(harness, group, {
      userId: 9_007_199_254_740_993n,
      priority: Priority.HIGH,
      title: 'Passport is blurred',
      description: 'Second page',
      attributes: { channel: 'mail', tries: 2, nested: { a: [1, null, 'x'] } },
      labels: ['kyc', 'manual review'],
      externalReferences: [{ system: 'crm', id: 'whole-77', url: 'https://crm.example/77' }],
    });
    expect(ticket).toMatchObject({
      key: 'WHOLE-1',
      groupId: group.groupId,
      userId: 9_007_199_254_740_993n,
      agentId: 'whole-1',
      status: TicketStatus.OPEN,
      priority: Priority.HIGH,
      title: 'Passport is blurred',
      description: 'Second page',
      attributes: { channel: 'mail', tries: 2, nested: { a: [1, null, 'x'] } },
      labels: ['kyc', 'manual review'],
      externalReferences: [{ system: 'crm', id: 'whole-77', url: 'https://crm.example/77' }],
      reopenCount: 0,
    });
    expect(ticket.assignTime).toEqual(ticket.createTime);
    expect(ticket.resolveTime).toBeUndefined();
    expect(await readTicket(harness, ticket.key)).toEqual(ticket);
  });

  it('counts keys per group and takes MEDIUM for no priority', async () => {
    const [one, other] = [await makeGroup(harness, 'NUMA'), await makeGroup(harness, 'NUMB')];
    const tickets = [await createTicket(harness, one), await createTicket(harness, other), await createTicket(harness, one)];
    expect(tickets.map((ticket) => ticket.key)).toEqual(['NUMA-1', 'NUMB-1', 'NUMA-2']);
    expect(tickets[0]?.priority).toBe(Priority.MEDIUM);
  });

  it('gives it to the available agent who was given the fewest today', async () => {
    const group = await makeGroup(harness, 'FEW');
    for (const agentId of ['few-a', 'few-b', 'few-c']) await makeAgent(harness, agentId, [group]);
    const winners: string[] = [];
    for (let ticket = 0; ticket < 7; ticket++) winners.push((await createTicket(harness, group)).agentId);
    expect(winners).toEqual(['few-a', 'few-b', 'few-c', 'few-a', 'few-b', 'few-c', 'few-a']);
  });

  it('counts the tickets of all groups of an agent', async () => {
    const [one, other] = [await makeGroup(harness, 'BOTHA'), await makeGroup(harness, 'BOTHB')];
    await makeAgent(harness, 'both-1', [one, other]);
    await makeAgent(harness, 'both-2', [other]);
    await createTicket(harness, one);
    expect((await createTicket(harness, other)).agentId).toBe('both-2');
    expect(await countersOf(harness, 'both-1')).toMatchObject({ assignedToday: 1, totalAssigned: 1, open: 1 });
  });

  it('passes over who is away, offline, inactive, full, or lacks a skill', async () => {
    const group = await makeGroup(harness, 'PASS', { assignmentPolicy: { requiredSkills: { german: 2 } } });
    const skills = { german: 2 };
    await makeAgent(harness, 'pass-away', [group], { skills, availability: Availability.AWAY });
    await makeAgent(harness, 'pass-offline', [group], { skills, availability: Availability.OFFLINE });
    await makeAgent(harness, 'pass-full', [group], { skills, maxOpenTickets: 0 });
    await makeAgent(harness, 'pass-unskilled', [group], { skills: { german: 1 } });
    await makeAgent(harness, 'pass-inactive', [group], { skills });
    await harness.callAs('admin').agents.updateAgent({ agent: { agentId: 'pass-inactive', active: false }, updateMask: { paths: ['active'] } });
    expect((await createTicket(harness, group)).agentId).toBe('');
    await makeAgent(harness, 'pass-able', [group], { skills });
    expect((await createTicket(harness, group)).agentId).toBe('pass-able');
  });

  it('leaves it waiting, open, when nobody can take it, and gives it out as soon as somebody can', async () => {
    const group = await makeGroup(harness, 'WAIT');
    const ticket = await createTicket(harness, group);
    expect(ticket).toMatchObject({ agentId: '', status: TicketStatus.OPEN });
    expect(ticket.assignTime).toBeUndefined();
    expect(ticket.waitStartTime).toEqual(ticket.createTime);
    await makeAgent(harness, 'wait-1', [group]);
    const given = await readTicket(harness, ticket.ticketId);
    expect([given.agentId, given.waitStartTime]).toEqual(['wait-1', undefined]);
    expect(await decisionsOf(harness, ticket.ticketId)).toEqual(['WAITING wait-1']);
  });

  it('leaves it waiting in a group that assigns by hand', async () => {
    const group = await makeGroup(harness, 'HAND', { assignmentPolicy: { strategy: AssignmentStrategy.MANUAL } });
    await makeAgent(harness, 'hand-1', [group]);
    expect((await createTicket(harness, group)).agentId).toBe('');
  });

  it('never gives an agent more than his own limit or the group’s', async () => {
    const group = await makeGroup(harness, 'CAP', { assignmentPolicy: { maxOpenPerAgent: 2 } });
    await makeAgent(harness, 'cap-1', [group], { maxOpenTickets: 1 });
    await makeAgent(harness, 'cap-2', [group]);
    const winners: string[] = [];
    for (let ticket = 0; ticket < 5; ticket++) winners.push((await createTicket(harness, group)).agentId);
    expect(winners.sort()).toEqual(['', '', 'cap-1', 'cap-2', 'cap-2']);
  });

  it('gives it to the agent who is named, even when he is away or full', async () => {
    const group = await makeGroup(harness, 'NAME');
    await makeAgent(harness, 'name-1', [group]);
    await makeAgent(harness, 'name-2', [group], { availability: Availability.AWAY, maxOpenTickets: 0 });
    const ticket = await createTicket(harness, group, { agentId: 'name-2' });
    expect(ticket.agentId).toBe('name-2');
    expect(await decisionsOf(harness, ticket.ticketId)).toEqual(['MANUAL name-2']);
    expect(await countersOf(harness, 'name-2')).toMatchObject({ assignedToday: 1, open: 1 });
  });

  it('refuses a second pending ticket for the user and group when asked to, naming the first', async () => {
    const [group, other] = [await makeGroup(harness, 'UNIQ'), await makeGroup(harness, 'UNIQB')];
    const first = await createTicket(harness, group, { uniquePerUser: true });
    const failure = await failureOf(createTicket(harness, group, { uniquePerUser: true }));
    expect(failure).toMatchObject({ kind: 'already_exists', reason: 'TICKET_ALREADY_PENDING_FOR_USER', facts: { ticket_id: first.ticketId, key: first.key } });
    await createTicket(harness, other, { uniquePerUser: true });
    await createTicket(harness, group, { uniquePerUser: true, userId: 8n });
    await harness.callAs('service').tickets.updateTicket({ ticket: { ticketId: first.ticketId, status: TicketStatus.RESOLVED } });
    await createTicket(harness, group, { uniquePerUser: true });
  });

  it('keeps each outside identifier for one ticket, for ever', async () => {
    const group = await makeGroup(harness, 'REF');
    const reference = { system: 'crm', id: 'ref-1', url: '' };
    const first = await createTicket(harness, group, { externalReferences: [reference] });
    const failure = await failureOf(createTicket(harness, group, { externalReferences: [{ ...reference, url: 'https://elsewhere.example' }] }));
    expect(failure).toMatchObject({
      kind: 'already_exists',
      reason: 'EXTERNAL_REFERENCE_TAKEN',
      facts: { ticket_id: first.ticketId, key: first.key, system: 'crm', id: 'ref-1' },
    });
    await failureOf(
      createTicket(harness, group, {
        externalReferences: [
          { ...reference, id: 'ref-2' },
          { ...reference, id: 'ref-2' },
        ],
      }),
    );
    await createTicket(harness, group, { externalReferences: [{ ...reference, system: 'erp' }] });
  });

  it('uses up no key for a ticket that was refused', async () => {
    const group = await makeGroup(harness, 'GAP');
    await createTicket(harness, group, { uniquePerUser: true });
    await failureOf(createTicket(harness, group, { uniquePerUser: true }));
    expect((await createTicket(harness, group)).key).toBe('GAP-2');
  });
});

describe('asking for what cannot be', () => {
  it('not found GROUP_NOT_FOUND: there is no such group', async () => {
    expect(await failureOf(createTicket(harness, { groupId: randomUUID() }))).toMatchObject({ kind: 'not_found', reason: 'GROUP_NOT_FOUND' });
  });

  it('failed precondition GROUP_INACTIVE, GROUP_DELETED: the group takes no tickets', async () => {
    const [inactive, deleted] = [await makeGroup(harness, 'OFF'), await makeGroup(harness, 'GONE')];
    const { groups } = harness.callAs('admin');
    await groups.updateGroup({ group: { groupId: inactive.groupId, active: false }, updateMask: { paths: ['active'] } });
    await groups.deleteGroup({ groupId: deleted.groupId });
    expect(await failureOf(createTicket(harness, inactive))).toMatchObject({ kind: 'failed_precondition', reason: 'GROUP_INACTIVE' });
    expect(await failureOf(createTicket(harness, deleted))).toMatchObject({ kind: 'failed_precondition', reason: 'GROUP_DELETED' });
  });

  it('names what is wrong with the agent: unknown, no member, inactive, deleted', async () => {
    const [group, other] = [await makeGroup(harness, 'AGT'), await makeGroup(harness, 'AGTB')];
    await makeAgent(harness, 'agt-other', [other]);
    for (const agentId of ['agt-inactive', 'agt-deleted']) await makeAgent(harness, agentId, [group]);
    const { agents } = harness.callAs('admin');
    await agents.updateAgent({ agent: { agentId: 'agt-inactive', active: false }, updateMask: { paths: ['active'] } });
    await agents.deleteAgent({ agentId: 'agt-deleted' });
    const reasonFor = async (agentId: string) => (await failureOf(createTicket(harness, group, { agentId }))).reason;
    expect(await reasonFor('agt-nobody')).toBe('AGENT_NOT_FOUND');
    expect(await reasonFor('agt-other')).toBe('AGENT_NOT_IN_GROUP');
    expect(await reasonFor('agt-inactive')).toBe('AGENT_INACTIVE');
    expect(await reasonFor('agt-deleted')).toBe('AGENT_DELETED');
  });

  it('invalid argument ATTRIBUTES_TOO_LARGE: more than 16 KiB of JSON', async () => {
    const group = await makeGroup(harness, 'BIG');
    expect(await failureOf(createTicket(harness, group, { attributes: { text: 'x'.repeat(16 * 1024) } }))).toMatchObject({
      kind: 'invalid_argument',
      reason: 'ATTRIBUTES_TOO_LARGE',
    });
    await createTicket(harness, group, { attributes: { text: 'x'.repeat(16 * 1024 - 11) } });
  });

  it('invalid argument INVALID_FIELD: a user that is nobody, a title too long', async () => {
    const group = await makeGroup(harness, 'FLD');
    expect(await failureOf(createTicket(harness, group, { userId: 0n }))).toMatchObject({ kind: 'invalid_argument', reason: 'INVALID_FIELD' });
    expect(await failureOf(createTicket(harness, group, { title: 'x'.repeat(201) }))).toMatchObject({ kind: 'invalid_argument', reason: 'INVALID_FIELD' });
  });
});

describe('who may create tickets', () => {
  it('a supervisor in his groups; others are to him as if they did not exist', async () => {
    const [his, foreign] = [await makeGroup(harness, 'SUPA', { supervisorIds: ['sup'] }), await makeGroup(harness, 'SUPB')];
    const supervisor = harness.callAs({ roles: ['supervisor'], actor: 'sup' }).tickets;
    expect((await supervisor.createTicket({ groupId: his.groupId, userId: 1n })).ticket?.key).toBe('SUPA-1');
    expect(await failureOf(supervisor.createTicket({ groupId: foreign.groupId, userId: 1n }))).toMatchObject({ kind: 'not_found', reason: 'GROUP_NOT_FOUND' });
  });

  it('permission denied: a supervisor in a group that he sees only as a member', async () => {
    const group = await makeGroup(harness, 'SUPC');
    await makeAgent(harness, 'sup-member', [group]);
    const supervisor = harness.callAs({ roles: ['supervisor', 'agent'], agentId: 'sup-member' }).tickets;
    expect(await failureOf(supervisor.createTicket({ groupId: group.groupId, userId: 1n }))).toMatchObject({
      kind: 'permission_denied',
      reason: 'PERMISSION_DENIED',
    });
  });

  it('permission denied: agents and auditors', async () => {
    const group = await makeGroup(harness, 'ROLE');
    for (const role of ['agent', 'auditor'] as const) {
      expect(await failureOf(harness.callAs(role).tickets.createTicket({ groupId: group.groupId, userId: 1n }))).toMatchObject({ kind: 'permission_denied' });
    }
  });
});

describe('repeating and trying out', () => {
  it('answers a repeated request id with the same ticket, and creates nothing more', async () => {
    const group = await makeGroup(harness, 'RPT');
    await makeAgent(harness, 'rpt-1', [group]);
    const request = { groupId: group.groupId, userId: 5n, title: 'once', requestId: randomUUID() };
    const first = await service().createTicket(request);
    const before = await traces(harness);
    expect(await service().createTicket(request)).toEqual(first);
    expect(await service().createTicket({ ...request, requestId: request.requestId.toUpperCase() })).toEqual(first);
    expect({ ...(await traces(harness)), pools: '', sequence: '' }).toEqual({ ...before, pools: '', sequence: '' });
  });

  it('already exists REQUEST_ID_REUSED: the same id for another request; another caller may use it', async () => {
    const group = await makeGroup(harness, 'RUSE');
    const request = { groupId: group.groupId, userId: 5n, requestId: randomUUID() };
    await service().createTicket(request);
    expect(await failureOf(service().createTicket({ ...request, userId: 6n }))).toMatchObject({ kind: 'already_exists', reason: 'REQUEST_ID_REUSED' });
    expect((await harness.callAs('admin').tickets.createTicket({ ...request, userId: 6n })).ticket?.key).toBe('RUSE-2');
  });

  it('may be tried again under the same id after it was refused', async () => {
    const group = await makeGroup(harness, 'RTRY');
    const requestId = randomUUID();
    await failureOf(createTicket(harness, group, { agentId: 'rtry-1', requestId }));
    await makeAgent(harness, 'rtry-1', [group]);
    expect((await createTicket(harness, group, { agentId: 'rtry-1', requestId })).agentId).toBe('rtry-1');
  });

  it('with validate_only answers who would get it, and leaves no trace', async () => {
    const group = await makeGroup(harness, 'DRY');
    await makeAgent(harness, 'dry-1', [group]);
    const before = await traces(harness);
    const ticket = await createTicket(harness, group, { validateOnly: true, requestId: randomUUID(), title: 'would be' });
    expect(ticket).toMatchObject({ key: 'DRY-1', agentId: 'dry-1', title: 'would be' });
    expect(await traces(harness)).toEqual(before);
    expect(await failureOf(createTicket(harness, group, { validateOnly: true, agentId: 'nobody' }))).toMatchObject({ reason: 'AGENT_NOT_FOUND' });
    expect(await failureOf(harness.callAs('admin').tickets.getTicket({ ticketId: ticket.ticketId }))).toMatchObject({ reason: 'TICKET_NOT_FOUND' });
  });

  it('says in the audit log who created it, by which request and why', async () => {
    const group = await makeGroup(harness, 'AUD');
    const requestId = randomUUID();
    const { ticketId } = await createTicket(harness, group, { requestId, reason: 'import of the morning' });
    const { auditEntries } = await harness.callAs('admin').tickets.listTicketHistory({ ticketId });
    expect(auditEntries).toHaveLength(1);
    expect(auditEntries[0]).toMatchObject({ actor: 'the-service', rpc: 'ticketing.v1.TicketService/CreateTicket', requestId, reason: 'import of the morning' });
  });
});
