import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditEntry } from '../../../gen/ticketing/v1/audit_entry_pb.ts';
import { moveClock } from '../../support/database/index.ts';
import { type Clients, changeAs, failureOf, insertAgent, insertGroup, insertTickets, type Reading, startReading } from '../../support/reading.ts';

type Request = Parameters<Clients['audit']['listAuditEntries']>[0];

const UPDATE_TICKET = 'ticketing.v1.TicketService/UpdateTicket';
const REQUEST_ID = '01930000-0000-7000-8000-00000000000a';

describe('ListAuditEntries', () => {
  let reading: Reading;
  let kyc: string;
  let ids: string[];
  let later: Date;
  beforeAll(async () => {
    reading = await startReading();
    kyc = await insertGroup(reading, 'KYC');
    await insertAgent(reading, 'ada', [kyc]);
    ids = await insertTickets(
      reading,
      Array.from({ length: 12 }, (_, index) => ({ key: `KYC-${index + 1}`, groupId: kyc })),
    );
    // Into another month, hence another partition.
    later = await moveClock(reading.url, '40 days');
    await changeAs(reading, { actor: 'sue', rpc: UPDATE_TICKET, requestId: REQUEST_ID, reason: 'a customer called' }, [
      `UPDATE tickets SET priority = 4 WHERE key IN ('KYC-1', 'KYC-2')`,
    ]);
    await changeAs(reading, { actor: 'docket', actorKind: 'SYSTEM', rpc: 'job/tidy' }, [
      `UPDATE agents SET display_name = 'Ada' WHERE agent_id = 'ada'`,
      `UPDATE tickets SET agent_id = 'ada' WHERE key = 'KYC-3'`,
    ]);
    await reading.sql(`DELETE FROM memberships`);
  });
  afterAll(() => reading.close());

  const list = async (request: Request = {}): Promise<AuditEntry[]> =>
    (await reading.as('auditor').audit.listAuditEntries({ pageSize: 1000, ...request })).auditEntries;
  const about = (entries: readonly AuditEntry[]): string[] => entries.map((entry) => `${entry.entityType} ${entry.operation}`);

  it('lists every change of every kind of thing, newest first', async () => {
    const entries = await list();
    const numbers = entries.map((entry) => BigInt(entry.entryId));
    expect(numbers).toEqual([...numbers].sort((a, b) => (a > b ? -1 : 1)));
    expect(
      Object.entries(Object.groupBy(about(entries), (text) => text))
        .map(([text, all]) => [text, all?.length])
        .sort(),
    ).toEqual([
      ['agent 1', 1],
      ['agent 2', 1],
      ['group 1', 1],
      ['membership 1', 1],
      ['membership 3', 1],
      ['settings 1', 1],
      ['ticket 1', 12],
      ['ticket 2', 3],
    ]);
    expect(entries.find((entry) => entry.entityType === 'membership')).toMatchObject({ entityId: `${kyc}/ada`, before: { agent_id: 'ada', group_id: kyc } });
  });

  it.each<[string, () => Request, number]>([
    ['a kind of thing', () => ({ entityType: 'ticket' }), 15],
    ['one thing', () => ({ entityType: 'ticket', entityId: ids[0] as string }), 2],
    ['actor', () => ({ actor: 'docket' }), 2],
    ['RPC', () => ({ rpc: UPDATE_TICKET }), 2],
    ['request id', () => ({ requestId: REQUEST_ID.toUpperCase() }), 2],
    ['start time', () => ({ startTime: timestampFromDate(later) }), 5],
    ['end time', () => ({ endTime: timestampFromDate(later) }), 16],
    ['both times', () => ({ startTime: timestampFromDate(new Date(0)), endTime: timestampFromDate(later), entityType: 'agent' }), 1],
    ['actor and one thing', () => ({ actor: 'sue', entityType: 'ticket', entityId: ids[1] as string }), 1],
    ['what changed', () => ({ filter: 'operation == UPDATE && "agent_id" in changed_fields' }), 1],
    ['kind of actor', () => ({ filter: 'actor_kind == DATABASE && entity_type == "ticket"' }), 12],
    ['no request id', () => ({ filter: 'request_id == "" && version > 1' }), 2],
    [
      'reason, in a filter beside a field',
      () => ({ entityType: 'ticket', filter: 'reason.contains("customer") && time > timestamp("2020-01-01T00:00:00Z")' }),
      2,
    ],
  ])('finds by %s, whole and in pages', async (_name, request, count) => {
    const whole = await list(request());
    expect(whole).toHaveLength(count);
    const paged: string[] = [];
    let pageToken = '';
    do {
      const page = await reading.as('auditor').audit.listAuditEntries({ ...request(), pageSize: 4, pageToken });
      paged.push(...page.auditEntries.map((entry) => entry.entryId));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(paged).toEqual(whole.map((entry) => entry.entryId));
  });

  it('lists fifty to a page unless told otherwise, and goes on where it stood while others change things', async () => {
    await insertTickets(
      reading,
      Array.from({ length: 60 }, (_, index) => ({ key: `KYC-${index + 101}`, groupId: kyc })),
    );
    const { audit } = reading.as('admin');
    const first = await audit.listAuditEntries({ entityType: 'ticket' });
    expect(first.auditEntries).toHaveLength(50);
    await insertTickets(reading, [{ key: 'KYC-999', groupId: kyc }]);
    const second = await audit.listAuditEntries({ entityType: 'ticket', pageToken: first.nextPageToken });
    expect([...first.auditEntries, ...second.auditEntries].map((entry) => entry.entryId)).toEqual(
      (await list({ entityType: 'ticket' })).slice(1).map((entry) => entry.entryId),
    );
  });

  it('ends a page before it is larger than clients take', async () => {
    await insertTickets(
      reading,
      Array.from({ length: 230 }, (_, index) => ({ key: `KYC-${index + 2001}`, groupId: kyc, description: 'é'.repeat(10_000) })),
    );
    const page = await reading.as('admin').audit.listAuditEntries({ entityType: 'ticket', pageSize: 230 });
    expect(page.auditEntries.length).toBeGreaterThan(150);
    expect(page.auditEntries.length).toBeLessThan(230);
    expect(page.nextPageToken).not.toBe('');
  });

  it('PERMISSION_DENIED: anybody but administrators and auditors', async () => {
    for (const role of ['supervisor', 'agent', 'service'] as const) {
      expect(await failureOf(reading.as(role).audit.listAuditEntries({}))).toMatchObject({ status: 'PERMISSION_DENIED', reason: 'PERMISSION_DENIED' });
    }
  });

  it('INVALID_ARGUMENT: a filter that cannot be used', async () => {
    for (const filter of ['before.status == "OPEN"', 'operation == REMOVE', 'version']) {
      expect(await failureOf(reading.as('admin').audit.listAuditEntries({ filter }))).toMatchObject({
        status: 'INVALID_ARGUMENT',
        reason: 'FILTER_INVALID',
        fields: ['filter'],
      });
    }
  });

  it('INVALID_ARGUMENT: an entity id without its type, times the wrong way round, an unknown type', async () => {
    const wrong: Request[] = [
      { entityId: ids[0] as string },
      { startTime: timestampFromDate(later), endTime: timestampFromDate(new Date(0)) },
      { entityType: 'user' },
      { requestId: 'nonsense' },
      { pageSize: -1 },
    ];
    for (const request of wrong)
      expect(await failureOf(reading.as('admin').audit.listAuditEntries(request))).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_FIELD' });
  });

  it('INVALID_ARGUMENT: a page token of other arguments', async () => {
    const { audit } = reading.as('admin');
    const { nextPageToken: pageToken } = await audit.listAuditEntries({ pageSize: 1 });
    expect(await failureOf(audit.listAuditEntries({ entityType: 'ticket', pageToken }))).toMatchObject({
      status: 'INVALID_ARGUMENT',
      reason: 'PAGE_TOKEN_INVALID',
    });
  });
});
