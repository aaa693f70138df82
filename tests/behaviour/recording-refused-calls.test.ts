import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AuditOperation } from '../../gen/ticketing/v1/audit_entry_pb.ts';
import { AuditService } from '../../gen/ticketing/v1/audit_service_pb.ts';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { checkDatabase } from '../../src/edge/cli/check-invariants.ts';
import { makeRefusals } from '../../src/edge/rpc/interceptors/refusals.ts';
import type { Refusal } from '../../src/edge/rpc/refusal-folds.ts';
import { DomainError, type ErrorKind } from '../../src/foundation/errors.ts';
import { callGrpc, connectClient, failureOf, grpcChannel } from '../support/edge/clients.ts';
import { startTestEdge, tokenOf } from '../support/edge/index.ts';
import { callsIn, REFUSED_ENTRIES, type RefusedEntry } from '../support/refusals.ts';
import { outcomeOf, type Service, startService } from '../support/service.ts';

const { createTicket, getTicket, updateTicket } = TicketService.method;
const { createGroup, updateGroup } = GroupService.method;
const PATIENCE = { timeout: 10_000, interval: 50 };

let service: Service;
let admin: string;
let groupId: string;
beforeAll(async () => {
  service = await startService();
  admin = await service.person('root', ['admin']);
  groupId = (await service.call(createGroup, { group: { key: 'KYC', name: 'KYC' } }, admin)).group?.groupId ?? '';
});
afterAll(async () => {
  expect(service.faults).toEqual([]);
  await service.close();
});

const entriesOf = (actor: string) => service.sql<RefusedEntry>(REFUSED_ENTRIES, [actor]);
/** The same, once as many calls are on record as were refused. */
async function entriesAfter(actor: string, calls: number): Promise<RefusedEntry[]> {
  return vi.waitFor(async () => {
    const entries = await entriesOf(actor);
    expect(callsIn(entries)).toBe(calls);
    return entries;
  }, PATIENCE);
}
const briefly = (entries: readonly RefusedEntry[]) =>
  entries.map(({ rpc, after }) => `${rpc.split('/')[1] ?? rpc} ${after.code} ${after.error_reason} ${after.count}`);

let people = 0;
/** Somebody new, so that what he does is all that is on record of him. */
async function newcomer(...roles: Parameters<Service['person']>[1]) {
  const name = `p${++people}`;
  return { actor: `user:${name}`, token: await service.person(name, roles) };
}
/** Refused, and so on record once all that went before it is. */
const refusedAtLast = (token: string) => service.call(updateGroup, { group: { groupId: randomUUID(), name: 'x' }, updateMask: { paths: ['name'] } }, token);

describe('a refused change', () => {
  it('is on record: a denied one with its caller and RPC, before anything else of it was read', async () => {
    const { actor, token } = await newcomer('agent');
    expect(await outcomeOf(service.call(createGroup, { group: { key: 'NO', name: 'No' }, reason: 'because', requestId: randomUUID() }, token))).toBe(
      'PERMISSION_DENIED',
    );
    const [entry, ...others] = await entriesAfter(actor, 1);
    expect(others).toEqual([]);
    const rpc = 'ticketing.v1.GroupService/CreateGroup';
    expect(entry).toMatchObject({
      ...{ actor, actor_kind: 'USER', rpc, request_id: null, reason: '', entity_type: 'call', entity_id: rpc, version: '1', operation: 'REFUSE' },
      ...{ before: null, changed_fields: [], after: { code: 'PERMISSION_DENIED', error_reason: 'PERMISSION_DENIED', count: 1 } },
    });
    expect(Date.parse(entry?.after.first_time ?? '')).toBeGreaterThan(Date.now() - 30_000);
    expect(Date.parse(entry?.after.first_time ?? '')).toBeLessThanOrEqual(Date.parse(entry?.after.last_time ?? ''));
  });

  it.each<[string, (token: string, more: { requestId: string; reason: string }) => Promise<unknown>, string]>([
    ['an invalid one', (token, more) => service.call(createTicket, { groupId, ...more }, token), 'CreateTicket INVALID_ARGUMENT INVALID_FIELD 1'],
    [
      'one of what is not there',
      (token, more) => service.call(updateTicket, { ticket: { ticketId: randomUUID(), title: 'x' }, updateMask: { paths: ['title'] }, ...more }, token),
      'UpdateTicket NOT_FOUND TICKET_NOT_FOUND 1',
    ],
    [
      'one with an etag that is out of date',
      (token, more) => service.call(updateGroup, { group: { groupId, name: 'New', etag: 'old' }, updateMask: { paths: ['name'] }, ...more }, token),
      'UpdateGroup ABORTED ETAG_MISMATCH 1',
    ],
    [
      'one of what is there already',
      (token, more) => service.call(createGroup, { group: { key: 'KYC', name: 'KYC' }, ...more }, token),
      'CreateGroup ALREADY_EXISTS GROUP_ALREADY_EXISTS 1',
    ],
  ])('is on record: %s with its request id and reason', async (_, call, expected) => {
    const { actor, token } = await newcomer('admin');
    const more = { requestId: randomUUID(), reason: 'a customer asked' };
    expect(await outcomeOf(call(token, more))).not.toBe('ok');
    const entries = await entriesAfter(actor, 1);
    expect(briefly(entries)).toEqual([expected]);
    expect(entries[0]).toMatchObject({ request_id: more.requestId, reason: more.reason });
  });

  it('is on record whatever it brought along, mended so that it can be stored', async () => {
    const { actor, token } = await newcomer('admin');
    expect(await outcomeOf(service.call(createTicket, { groupId, userId: 1n, requestId: 'no id', reason: 'a\u0000b' }, token))).toBe('INVALID_FIELD');
    const [entry] = await entriesAfter(actor, 1);
    expect(entry).toMatchObject({ request_id: null, reason: 'ab' });
    const long = await newcomer('admin');
    await outcomeOf(service.call(createTicket, { groupId, userId: 1n, reason: '😀'.repeat(1_500) }, long.token));
    expect((await entriesAfter(long.actor, 1))[0]?.reason).toBe('😀'.repeat(1_000));
  });

  it('that would only have been checked is on record if it was denied', async () => {
    const { actor, token } = await newcomer('admin');
    const denied = await newcomer('agent');
    expect(await outcomeOf(service.call(createTicket, { groupId, validateOnly: true }, token))).toBe('INVALID_FIELD');
    await outcomeOf(refusedAtLast(token));
    expect(briefly(await entriesAfter(actor, 1))).toEqual(['UpdateGroup NOT_FOUND GROUP_NOT_FOUND 1']);
    await outcomeOf(service.call(createGroup, { group: { key: 'NO', name: 'No' }, validateOnly: true }, denied.token));
    expect(briefly(await entriesAfter(denied.actor, 1))).toEqual(['CreateGroup PERMISSION_DENIED PERMISSION_DENIED 1']);
  });

  it('is read like every other entry', async () => {
    const { actor, token } = await newcomer('auditor');
    await outcomeOf(refusedAtLast(token));
    await entriesAfter(actor, 1);
    const { auditEntries } = await service.call(AuditService.method.listAuditEntries, { entityType: 'call', actor, filter: 'operation == REFUSE' }, token);
    expect(auditEntries).toMatchObject([
      {
        operation: AuditOperation.REFUSE,
        entityType: 'call',
        entityId: 'ticketing.v1.GroupService/UpdateGroup',
        version: 1n,
        after: { code: 'PERMISSION_DENIED', count: 1 },
      },
    ]);
    const { auditEntry } = await service.call(AuditService.method.getAuditEntry, { entryId: auditEntries[0]?.entryId ?? '' }, token);
    expect(auditEntry).toEqual(auditEntries[0]);
  });

  it('with a request id that is then put right and succeeds counts as no second effect of it', async () => {
    const { actor, token } = await newcomer('admin');
    const requestId = randomUUID();
    expect(await outcomeOf(service.call(createTicket, { groupId, requestId }, token))).toBe('INVALID_FIELD');
    await entriesAfter(actor, 1);
    const { ticket } = await service.call(createTicket, { groupId, userId: 7n, requestId }, token);
    expect((await service.call(TicketService.method.listTicketHistory, { ticketId: ticket?.ticketId ?? '' }, token)).auditEntries).toHaveLength(1);
    const report = await checkDatabase(service.app.database.url);
    expect(report.findings.flatMap(({ first }) => first)).toEqual([]);
  });
});

describe('what is not on record', () => {
  it('is a read, refused or not, and a change that succeeds', async () => {
    const { actor, token } = await newcomer('admin');
    const auditor = await newcomer('agent');
    expect(await outcomeOf(service.call(getTicket, { ticketId: randomUUID() }, token))).toBe('TICKET_NOT_FOUND');
    expect(await outcomeOf(service.call(AuditService.method.listAuditEntries, {}, auditor.token))).toBe('PERMISSION_DENIED');
    expect(await outcomeOf(service.call(createTicket, { groupId, userId: 1n }, token))).toBe('ok');
    for (const one of [token, auditor.token]) await outcomeOf(refusedAtLast(one));
    expect(briefly(await entriesAfter(actor, 1))).toEqual(['UpdateGroup NOT_FOUND GROUP_NOT_FOUND 1']);
    expect(briefly(await entriesAfter(auditor.actor, 1))).toEqual(['UpdateGroup PERMISSION_DENIED PERMISSION_DENIED 1']);
  });

  it('is whatever strangers try: that is a figure in the metrics', async () => {
    const before = (await entriesOf('')).length;
    for (const token of [undefined, 'Bearer nonsense', await service.program({ name: 'gone', roles: ['admin'] }, true)])
      expect(await outcomeOf(service.call(createTicket, { groupId, userId: 1n }, token))).toMatch(/^TOKEN_/);
    const { actor, token } = await newcomer('admin');
    await outcomeOf(refusedAtLast(token));
    await entriesAfter(actor, 1);
    expect(await entriesOf('')).toHaveLength(before + 1);
    const scrape = await (await fetch(`http://127.0.0.1:${service.app.server.metricsPort}/metrics`)).text();
    expect(scrape).toMatch(/docket_rpc_duration_seconds_count\{rpc="ticketing.v1.TicketService\/CreateTicket",code="UNAUTHENTICATED",transport="grpc"\} 3/);
    expect(scrape).toMatch(/docket_audit_refused_calls_total\{outcome="recorded"\} [1-9]/);
  });
});

describe('a change that fails', () => {
  it.each<[ErrorKind, string, boolean]>([
    ['permission_denied', 'PERMISSION_DENIED', true],
    ['invalid_argument', 'INVALID_FIELD', true],
    ['not_found', 'TICKET_NOT_FOUND', true],
    ['already_exists', 'GROUP_ALREADY_EXISTS', true],
    ['failed_precondition', 'TICKET_CANCELLED', true],
    ['out_of_range', 'ANYTHING', true],
    ['aborted', 'ETAG_MISMATCH', true],
    ['aborted', 'CONCURRENT_CHANGE', false],
    ['resource_exhausted', 'QUEUE_FULL', false],
    ['unavailable', 'DATABASE_UNAVAILABLE', false],
    ['deadline_exceeded', 'DEADLINE_EXCEEDED', false],
    ['cancelled', 'CANCELLED', false],
    ['unauthenticated', 'TOKEN_EXPIRED', false],
  ])('by %s %s counts as a refusal, whichever port it came by: %s', async (kind, reason, noted) => {
    const refusals: Refusal[] = [];
    const edge = await startTestEdge({
      refusals: makeRefusals((refusal) => void refusals.push(refusal)),
      tickets: {
        async createTicket() {
          throw new DomainError(kind, reason, 'no');
        },
      },
    });
    const channel = grpcChannel(edge.grpcAddress);
    const asked = { groupId: randomUUID(), userId: 1n };
    await failureOf(callGrpc(channel, createTicket, asked, { token: tokenOf('service') }));
    await failureOf(connectClient(edge.url, 'connect').createTicket(asked, { headers: { authorization: tokenOf('service') } }));
    channel.close();
    await edge.close();
    expect(refusals.map(({ errorReason }) => errorReason)).toEqual(noted ? [reason, reason] : []);
  });

  it('by a fault of ours is no refusal', async () => {
    const refusals: Refusal[] = [];
    const edge = await startTestEdge({ refusals: makeRefusals((refusal) => void refusals.push(refusal)) });
    const call = connectClient(edge.url, 'connect').createTicket({ groupId: randomUUID(), userId: 1n }, { headers: { authorization: tokenOf('service') } });
    expect((await failureOf(call)).code).toBe(status.INTERNAL);
    await edge.close();
    expect(refusals).toEqual([]);
  });
});
