import { create, type DescMessage, fromJsonString, type MessageInitShape } from '@bufbuild/protobuf';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuditEntrySchema, AuditOperation } from '../../../gen/ticketing/v1/audit_entry_pb.ts';
import { type ExportListRequestSchema, FileFormat, FileService } from '../../../gen/ticketing/v1/file_service_pb.ts';
import { HistoryService, VersionSchema } from '../../../gen/ticketing/v1/history_service_pb.ts';
import { OperationOutcome, OperationSchema, OperationState } from '../../../gen/ticketing/v1/operation_pb.ts';
import { type Ticket, TicketSchema } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { ListTicketsRequestSchema, TicketService } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import { withoutGuard } from '../../../src/foundation/files/formula.ts';
import { makeDice } from '../../support/dice.ts';
import { detailsOf, readGrpc } from '../../support/edge/clients.ts';
import { type Export, readCut, readWhole, sheetOf } from '../../support/file-reading.ts';
import { hostileValues } from '../../support/formulas.ts';
import { insertOperation } from '../../support/operations.ts';
import { type Clients, failureOf, insertAgent, insertGroup, insertTickets, type Reading, startReading } from '../../support/reading.ts';
import { type Service, startService } from '../../support/service.ts';
import { makeTwoTeams, type TwoTeams } from '../../support/two-teams.ts';

type Request = MessageInitShape<typeof ExportListRequestSchema>;
const TICKETS = { case: 'tickets', value: {} } as const;
const NOBODY = '01a20512-7ed2-7b33-a3a4-3d3b3ab3a5f1';
const FORMS = [FileFormat.CSV, FileFormat.XLSX, FileFormat.NDJSON] as const;

describe('ExportList', () => {
  let reading: Reading;
  let kyc: string;
  let risk: string;
  beforeAll(async () => {
    reading = await startReading();
    kyc = await insertGroup(reading, 'KYC', { supervisorIds: ['lead'] });
    risk = await insertGroup(reading, 'RISK');
    await insertAgent(reading, 'ada', [kyc]);
    await insertAgent(reading, 'bob', [kyc, risk]);
    await insertTickets(
      reading,
      Array.from({ length: 1_600 }, (_, at) => ({
        key: `T-${at}`,
        groupId: at % 3 === 0 ? risk : kyc,
        userId: at === 5 ? '9007199254740993' : at + 1,
        title: hostileValues[at]?.slice(0, 200) ?? `Ticket ${at}`,
        description: at % 40 === 0 ? 'ä'.repeat(9_000) : '',
        priority: (at % 4) + 1,
        labels: at % 2 ? ['late', 'a, b'] : ['late', 'vip'],
        attributes: { 'a "b"': [1, { c: '=1+1' }] },
      })),
    );
  });
  afterAll(() => reading.close());

  const start =
    (request: Request, who: Clients = reading.as('admin')): Export =>
    (resumeToken, signal) =>
      who.files.exportList({ ...request, resumeToken } as Request, { signal });
  const textOf = async (request: Request, who?: Clients) => (await readWhole(start(request, who))).bytes.toString();
  const rowsOf = (text: string) => parse(text, { columns: true, relax_column_count: false }) as Record<string, string>[];
  const ticketsIn = (text: string): Ticket[] =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => fromJsonString(TicketSchema, line));

  async function listed(request: MessageInitShape<typeof ListTicketsRequestSchema>, who: Clients = reading.as('admin')): Promise<Ticket[]> {
    const tickets: Ticket[] = [];
    for (let pageToken = ''; ; ) {
      const page = await who.tickets.listTickets({ ...request, pageToken, pageSize: 1000 });
      tickets.push(...page.tickets);
      pageToken = page.nextPageToken;
      if (pageToken === '') return tickets;
    }
  }

  it('gives as NDJSON the very tickets of the list, in its order', async () => {
    const value = create(ListTicketsRequestSchema, { groupId: kyc, statuses: [1], filter: 'priority > LOW', orderBy: 'priority desc' });
    const expected = await listed(value);
    expect(expected.length).toBeGreaterThan(700);
    expect(ticketsIn(await textOf({ list: { case: 'tickets', value }, format: FileFormat.NDJSON }))).toEqual(expected);
  });

  it('shows each caller what he may see', async () => {
    const seen = async (who: Clients) => new Set(ticketsIn(await textOf({ list: TICKETS, format: FileFormat.NDJSON }, who)).map(({ groupId }) => groupId));
    expect(await seen(reading.as('supervisor', 'lead'))).toEqual(new Set([kyc]));
    expect(await seen(reading.as('agent', 'bob'))).toEqual(new Set([kyc, risk]));
    expect(await seen(reading.as('supervisor', 'nobody'))).toEqual(new Set());
  });

  it('gives CSV whose values are those of the tickets once the guard is off', async () => {
    const text = await textOf({ list: TICKETS });
    expect(text.startsWith('"ticket_id","key","group_id","user_id",')).toBe(true);
    const rows = rowsOf(text);
    const tickets = await listed({});
    expect(rows).toHaveLength(tickets.length);
    for (const [at, ticket] of tickets.entries()) {
      const row = rows[at] ?? {};
      expect(withoutGuard(row['title'] ?? '')).toBe(ticket.title);
      expect(row).toMatchObject({ key: ticket.key, user_id: String(ticket.userId), priority: ['', 'LOW', 'MEDIUM', 'HIGH', 'URGENT'][ticket.priority] });
      expect(JSON.parse(row['attributes'] ?? '')).toEqual(ticket.attributes);
      expect(row['labels']).toBe(ticket.labels.includes('vip') ? 'late, vip' : '["late","a, b"]');
      for (const value of Object.values(row)) expect(value).not.toMatch(/^\s*[=+\-@＝＋－＠]|^[\t\r\n]/);
    }
  });

  it.each(FORMS)('is cut at random places and resumed: the joined bytes are those of one go (form %s)', async (format) => {
    const export_ = start({ list: TICKETS, format });
    const whole = await readWhole(export_);
    expect(whole.pieces).toBeGreaterThan(5);
    let cuts = 0;
    for (let seed = 1; seed <= 4; seed += 1) {
      const cut = await readCut(export_, makeDice(seed));
      expect(cut.bytes.equals(whole.bytes)).toBe(true);
      cuts += cut.cuts;
    }
    expect(cuts).toBeGreaterThan(4);
  });

  it('gives a workbook that is a sound archive, without a formula', async () => {
    const { bytes } = await readWhole(start({ list: TICKETS, format: FileFormat.XLSX }));
    const sheet = sheetOf(bytes);
    expect(sheet.match(/<row /g)).toHaveLength(1_601);
    expect(sheet).not.toMatch(/<f[ >]/);
    expect(sheet).toContain('t="inlineStr"><is><t xml:space="preserve">9007199254740993</t>');
    // 1 January 2026 is day 46023 of sheets.
    expect(sheet).toMatch(/s="2"><v>46023<\/v>/);
  });

  it('gives an empty list as its heading', async () => {
    const none = { case: 'tickets', value: { filter: 'key == "none"' } } as const;
    expect(rowsOf(await textOf({ list: none }))).toEqual([]);
    expect(await textOf({ list: none, format: FileFormat.NDJSON })).toBe('');
    expect(sheetOf((await readWhole(start({ list: none, format: FileFormat.XLSX }))).bytes).match(/<row /g)).toHaveLength(1);
  });

  it('FAILED_PRECONDITION: a value is too long for a cell', async () => {
    const wide = await insertGroup(reading, 'WIDE');
    await insertTickets(reading, [{ key: 'W-1', groupId: wide, attributes: { long: 'x'.repeat(33_000) } }]);
    const list = { case: 'tickets', value: { groupId: wide } } as const;
    const told = await failureOf(textOf({ list, format: FileFormat.XLSX }));
    expect(told).toMatchObject({ status: 'FAILED_PRECONDITION', reason: 'EXPORT_DOES_NOT_FIT', facts: { limit: 'cell', column: 'attributes', row: '2' } });
    expect(rowsOf(await textOf({ list }))).toHaveLength(1);
    await reading.sql('DELETE FROM tickets WHERE group_id = $1', [wide]);
  });

  it('FAILED_PRECONDITION: a workbook has no more rows', async () => {
    const token = await firstTokenOf({ list: TICKETS, format: FileFormat.XLSX });
    const [form, name, , ...rest] = token.split('.');
    const full = [form, name, '1048570', ...rest].join('.');
    expect(await failureOf(firstTokenOf({ list: TICKETS, format: FileFormat.XLSX, resumeToken: full }))).toMatchObject({
      reason: 'EXPORT_DOES_NOT_FIT',
      facts: { limit: 'rows' },
    });
  });

  async function firstTokenOf(request: Request, who: Clients = reading.as('admin')): Promise<string> {
    const stop = new AbortController();
    let token = '';
    try {
      for await (const piece of who.files.exportList(request, { signal: stop.signal })) {
        token ||= piece.resumeToken;
        stop.abort();
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
    return token;
  }

  it('INVALID_ARGUMENT: a token of another list, order, form or caller, or of nobody', async () => {
    const resumeToken = await firstTokenOf({ list: TICKETS });
    const refused = { status: 'INVALID_ARGUMENT', reason: 'PAGE_TOKEN_INVALID', fields: ['resume_token'] };
    const others: Request[] = [
      { list: { case: 'tickets', value: { orderBy: 'priority' } }, resumeToken },
      { list: { case: 'tickets', value: { groupId: kyc } }, resumeToken },
      { list: { case: 'agents', value: {} }, resumeToken },
      { list: TICKETS, format: FileFormat.NDJSON, resumeToken },
      { list: TICKETS, format: FileFormat.XLSX, resumeToken: `xlsx.tickets.1.2.3.${resumeToken.split('.').at(-1)}` },
      { list: TICKETS, resumeToken: `${resumeToken.slice(0, -2)}AA` },
      { list: TICKETS, resumeToken: 'csv.tickets.' },
      { list: TICKETS, resumeToken: 'csv' },
    ];
    for (const request of others) expect(await failureOf(firstTokenOf(request)), JSON.stringify(request)).toMatchObject(refused);
    expect(await failureOf(firstTokenOf({ list: TICKETS, resumeToken }, reading.as('auditor')))).toMatchObject(refused);
  });

  it('INVALID_ARGUMENT: no list, a page of one, a form that does not exist, a bad filter', async () => {
    expect(await failureOf(textOf({}))).toMatchObject({ reason: 'INVALID_FIELD' });
    expect(await failureOf(textOf({ list: { case: 'tickets', value: { pageSize: 5 } } }))).toMatchObject({ fields: ['tickets'] });
    expect(await failureOf(textOf({ list: TICKETS, format: 9 as FileFormat }))).toMatchObject({ fields: ['format'] });
    expect(await failureOf(textOf({ list: { case: 'tickets', value: { filter: 'nonsense' } } }))).toMatchObject({ reason: 'FILTER_INVALID' });
  });
});

describe('ExportList over gRPC', () => {
  let service: Service;
  let teams: TwoTeams;
  beforeAll(async () => {
    service = await startService();
    teams = await makeTwoTeams(service);
  });
  afterAll(() => service.close());

  const columnOf = async (column: string, list: Request['list'], token = teams.admin) => {
    const pieces = await readGrpc(service.channel, FileService.method.exportList, { list } as Request, { token });
    const text = Buffer.concat(pieces.map(({ chunk }) => chunk)).toString();
    return (parse(text, { columns: true }) as Record<string, string>[]).map((row) => row[column]);
  };

  const ndjsonOf = async <Schema extends DescMessage>(schema: Schema, list: Request['list']) => {
    const pieces = await readGrpc(service.channel, FileService.method.exportList, { list, format: FileFormat.NDJSON } as Request, { token: teams.admin });
    const lines = Buffer.concat(pieces.map(({ chunk }) => chunk))
      .toString()
      .split('\n');
    return lines.slice(0, -1).map((line) => fromJsonString(schema, line));
  };

  it('gives agents, groups and members of a group', async () => {
    expect(await columnOf('agent_id', { case: 'agents', value: {} })).toEqual(['amy', 'ann', 'bea', 'cara']);
    expect(await columnOf('availability', { case: 'agents', value: { filter: 'agent_id == "amy"' } })).toEqual(['AVAILABLE']);
    expect(await columnOf('key', { case: 'groups', value: { orderBy: 'key desc' } })).toEqual(['TWO', 'ONE']);
    expect(await columnOf('agent_id', { case: 'groupMembers', value: { groupId: teams.two.groupId } })).toEqual(['bea', 'cara']);
  });

  it("gives a ticket's changes and what it and others were, as their own lists tell of them", async () => {
    const { ticketId, key } = teams.hers;
    await service.call(TicketService.method.updateTicket, { ticket: { ticketId, title: '=1+1' } }, teams.admin);
    const history = await ndjsonOf(AuditEntrySchema, { case: 'ticketHistory', value: { ticketId: key } });
    expect(history).toEqual((await service.call(TicketService.method.listTicketHistory, { ticketId }, teams.admin)).auditEntries);
    expect(history.map(({ operation }) => operation)).toEqual([AuditOperation.UPDATE, AuditOperation.CREATE]);
    for (const [entityType, entityId] of [
      ['ticket', key],
      ['agent', 'ann'],
      ['group', teams.one.groupId],
    ] as const) {
      const versions = await ndjsonOf(VersionSchema, { case: 'versions', value: { entityType, entityId } });
      expect(versions).toEqual((await service.call(HistoryService.method.listVersions, { entityType, entityId }, teams.admin)).versions);
      expect(versions.at(-1)?.version, entityType).toBe(1n);
    }
    expect(await columnOf('summary', { case: 'versions', value: { entityType: 'ticket', entityId: key } })).toEqual(['title: hers → =1+1', '']);
  });

  it('gives operations and what became of their tickets; of many operations the rest after a token', async () => {
    const operationIds = new Set<string>();
    for (let count = 0; count < 300; count += 1) operationIds.add(await insertOperation(service.sql, 'root', teams.hers.ticketId));
    const operations: Request['list'] = { case: 'operations', value: { states: [OperationState.RUNNING] } };
    const all = await ndjsonOf(OperationSchema, operations);
    expect(new Set(all.map(({ operationId }) => operationId))).toEqual(operationIds);
    const pieces = await readGrpc(service.channel, FileService.method.exportList, { list: operations }, { token: teams.admin });
    expect(pieces.length).toBeGreaterThan(1);
    const rest = await readGrpc(
      service.channel,
      FileService.method.exportList,
      { list: operations, resumeToken: pieces[0]?.resumeToken ?? '' },
      { token: teams.admin },
    );
    expect(rest).toEqual(pieces.slice(1));
    expect(await columnOf('operation_id', { case: 'operations', value: { states: [OperationState.FAILED] } })).toEqual([]);
    const [operationId = ''] = operationIds;
    expect(await columnOf('outcome', { case: 'operationTickets', value: { operationId } })).toEqual(['PENDING']);
    expect(await columnOf('outcome', { case: 'operationTickets', value: { operationId, outcomes: [OperationOutcome.FAILED] } })).toEqual([]);
    // They are the administrator's own.
    expect(await columnOf('operation_id', { case: 'operations', value: {} }, teams.tom)).toEqual([]);
  });

  it('NOT_FOUND: a ticket, its versions or an operation that the caller may not see', async () => {
    const operationId = await insertOperation(service.sql, 'root', teams.hers.ticketId);
    const ticketId = teams.hers.key;
    const refused: [Request['list'], string][] = [
      [{ case: 'ticketHistory', value: { ticketId } }, 'TICKET_NOT_FOUND'],
      [{ case: 'versions', value: { entityType: 'ticket', entityId: ticketId } }, 'TICKET_NOT_FOUND'],
      [{ case: 'operationTickets', value: { operationId } }, 'OPERATION_NOT_FOUND'],
    ];
    for (const [list, reason] of refused) {
      const error = await columnOf('reason', list, teams.tom).catch((thrown: unknown) => thrown);
      expect(detailsOf(error).reason, list?.case).toBe(reason);
    }
  });

  it.each<[field: string, list: Request['list']]>([
    ['ticket_history', { case: 'ticketHistory', value: { ticketId: 'T-1', pageSize: 5 } }],
    ['versions', { case: 'versions', value: { entityType: 'ticket', entityId: 'T-1', pageToken: 'x' } }],
    ['operations', { case: 'operations', value: { pageSize: 5 } }],
    ['operation_tickets', { case: 'operationTickets', value: { operationId: NOBODY, pageToken: 'x' } }],
  ])('INVALID_ARGUMENT: a page of a list (%s)', async (field, list) => {
    const error = await columnOf('reason', list).catch((thrown: unknown) => thrown);
    expect(detailsOf(error).violations.map((violation) => violation.field)).toEqual([field]);
  });

  it('shows a supervisor his groups and their agents', async () => {
    expect(await columnOf('key', { case: 'groups', value: {} }, teams.tom)).toEqual(['TWO']);
    expect(await columnOf('agent_id', { case: 'agents', value: {} }, teams.tom)).toEqual(['bea', 'cara']);
  });

  it('NOT_FOUND: a group that the caller may not see', async () => {
    const error = await columnOf('agent_id', { case: 'groupMembers', value: { groupId: teams.one.groupId } }, teams.tom).catch((thrown: unknown) => thrown);
    expect(detailsOf(error).reason).toBe('GROUP_NOT_FOUND');
  });
});
