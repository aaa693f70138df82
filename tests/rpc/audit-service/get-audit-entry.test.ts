import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ActorKind, AuditOperation } from '../../../gen/ticketing/v1/audit_entry_pb.ts';
import { changeAs, failureOf, insertAgent, insertGroup, insertTickets, type Reading, startReading } from '../../support/reading.ts';

describe('GetAuditEntry', () => {
  let reading: Reading;
  let ticketId: string;
  let entryId: string;
  beforeAll(async () => {
    reading = await startReading();
    const kyc = await insertGroup(reading, 'KYC');
    await insertAgent(reading, 'ada', [kyc]);
    [ticketId] = (await insertTickets(reading, [
      { key: 'KYC-1', groupId: kyc, userId: '9223372036854775807', attributes: { n: 9007199254740992, deep: { user_id: 1.5 } } },
    ])) as [string];
    await changeAs(reading, { actor: 'crm', actorKind: 'SERVICE', rpc: 'ticketing.v1.TicketService/UpdateTicket', reason: 'why not' }, [
      `UPDATE tickets SET agent_id = 'ada', status = 2`,
    ]);
    const [last] = await reading.sql<{ entry_id: string }>('SELECT max(entry_id) AS entry_id FROM audit_entries');
    entryId = last?.entry_id ?? '';
  });
  afterAll(() => reading.close());

  it('answers every field of the entry', async () => {
    const { auditEntry } = await reading.as('auditor').audit.getAuditEntry({ entryId });
    expect(auditEntry).toMatchObject({
      entryId,
      actor: 'crm',
      actorKind: ActorKind.SERVICE,
      rpc: 'ticketing.v1.TicketService/UpdateTicket',
      requestId: '',
      reason: 'why not',
      entityType: 'ticket',
      entityId: ticketId,
      version: 2n,
      operation: AuditOperation.UPDATE,
      before: { agent_id: null, status: 'OPEN', version: 1 },
      changedFields: ['agent_id', 'status'],
    });
    expect(Math.abs(Number(auditEntry?.time?.seconds) - Date.now() / 1000)).toBeLessThan(60);
  });

  it('keeps whole numbers past 2^53 whole, as text, and leaves the attributes of callers as they are', async () => {
    const { auditEntry } = await reading.as('admin').audit.getAuditEntry({ entryId });
    expect(auditEntry?.after).toMatchObject({
      user_id: '9223372036854775807',
      priority: 'MEDIUM',
      attributes: { n: 9007199254740992, deep: { user_id: 1.5 } },
    });
  });

  it('never tells which request of the table changed a row last', async () => {
    const { auditEntry } = await reading.as('admin').audit.getAuditEntry({ entryId });
    expect(Object.keys(auditEntry?.after ?? {})).not.toContain('last_request');
  });

  it('NOT_FOUND: no such entry', async () => {
    expect(await failureOf(reading.as('admin').audit.getAuditEntry({ entryId: '999999999999999999' }))).toMatchObject({
      status: 'NOT_FOUND',
      reason: 'AUDIT_ENTRY_NOT_FOUND',
      facts: { audit_entry: '999999999999999999' },
    });
  });

  it('PERMISSION_DENIED: anybody but administrators and auditors', async () => {
    for (const role of ['supervisor', 'agent', 'service'] as const) {
      expect(await failureOf(reading.as(role).audit.getAuditEntry({ entryId }))).toMatchObject({ status: 'PERMISSION_DENIED' });
    }
  });

  it('INVALID_ARGUMENT: an id that is no number', async () => {
    for (const wrong of ['', 'abc', '-1', '1234567890123456789']) {
      expect(await failureOf(reading.as('admin').audit.getAuditEntry({ entryId: wrong }))).toMatchObject({ status: 'INVALID_ARGUMENT', fields: ['entry_id'] });
    }
  });
});
