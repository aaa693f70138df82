import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Priority, TicketStatus } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { readTimestamp } from '../../support/instants.ts';
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
    expect(outside).toEqual({ ...absent, facts: { ...absent.facts, ticket_id: 'KYC-1' } });
    expect(outside.reason).toBe('TICKET_NOT_FOUND');
    expect(await failureOf(reading.as('supervisor', 'somebody').tickets.getTicket({ ticketId }))).toMatchObject({ reason: 'TICKET_NOT_FOUND' });
  });

  it('INVALID_ARGUMENT: neither an id nor a key', async () => {
    const malformed = reading.as('admin').tickets.getTicket({ ticketId: 'kyc 1' });
    expect(await failureOf(malformed)).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_FIELD', fields: ['ticket_id'] });
    await expect(malformed).rejects.toThrow('ticket_id: must be the key of a ticket, such as KYC-1042, or its id, a UUID');
  });
});

describe('GetTicket as of an instant', () => {
  let reading: Reading;
  let kyc: string;
  let risk: string;
  beforeAll(async () => {
    reading = await startReading();
    kyc = await insertGroup(reading, 'KYC', { supervisorIds: ['sue'] });
    risk = await insertGroup(reading, 'RISK', { supervisorIds: ['tom'] });
  });
  afterAll(() => reading.close());

  const now = () => readTimestamp(reading);
  const insert = async (key: string, groupId = kyc) => (await insertTickets(reading, [{ key, groupId, title: 'first', labels: ['a'] }]))[0] as string;
  const read = async (ticketId: string, asOf: Awaited<ReturnType<typeof now>>) => (await reading.as('admin').tickets.getTicket({ ticketId, asOf })).ticket;
  const absent = { status: 'NOT_FOUND', reason: 'TICKET_NOT_FOUND' };

  it('answers the whole ticket as it was between any two changes, by id and by key', async () => {
    const ticketId = await insert('KYC-1');
    const seen = [];
    for (const change of [
      `title = 'second', labels = '{b,c}'`,
      `status = 3, attributes = '{"n": 1}'`,
      `priority = 4, user_id = 9007199254740993`,
      `agent_id = 'ada'`,
    ]) {
      seen.push({ asOf: await now(), ticket: (await reading.as('admin').tickets.getTicket({ ticketId })).ticket });
      await reading.sql(`UPDATE tickets SET ${change} WHERE ticket_id = $1`, [ticketId]);
    }
    seen.push({ asOf: await now(), ticket: (await reading.as('admin').tickets.getTicket({ ticketId })).ticket });
    for (const { asOf, ticket } of seen) {
      expect(await read(ticketId, asOf)).toEqual(ticket);
      expect(await read('KYC-1', asOf)).toEqual(ticket);
    }
    expect(new Set(seen.map(({ ticket }) => ticket?.etag)).size).toBe(5);
  });

  it('answers a ticket whose row is gone, by id and by key, for as long as it was there', async () => {
    const ticketId = await insert('KYC-2');
    const there = await now();
    await reading.sql('DELETE FROM tickets WHERE ticket_id = $1', [ticketId]);
    const gone = await now();
    expect((await read(ticketId, there))?.title).toBe('first');
    expect((await read('KYC-2', there))?.ticketId).toBe(ticketId);
    for (const reference of [ticketId, 'KYC-2']) {
      expect(await failureOf(read(reference, gone))).toMatchObject(absent);
      expect(await failureOf(reading.as('supervisor', 'sue').tickets.getTicket({ ticketId: reference, asOf: there }))).toMatchObject(absent);
    }
  });

  it('shows erased values as erased, and what was said after the erasure', async () => {
    const ticketId = await insert('KYC-3');
    await reading.sql(`UPDATE tickets SET title = 'a secret' WHERE ticket_id = $1`, [ticketId]);
    const secret = await now();
    await reading.session(async (client) => {
      await client.query('BEGIN');
      await client.query(`UPDATE tickets SET title = '' WHERE ticket_id = $1`, [ticketId]);
      await client.query(`SELECT erase_entries('ticket', $1, '{title,user_id}')`, [ticketId]);
      await client.query('COMMIT');
    });
    const erased = await now();
    await reading.sql(`UPDATE tickets SET title = 'harmless' WHERE ticket_id = $1`, [ticketId]);
    expect(await read(ticketId, secret)).toMatchObject({ title: '', userId: 0n, labels: ['a'], etag: '2' });
    expect(await read(ticketId, erased)).toMatchObject({ title: '', etag: '3' });
    expect((await read(ticketId, await now()))?.title).toBe('harmless');
  });

  it('NOT_FOUND: before the ticket was there, in the same words as of one that never was', async () => {
    const before = await now();
    await insert('KYC-4');
    const told = await failureOf(read('KYC-4', before));
    const never = await failureOf(read('KYC-99', before));
    expect(told).toEqual({ ...never, facts: { ...never.facts, ticket_id: 'KYC-4' } });
    expect(told).toMatchObject(absent);
    expect(await failureOf(read('KYC-4', { ...before, seconds: 0n }))).toMatchObject(absent);
  });

  it('NOT_FOUND: to a caller who may see only where it was, or only where it is', async () => {
    const ticketId = await insert('KYC-5');
    const before = await now();
    await reading.sql('UPDATE tickets SET group_id = $2 WHERE ticket_id = $1', [ticketId, risk]);
    const after = await now();
    const as = (name: string, asOf: typeof before) => reading.as('supervisor', name).tickets.getTicket({ ticketId, asOf });
    expect(await failureOf(as('sue', before))).toMatchObject(absent);
    expect(await failureOf(as('sue', after))).toMatchObject(absent);
    expect(await failureOf(as('tom', before))).toMatchObject(absent);
    expect((await as('tom', after)).ticket?.groupId).toBe(risk);
    expect((await reading.as('auditor').tickets.getTicket({ ticketId, asOf: before })).ticket?.groupId).toBe(kyc);
  });

  it('OUT_OF_RANGE: the instant lies in months that were dropped; what came after is whole', async () => {
    const ticketId = await insert('KYC-6');
    const asOf = await now();
    await reading.sql(`UPDATE tickets SET title = 'second' WHERE ticket_id = $1`, [ticketId]);
    const month = `date_trunc('month', docket_now() AT TIME ZONE 'UTC')::date`;
    await reading.sql(
      `INSERT INTO dropped_months (month, entries, create_time, update_time) VALUES (${month} - interval '1 month', 7, docket_now(), docket_now())`,
    );
    expect((await read(ticketId, asOf))?.title).toBe('first');
    const [kept] = await reading.sql<{ from: string; before: string }>(
      `SELECT to_char(${month}, 'YYYY-MM-DD"T00:00:00Z"') AS from, extract(epoch FROM ${month}) - 1 AS before`,
    );
    for (const reference of [ticketId, 'KYC-99']) {
      expect(await failureOf(read(reference, { ...asOf, seconds: BigInt(kept?.before ?? 0) }))).toMatchObject({
        status: 'OUT_OF_RANGE',
        reason: 'HISTORY_DROPPED',
        facts: { kept_from_time: kept?.from },
      });
    }
  });
});
