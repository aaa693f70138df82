import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Group } from '../../../gen/ticketing/v1/group_pb.ts';
import { Priority, TicketStatus } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { createTicket, makeTeam, updateTicket } from '../../support/engine.ts';
import { createHarness, failureOf, type Harness } from '../../support/harness.ts';

let harness: Harness;
let one: Group;
let two: Group;
let ticketId: string;
beforeAll(async () => {
  harness = await createHarness();
  one = (await makeTeam(harness, 'ONE', 2, { supervisorIds: ['sue'] })).group;
  two = (await makeTeam(harness, 'TWO', 1, { supervisorIds: ['sue', 'tom'] })).group;
  ticketId = (await createTicket(harness, one, { title: 'Passport', labels: ['a', 'b'], attributes: { tier: 'gold', n: 1 }, agentId: 'ONE-a' })).ticketId;
  await updateTicket(harness, ticketId, { title: `The passport ${'of somebody with a long name '.repeat(5)}`, priority: Priority.URGENT });
  await updateTicket(harness, ticketId, { labels: ['b', 'a'], attributes: { tier: 'silver', n: 1, vip: true } });
  await updateTicket(harness, ticketId, { title: 'Passport', status: TicketStatus.ON_HOLD, description: 'It is blurred.' });
  await updateTicket(harness, ticketId, { groupId: two.groupId });
});
afterAll(() => harness.close());

const diff = (fromVersion: number, toVersion: number, more = {}, who: Parameters<Harness['callAs']>[0] = 'admin') =>
  harness
    .callAs(who)
    .history.diffVersions({ entityType: 'ticket', entityId: ticketId, fromVersion: BigInt(fromVersion), toVersion: BigInt(toVersion), ...more });

describe('DiffVersions', () => {
  it('says field by field what differs between any two versions, either way', async () => {
    const { differences, summary } = await diff(1, 4);
    expect(differences.map(({ field, fromValue, toValue }) => [field, fromValue?.kind.value, toValue?.kind.value])).toMatchObject([
      ['attributes.tier', 'gold', 'silver'],
      ['attributes.vip', 0, true],
      ['description', '', 'It is blurred.'],
      ['labels', {}, {}],
      ['priority', 'MEDIUM', 'URGENT'],
      ['status', 'OPEN', 'ON_HOLD'],
    ]);
    expect(summary).toBe(
      [
        'attributes.tier: gold → silver',
        'attributes.vip: (none) → true',
        'description: (none) → It is blurred.',
        'labels: another order',
        'priority: MEDIUM → URGENT',
        'status: OPEN → ON_HOLD',
      ].join('\n'),
    );
    expect((await diff(4, 1)).summary).toContain('status: ON_HOLD → OPEN');
    expect((await diff(2, 2)).differences).toEqual([]);
    expect((await diff(1, 2)).differences.find(({ field }) => field === 'title')?.text).toMatch(/^title: Passport → The passport .{67}…$/);
  });

  it('compares agents and groups', async () => {
    const { agents, groups } = harness.callAs('admin');
    await agents.updateAgent({ agent: { agentId: 'ONE-b', maxOpenTickets: 5 } });
    await groups.updateGroup({
      group: { groupId: one.groupId, assignmentPolicy: { maxOpenPerAgent: 3 } },
      updateMask: { paths: ['assignment_policy.max_open_per_agent'] },
    });
    expect((await diff(1, 2, { entityType: 'agent', entityId: 'ONE-b' })).summary).toBe('max_open_tickets: (none) → 5');
    expect((await diff(1, 2, { entityType: 'group', entityId: one.groupId }, { roles: ['supervisor'], actor: 'sue' })).summary).toBe(
      'max_open_per_agent: (none) → 3\npolicy_version: 1 → 2',
    );
  });

  it('says that a value was erased, not what it was', async () => {
    const ticket = await createTicket(harness, one, { title: 'a secret' });
    await updateTicket(harness, ticket.ticketId, { priority: Priority.LOW });
    await harness.callAs('admin').tickets.redactTicket({ ticketId: ticket.ticketId, fields: ['title'] });
    const { differences, summary } = await diff(1, 2, { entityId: ticket.ticketId });
    expect(summary).toBe('priority: MEDIUM → LOW\ntitle: erased');
    expect(differences[1]).toMatchObject({
      field: 'title',
      erased: true,
      fromValue: { kind: { case: 'nullValue' } },
      toValue: { kind: { case: 'nullValue' } },
    });
  });

  it('still compares versions whose entries went with their months, from what came after', async () => {
    const ticket = await createTicket(harness, one, { title: 'first' });
    await updateTicket(harness, ticket.ticketId, { title: 'second' });
    await updateTicket(harness, ticket.ticketId, { title: 'third' });
    const asked = { entityId: ticket.ticketId };
    const dropped = async (versions: string) => {
      await harness.sql('ALTER TABLE audit_entries DISABLE TRIGGER USER');
      await harness.sql(`DELETE FROM audit_entries WHERE entity_id = $1 AND version = ANY ('${versions}')`, [ticket.ticketId]);
      await harness.sql('ALTER TABLE audit_entries ENABLE TRIGGER USER');
    };
    await dropped('{1}');
    expect((await diff(1, 3, asked)).summary).toBe('title: first → third');
    await dropped('{2,3}');
    expect((await diff(3, 3, asked)).summary).toBe('');
    expect(await failureOf(diff(2, 3, asked))).toMatchObject({ reason: 'VERSION_NOT_FOUND' });
  });

  it('NOT_FOUND: no such version, or one in a group that the caller may not see', async () => {
    expect(await failureOf(diff(1, 77))).toMatchObject({ kind: 'not_found', reason: 'VERSION_NOT_FOUND', facts: { field: 'to_version', version: '77' } });
    expect(
      await failureOf(harness.callAs('admin').history.diffVersions({ entityType: 'ticket', entityId: ticketId, fromVersion: 2n ** 63n - 1n, toVersion: 1n })),
    ).toMatchObject({ reason: 'VERSION_NOT_FOUND' });
    expect(await failureOf(diff(4, 5, {}, { roles: ['supervisor'], actor: 'tom' }))).toMatchObject({
      reason: 'VERSION_NOT_FOUND',
      facts: { field: 'from_version' },
    });
    expect((await diff(4, 5, {}, { roles: ['supervisor'], actor: 'sue' })).differences.map(({ field }) => field)).toContain('group_id');
    expect(await failureOf(diff(1, 2, { entityId: 'ONE-99' }))).toMatchObject({ reason: 'TICKET_NOT_FOUND' });
  });
});
