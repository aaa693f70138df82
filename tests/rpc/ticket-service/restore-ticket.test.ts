import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Availability } from '../../../gen/ticketing/v1/agent_pb.ts';
import type { Group } from '../../../gen/ticketing/v1/group_pb.ts';
import { Priority, TicketStatus } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { createTicket, decisionsOf, expectSound, makeTeam, readTicket, traces, updateTicket } from '../../support/engine.ts';
import { createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { readTimestamp } from '../../support/instants.ts';
import { makeGroup } from '../../support/team.ts';

let harness: Harness;
let one: Group;
let two: Group;
beforeAll(async () => {
  harness = await createHarness();
  one = (await makeTeam(harness, 'ONE', 3, { supervisorIds: ['sue'] })).group;
  two = (await makeTeam(harness, 'TWO', 2, { supervisorIds: ['sue', 'tom'] })).group;
});
afterAll(() => harness.close());

const restore = (ticketId: string, version: number, more = {}) =>
  harness.callAs('admin').tickets.restoreTicket({ ticketId, version: BigInt(version), ...more });
const said = { title: 'Passport', description: 'It is blurred.', attributes: { tier: 'gold', n: [1, 2] }, labels: ['vip'], priority: Priority.HIGH };

describe('RestoreTicket', () => {
  it('makes the ticket again what it was, as a new version with its own entry', async () => {
    const before = await createTicket(harness, one, { ...said, agentId: 'ONE-a' });
    const { ticketId } = before;
    await updateTicket(harness, ticketId, { title: '', description: '', attributes: {}, labels: [], priority: Priority.LOW }, [
      'title',
      'description',
      'attributes',
      'labels',
      'priority',
    ]);
    await updateTicket(harness, ticketId, { agentId: 'ONE-b', status: TicketStatus.ON_HOLD });
    const { ticket, restoredVersion } = await restore(ticketId, 1, { reason: 'a mistake' });
    expect(ticket).toMatchObject({ ...said, agentId: 'ONE-a', status: TicketStatus.OPEN, etag: '4', ticketId });
    expect(restoredVersion).toBe(1n);
    expect(await readTicket(harness, ticketId)).toEqual(ticket);
    const [entry] = await harness.sql('SELECT rpc, reason, version, actor FROM audit_entries WHERE entity_id = $1 ORDER BY entry_id DESC LIMIT 1', [ticketId]);
    expect(entry).toMatchObject({ rpc: 'ticketing.v1.TicketService/RestoreTicket', reason: 'a mistake', version: '4', actor: 'the-admin' });
    await expectSound(harness);
  });

  it('restores what was at an instant, and changes nothing where nothing differs', async () => {
    const { ticketId } = await createTicket(harness, one, said);
    const asOf = await readTimestamp(harness);
    await updateTicket(harness, ticketId, { title: 'another' });
    const { tickets } = harness.callAs('admin');
    const first = await tickets.restoreTicket({ ticketId, asOf });
    expect(first).toMatchObject({ restoredVersion: 1n, ticket: { title: 'Passport', etag: '3' } });
    expect(await tickets.restoreTicket({ ticketId, asOf })).toMatchObject({ restoredVersion: 1n, ticket: { etag: '3' } });
  });

  it('takes the ticket back to its group, its agent and its status there', async () => {
    const { ticketId } = await createTicket(harness, one, { agentId: 'ONE-c' });
    await updateTicket(harness, ticketId, { status: TicketStatus.IN_PROGRESS });
    await updateTicket(harness, ticketId, { groupId: two.groupId });
    expect((await readTicket(harness, ticketId)).agentId).toMatch(/^TWO-/);
    const { ticket } = await restore(ticketId, 2);
    expect(ticket).toMatchObject({ groupId: one.groupId, agentId: 'ONE-c', status: TicketStatus.IN_PROGRESS });
    await expectSound(harness);
  });

  it('reopens a resolved ticket with the agent whom it had then, not whom the policy would pick', async () => {
    const { ticketId } = await createTicket(harness, one, { agentId: 'ONE-a' });
    await updateTicket(harness, ticketId, { agentId: 'ONE-b' });
    await updateTicket(harness, ticketId, { status: TicketStatus.RESOLVED });
    const { ticket } = await restore(ticketId, 1);
    expect(ticket).toMatchObject({ agentId: 'ONE-a', status: TicketStatus.OPEN, reopenCount: 1 });
    expect((await decisionsOf(harness, ticketId)).at(-1)).toBe('MANUAL ONE-a from ONE-b');
    await expectSound(harness);
  });

  it('reopens it with that agent although he is away', async () => {
    const { group } = await makeTeam(harness, 'AWAY', 2);
    const { ticketId } = await createTicket(harness, group, { agentId: 'AWAY-a' });
    await updateTicket(harness, ticketId, { status: TicketStatus.RESOLVED });
    await harness.callAs('admin').agents.setAvailability({ agentId: 'AWAY-a', availability: Availability.AWAY });
    expect((await restore(ticketId, 1)).ticket).toMatchObject({ agentId: 'AWAY-a', status: TicketStatus.OPEN });
  });

  it('gives a ticket that waited out anew, by the policy', async () => {
    const alone = await makeGroup(harness, 'LATE');
    const { ticketId } = await createTicket(harness, alone);
    await updateTicket(harness, ticketId, { groupId: one.groupId });
    await updateTicket(harness, ticketId, { groupId: alone.groupId });
    await updateTicket(harness, ticketId, { groupId: one.groupId, agentId: 'ONE-b' });
    const { ticket } = await restore(ticketId, 1);
    expect(ticket).toMatchObject({ groupId: alone.groupId, agentId: '', status: TicketStatus.OPEN });
    await expectSound(harness);
  });

  it('only checks when asked to, and answers a repeated request id with the same', async () => {
    const { ticketId } = await createTicket(harness, one, said);
    await updateTicket(harness, ticketId, { title: 'another' });
    const before = await traces(harness);
    expect((await restore(ticketId, 1, { validateOnly: true })).ticket).toMatchObject({ title: 'Passport', etag: '3' });
    expect(await traces(harness)).toEqual(before);
    const requestId = randomUUID();
    const first = await restore(ticketId, 1, { requestId });
    expect(await restore(ticketId, 1, { requestId })).toEqual(first);
    expect((await readTicket(harness, ticketId)).etag).toBe('3');
  });

  it('lets agents restore their own tickets, and claim none by it', async () => {
    const { ticketId } = await createTicket(harness, one, { agentId: 'ONE-a', title: 'mine' });
    await updateTicket(harness, ticketId, { title: 'ours' });
    const as = (agentId: string) => harness.callAs({ roles: ['agent'], agentId }).tickets.restoreTicket({ ticketId, version: 1n });
    expect(await failureOf(as('ONE-b'))).toMatchObject({ kind: 'permission_denied', reason: 'PERMISSION_DENIED' });
    expect((await as('ONE-a')).ticket?.title).toBe('mine');
  });

  it('FAILED_PRECONDITION: a move between statuses that is none, and what belongs to it stays undone', async () => {
    const { ticketId } = await createTicket(harness, one, { agentId: 'ONE-a', title: 'first' });
    await updateTicket(harness, ticketId, { status: TicketStatus.IN_PROGRESS, title: 'second' });
    await updateTicket(harness, ticketId, { status: TicketStatus.RESOLVED, title: 'third' });
    expect(await failureOf(restore(ticketId, 2))).toMatchObject({
      kind: 'failed_precondition',
      reason: 'ILLEGAL_STATUS_CHANGE',
      facts: { from: 'RESOLVED', to: 'IN_PROGRESS' },
    });
    expect((await readTicket(harness, ticketId)).title).toBe('third');
    await updateTicket(harness, ticketId, { status: TicketStatus.OPEN });
    await updateTicket(harness, ticketId, { status: TicketStatus.CANCELLED });
    expect(await failureOf(restore(ticketId, 1))).toMatchObject({ reason: 'TICKET_CANCELLED' });
  });

  it('FAILED_PRECONDITION: a version that is not pending, with another agent or group than now', async () => {
    const { ticketId } = await createTicket(harness, one, { agentId: 'ONE-a' });
    await updateTicket(harness, ticketId, { status: TicketStatus.RESOLVED });
    await updateTicket(harness, ticketId, { status: TicketStatus.OPEN });
    await updateTicket(harness, ticketId, { agentId: 'ONE-b' });
    const refusal = (what: string) => ({
      kind: 'failed_precondition',
      reason: 'TICKET_NOT_PENDING',
      facts: { field: 'version', ticket_id: ticketId },
      message: `version: version 2 has another ${what} than ticket ${ticketId} has now, and is not pending: only a ticket that is pending after the change gets another ${what} by it`,
    });
    expect(await failureOf(restore(ticketId, 2))).toMatchObject(refusal('agent'));
    await updateTicket(harness, ticketId, { groupId: two.groupId });
    expect(await failureOf(restore(ticketId, 2))).toMatchObject(refusal('group'));
  });

  it('FAILED_PRECONDITION: an agent who is no member any more, or a group that is gone', async () => {
    const { group } = await makeTeam(harness, 'SHORT', 2);
    const { ticketId } = await createTicket(harness, group, { agentId: 'SHORT-a' });
    await harness.callAs('admin').groups.removeGroupMembers({ groupId: group.groupId, agentIds: ['SHORT-a'] });
    expect(await failureOf(restore(ticketId, 1))).toMatchObject({ reason: 'AGENT_NOT_IN_GROUP', facts: { agent_id: 'SHORT-a' } });
    await harness.callAs('admin').groups.deleteGroup({ groupId: group.groupId, moveTicketsToGroupId: one.groupId });
    expect(await failureOf(restore(ticketId, 2))).toMatchObject({ reason: 'GROUP_DELETED', facts: { group_id: group.groupId } });
  });

  it('FAILED_PRECONDITION: values of the version were erased', async () => {
    const { ticketId } = await createTicket(harness, one, said);
    await harness.callAs('admin').tickets.redactTicket({ ticketId, fields: ['title', 'labels'] });
    expect(await failureOf(restore(ticketId, 1))).toMatchObject({ kind: 'failed_precondition', reason: 'VERSION_ERASED', facts: { fields: 'labels,title' } });
    await updateTicket(harness, ticketId, { title: 'harmless' });
    expect((await restore(ticketId, 2)).ticket).toMatchObject({ title: '', description: 'It is blurred.' });
  });

  it('NOT_FOUND: no such ticket, no such version, none at the instant, or one that the caller may not see', async () => {
    const before = await readTimestamp(harness);
    const { ticketId } = await createTicket(harness, one, said);
    await updateTicket(harness, ticketId, { groupId: two.groupId });
    expect(await failureOf(restore(randomUUID(), 1))).toMatchObject({ kind: 'not_found', reason: 'TICKET_NOT_FOUND' });
    expect(await failureOf(restore(ticketId, 9))).toMatchObject({ kind: 'not_found', reason: 'VERSION_NOT_FOUND', facts: { version: '9' } });
    expect(await failureOf(harness.callAs('admin').tickets.restoreTicket({ ticketId, asOf: before }))).toMatchObject({ reason: 'TICKET_NOT_FOUND' });
    const tom = harness.callAs({ roles: ['supervisor'], actor: 'tom' }).tickets;
    expect(await failureOf(tom.restoreTicket({ ticketId, version: 1n }))).toMatchObject({ kind: 'not_found', reason: 'VERSION_NOT_FOUND' });
  });

  it('ABORTED: the ticket has changed since; INVALID_ARGUMENT: both a version and an instant, or neither', async () => {
    const { ticketId } = await createTicket(harness, one, said);
    await updateTicket(harness, ticketId, { title: 'another' });
    expect(await failureOf(restore(ticketId, 1, { etag: '1' }))).toMatchObject({ kind: 'aborted', reason: 'ETAG_MISMATCH' });
    for (const wrong of [{ version: 0n }, { asOf: await readTimestamp(harness) }])
      expect(await failureOf(restore(ticketId, 1, wrong))).toMatchObject({ kind: 'invalid_argument', reason: 'INVALID_FIELD' });
  });
});
