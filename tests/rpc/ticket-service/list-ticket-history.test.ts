import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ActorKind, AuditOperation } from '../../../gen/ticketing/v1/audit_entry_pb.ts';
import { changeAs, failureOf, insertAgent, insertGroup, insertTickets, type Reading, startReading } from '../../support/reading.ts';

describe('ListTicketHistory', () => {
  let reading: Reading;
  let ticketId: string;
  beforeAll(async () => {
    reading = await startReading();
    const kyc = await insertGroup(reading, 'KYC');
    await insertAgent(reading, 'ada', [kyc]);
    await insertAgent(reading, 'eve');
    [ticketId] = (await insertTickets(reading, [
      { key: 'KYC-1', groupId: kyc, agentId: 'ada', userId: '9007199254740993', attributes: { size: 12 } },
      { key: 'KYC-2', groupId: kyc },
    ])) as [string];
    await changeAs(
      reading,
      { actor: 'sue', rpc: 'ticketing.v1.TicketService/UpdateTicket', reason: 'urgent', requestId: '01930000-0000-7000-8000-000000000001' },
      [`UPDATE tickets SET status = 2, priority = 4 WHERE key = 'KYC-1'`],
    );
    await reading.sql(`UPDATE tickets SET title = 'touched'`);
  });
  afterAll(() => reading.close());

  it('lists every change of the ticket, newest first, and nothing of others', async () => {
    const { auditEntries, nextPageToken } = await reading.as('admin').tickets.listTicketHistory({ ticketId });
    expect(auditEntries.map((entry) => [entry.operation, entry.version, entry.changedFields])).toEqual([
      [AuditOperation.UPDATE, 3n, ['title']],
      [AuditOperation.UPDATE, 2n, ['priority', 'status']],
      [AuditOperation.CREATE, 1n, []],
    ]);
    expect(new Set(auditEntries.map((entry) => entry.entityId))).toEqual(new Set([ticketId]));
    expect(nextPageToken).toBe('');
  });

  it('says who made a change, how and why, with the values by name', async () => {
    const [, update, create] = (await reading.as('auditor').tickets.listTicketHistory({ ticketId })).auditEntries;
    expect(update).toMatchObject({
      actor: 'sue',
      actorKind: ActorKind.USER,
      rpc: 'ticketing.v1.TicketService/UpdateTicket',
      requestId: '01930000-0000-7000-8000-000000000001',
      reason: 'urgent',
      entityType: 'ticket',
      before: { status: 'OPEN', priority: 'MEDIUM' },
      after: { status: 'IN_PROGRESS', priority: 'URGENT', agent_id: 'ada', user_id: '9007199254740993', attributes: { size: 12 } },
    });
    expect(create).toMatchObject({ actorKind: ActorKind.DATABASE, rpc: '', requestId: '', reason: '', after: { key: 'KYC-1', version: 1 } });
    expect(create?.actor).toMatch(/^database:/);
    expect(create?.before).toBeUndefined();
  });

  it('takes the key in place of the id, and goes page by page', async () => {
    const { tickets } = reading.as('agent', 'ada');
    const versions: bigint[] = [];
    let pageToken = '';
    do {
      const page = await tickets.listTicketHistory({ ticketId: 'KYC-1', pageSize: 1, pageToken });
      expect(page.auditEntries).toHaveLength(1);
      versions.push(...page.auditEntries.map((entry) => entry.version));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(versions).toEqual([3n, 2n, 1n]);
  });

  it('NOT_FOUND: no such ticket, or outside the groups of the caller', async () => {
    expect(await failureOf(reading.as('admin').tickets.listTicketHistory({ ticketId: 'KYC-9' }))).toMatchObject({
      status: 'NOT_FOUND',
      reason: 'TICKET_NOT_FOUND',
    });
    expect(await failureOf(reading.as('agent', 'eve').tickets.listTicketHistory({ ticketId: 'KYC-1' }))).toMatchObject({
      status: 'NOT_FOUND',
      reason: 'TICKET_NOT_FOUND',
    });
  });

  it('INVALID_ARGUMENT: a page token of another ticket', async () => {
    const { tickets } = reading.as('admin');
    const { nextPageToken: pageToken } = await tickets.listTicketHistory({ ticketId: 'KYC-1', pageSize: 1 });
    expect(await failureOf(tickets.listTicketHistory({ ticketId: 'KYC-2', pageToken }))).toMatchObject({
      status: 'INVALID_ARGUMENT',
      reason: 'PAGE_TOKEN_INVALID',
    });
  });
});
