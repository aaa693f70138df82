import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuditOperation } from '../../../gen/ticketing/v1/audit_entry_pb.ts';
import type { Ticket } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { eraseAnswers } from '../../../src/domain/tickets/index.ts';
import { createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { openSealedLog, type SealedLog } from '../../support/sealed-log.ts';

describe('RedactTicket', () => {
  let harness: Harness;
  let log: SealedLog;
  let groupId: string;
  let ticket: Ticket;
  const creation = { requestId: randomUUID(), userId: 4711n, title: 'Secret Title', description: 'Secret text', reason: 'Secret call' };
  beforeEach(async () => {
    harness = await createHarness();
    log = openSealedLog(harness);
    const { groups, agents, tickets } = harness.callAs('admin');
    groupId = (await groups.createGroup({ group: { key: 'KYC' } })).group?.groupId ?? '';
    await agents.createAgent({ agent: { agentId: 'ada', groupIds: [groupId] } });
    const more = { attributes: { name: 'Secret name', n: 1.5 }, labels: ['Secret label'], externalReferences: [{ system: 'crm', id: 'Secret-1' }] };
    ticket = (await tickets.createTicket({ groupId, ...creation, ...more })).ticket as Ticket;
    await tickets.updateTicket({ ticket: { ticketId: ticket.ticketId, title: 'Second Secret' }, reason: 'Secret reason' });
  });
  afterEach(() => harness.close());

  const tables = async (): Promise<string> => {
    const names = await harness.sql<{ name: string }>(`SELECT relname AS name FROM pg_class WHERE relnamespace = 'docket'::regnamespace AND relkind = 'r'`);
    const texts = await Promise.all(names.map(({ name }) => harness.sql<{ text: string | null }>(`SELECT string_agg(t::text, ' ') AS text FROM ${name} t`)));
    const answers = await harness.sql<{ text: string | null }>(`SELECT string_agg(encode(answer, 'escape'), ' ') AS text FROM requests`);
    return [...texts, answers].map(([row]) => row?.text ?? '').join(' ');
  };

  it('leaves nothing of what was said about a person anywhere, and a log that verifies', async () => {
    await log.seal();
    expect(await tables()).toMatch(/Secret/);
    const answer = await harness.callAs('admin').tickets.redactTicket({ ticketId: ticket.key, reason: 'asked to on paper' });
    expect(answer.ticket).toMatchObject({
      ticketId: ticket.ticketId,
      agentId: 'ada',
      userId: 0n,
      title: '',
      description: '',
      labels: [],
      externalReferences: [],
      etag: '3',
    });
    expect(answer.erasedEntries).toBe(3n);
    await harness.runJobs([eraseAnswers]);
    expect(await tables()).not.toMatch(/Secret|4711/);
    await log.seal();
    const { findings, tally } = await log.verify();
    expect(findings).toEqual([]);
    expect(tally.erasedEntries).toBe(3);
  });

  it('is on record itself, with its reason, and shows what was erased', async () => {
    await harness
      .callAs({ actor: 'root', roles: ['admin'] })
      .tickets.redactTicket({ ticketId: ticket.ticketId, fields: ['title', 'reason'], reason: 'asked to' });
    const { auditEntries } = await harness.callAs('auditor').tickets.listTicketHistory({ ticketId: ticket.ticketId });
    expect(auditEntries.map(({ operation, erasedFields, reason }) => [operation, erasedFields, reason])).toEqual([
      [AuditOperation.UPDATE, ['before.title'], 'asked to'],
      [AuditOperation.UPDATE, ['after.title', 'before.title', 'reason'], ''],
      [AuditOperation.CREATE, ['after.title', 'reason'], ''],
    ]);
    const { auditEntries: erasures } = await harness.callAs('auditor').audit.listAuditEntries({ entityType: 'erasure' });
    expect(erasures).toMatchObject([
      { actor: 'root', rpc: 'ticketing.v1.TicketService/RedactTicket', reason: 'asked to', after: { entity_id: ticket.ticketId } },
    ]);
    const { ticket: left } = await harness.callAs('admin').tickets.getTicket({ ticketId: ticket.ticketId });
    expect(left).toMatchObject({ title: '', description: 'Secret text', userId: 4711n });
  });

  it('frees the external references, and the ticket goes on', async () => {
    const { tickets } = harness.callAs('admin');
    await tickets.redactTicket({ ticketId: ticket.ticketId });
    await tickets.createTicket({ groupId, userId: 1n, externalReferences: [{ system: 'crm', id: 'Secret-1' }] });
    expect((await tickets.updateTicket({ ticket: { ticketId: ticket.ticketId, title: 'New' } })).ticket).toMatchObject({ title: 'New', userId: 0n });
    await harness.runJobs([eraseAnswers]);
    await log.seal();
    expect((await log.verify()).findings).toEqual([]);
  });

  it('answers a repeat of an older request no more, and carries nothing out again', async () => {
    const { tickets } = harness.callAs('admin');
    const more = { attributes: { name: 'Secret name', n: 1.5 }, labels: ['Secret label'], externalReferences: [{ system: 'crm', id: 'Secret-1' }] };
    await tickets.redactTicket({ ticketId: ticket.ticketId });
    await harness.runJobs([eraseAnswers]);
    expect(await failureOf(tickets.createTicket({ groupId, ...creation, ...more }))).toMatchObject({ kind: 'failed_precondition', reason: 'ANSWER_ERASED' });
    expect(await harness.sql('SELECT FROM tickets')).toHaveLength(1);
  });

  it('gives the same answer again under its own request id', async () => {
    const { tickets } = harness.callAs('admin');
    const request = { ticketId: ticket.ticketId, requestId: randomUUID() };
    const first = await tickets.redactTicket(request);
    await harness.runJobs([eraseAnswers]);
    expect(await tickets.redactTicket(request)).toEqual(first);
    expect(await harness.sql('SELECT FROM erasures')).toHaveLength(1);
  });

  it('changes nothing when only asked what it would do', async () => {
    const before = await harness.sql('SELECT * FROM tickets');
    const { ticket: shown } = await harness.callAs('admin').tickets.redactTicket({ ticketId: ticket.ticketId, validateOnly: true });
    expect(shown).toMatchObject({ title: '', userId: 0n });
    expect(await harness.sql('SELECT * FROM tickets')).toEqual(before);
    expect(await harness.sql('SELECT FROM erasures')).toEqual([]);
    expect(harness.jobs).toEqual([]);
  });

  it('NOT_FOUND: no such ticket', async () => {
    expect(await failureOf(harness.callAs('admin').tickets.redactTicket({ ticketId: 'KYC-99' }))).toMatchObject({
      kind: 'not_found',
      reason: 'TICKET_NOT_FOUND',
    });
  });

  it('ABORTED: the ticket changed since', async () => {
    expect(await failureOf(harness.callAs('admin').tickets.redactTicket({ ticketId: ticket.ticketId, etag: '1' }))).toMatchObject({ reason: 'ETAG_MISMATCH' });
  });

  it('PERMISSION_DENIED: for everybody but admins', async () => {
    for (const role of ['supervisor', 'agent', 'service', 'auditor'] as const)
      expect(await failureOf(harness.callAs(role).tickets.redactTicket({ ticketId: ticket.ticketId }))).toMatchObject({ kind: 'permission_denied' });
  });

  it('INVALID_ARGUMENT: a field that cannot be erased, one named twice', async () => {
    const { tickets } = harness.callAs('admin');
    expect(await failureOf(tickets.redactTicket({ ticketId: ticket.ticketId, fields: ['status'] }))).toMatchObject({ reason: 'INVALID_FIELD' });
    expect(await failureOf(tickets.redactTicket({ ticketId: ticket.ticketId, fields: ['title', 'title'] }))).toMatchObject({ reason: 'INVALID_FIELD' });
  });
});
