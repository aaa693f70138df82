import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Priority, TicketStatus } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { failureOf, insertAgent, insertGroup, insertTickets, type Reading, startReading } from '../../support/reading.ts';

describe('GetTicket', () => {
  let reading: Reading;
  let ticketId: string;
  let groupId: string;
  beforeAll(async () => {
    reading = await startReading();
    groupId = await insertGroup(reading, 'KYC', { supervisorIds: ['sue'] });
    const other = await insertGroup(reading, 'RISK');
    await insertAgent(reading, 'ada', [groupId]);
    await insertAgent(reading, 'bob', [other]);
    [ticketId] = (await insertTickets(reading, [
      {
        key: 'KYC-1',
        groupId,
        userId: '9007199254740993',
        agentId: 'ada',
        status: 2,
        priority: 3,
        title: 'Passport',
        description: 'It is blurred.',
        attributes: { country: 'DE', pages: [1, 2.5], nested: { ok: true, none: null } },
        labels: ['vip', 'late'],
        createTime: '2026-02-03T04:05:06.123456Z',
      },
    ])) as [string];
    await reading.sql(
      `UPDATE tickets SET external_references = '[{"system":"crm","id":"77","url":"https://crm.example/77"}]', reopen_count = 2, assign_time = create_time, resolve_time = create_time + interval '1 hour', close_time = create_time + interval '2 hours'`,
    );
  });
  afterAll(() => reading.close());

  it('answers every field of the ticket', async () => {
    const { ticket } = await reading.as('admin').tickets.getTicket({ ticketId });
    const seconds = BigInt(Date.UTC(2026, 1, 3, 4, 5, 6) / 1000);
    expect(ticket).toMatchObject({
      ticketId,
      key: 'KYC-1',
      groupId,
      userId: 9007199254740993n,
      agentId: 'ada',
      status: TicketStatus.IN_PROGRESS,
      priority: Priority.HIGH,
      title: 'Passport',
      description: 'It is blurred.',
      attributes: { country: 'DE', pages: [1, 2.5], nested: { ok: true, none: null } },
      labels: ['vip', 'late'],
      externalReferences: [{ system: 'crm', id: '77', url: 'https://crm.example/77' }],
      createTime: { seconds, nanos: 123_456_000 },
      assignTime: { seconds, nanos: 123_456_000 },
      resolveTime: { seconds: seconds + 3600n },
      closeTime: { seconds: seconds + 7200n },
      reopenCount: 2,
      etag: '2',
    });
    expect(ticket?.updateTime?.seconds).toBeGreaterThan(seconds);
  });

  it('takes the key, and the id in capitals, in place of the id', async () => {
    const { tickets } = reading.as('service');
    expect((await tickets.getTicket({ ticketId: 'KYC-1' })).ticket?.ticketId).toBe(ticketId);
    expect((await tickets.getTicket({ ticketId: ticketId.toUpperCase() })).ticket?.ticketId).toBe(ticketId);
  });

  it('answers agents and supervisors of the group, and auditors', async () => {
    for (const caller of [reading.as('agent', 'ada'), reading.as('supervisor', 'sue'), reading.as('auditor')]) {
      expect((await caller.tickets.getTicket({ ticketId })).ticket?.key).toBe('KYC-1');
    }
  });

  it('changes its etag with every change, by raw SQL too', async () => {
    const { tickets } = reading.as('admin');
    const before = (await tickets.getTicket({ ticketId })).ticket;
    await reading.sql('UPDATE tickets SET title = title WHERE ticket_id = $1', [ticketId]);
    const after = (await tickets.getTicket({ ticketId })).ticket;
    expect(after?.etag).not.toBe(before?.etag);
  });

  it('NOT_FOUND: no such ticket', async () => {
    expect(await failureOf(reading.as('admin').tickets.getTicket({ ticketId: 'KYC-99' }))).toMatchObject({
      status: 'NOT_FOUND',
      reason: 'TICKET_NOT_FOUND',
      facts: { ticket_id: 'KYC-99' },
    });
  });

  it('NOT_FOUND: a ticket outside the groups of the caller, told in the same words as one that is not there', async () => {
    const { tickets } = reading.as('agent', 'bob');
    const outside = await failureOf(tickets.getTicket({ ticketId: 'KYC-1' }));
    const absent = await failureOf(tickets.getTicket({ ticketId: 'KYC-2' }));
    expect(outside).toEqual({ ...absent, facts: { ticket_id: 'KYC-1' } });
    expect(outside.reason).toBe('TICKET_NOT_FOUND');
    expect(await failureOf(reading.as('supervisor', 'somebody').tickets.getTicket({ ticketId }))).toMatchObject({ reason: 'TICKET_NOT_FOUND' });
  });

  it('INVALID_ARGUMENT: neither an id nor a key', async () => {
    expect(await failureOf(reading.as('admin').tickets.getTicket({ ticketId: 'kyc 1' }))).toMatchObject({
      status: 'INVALID_ARGUMENT',
      reason: 'INVALID_FIELD',
      fields: ['ticket_id'],
    });
  });
});
