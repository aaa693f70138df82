import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AgentService } from '../../../gen/ticketing/v1/agent_service_pb.ts';
import { GroupService } from '../../../gen/ticketing/v1/group_service_pb.ts';
import { OperationKind, OperationOutcome, OperationState } from '../../../gen/ticketing/v1/operation_pb.ts';
import { OperationService } from '../../../gen/ticketing/v1/operation_service_pb.ts';
import { Priority } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { detailsOf, failureOf } from '../../support/edge/clients.ts';
import { endOfImport, type ImportMessage, importMessages, PLAIN, type Settings, sendImport, sheet } from '../../support/imports.ts';
import { outcomeOf, type Service, startService } from '../../support/service.ts';
import { makeWorkbook } from '../../support/workbook.ts';

const { CHANGED, UNCHANGED, FAILED } = OperationOutcome;

let service: Service;
let admin: string;
let own: string;
let count = 0;

beforeAll(async () => {
  service = await startService();
  admin = await service.person('root', ['admin']);
  for (const [key, supervisor] of [
    ['ONE', 'sue'],
    ['TWO', 'tom'],
  ] as const)
    await service.call(GroupService.method.createGroup, { group: { key, name: `Team ${key}`, supervisorIds: [supervisor] } }, admin);
  const { groups } = await service.call(GroupService.method.listGroups, { filter: 'key == "ONE"' }, admin);
  await service.call(AgentService.method.createAgent, { agent: { agentId: 'ann', groupIds: [groups[0]?.groupId ?? ''] } }, admin);
  await service.call(AgentService.method.createAgent, { agent: { agentId: 'bob' } }, admin);
});
afterAll(() => service?.close());
beforeEach(() => {
  count += 1;
  own = `import-${count}`;
});

type How = Settings & { readonly more?: ImportMessage; readonly token?: string };
const send = (file: string | Uint8Array, { more = {}, token = admin, ...settings }: How = { source: own }) =>
  sendImport(service, importMessages({ source: own, mapping: PLAIN, ...settings } as Settings, file, more), token);
const preview = (file: string | Uint8Array, settings: Partial<Settings> = {}, token = admin) =>
  sendImport(service, importMessages({ source: own, ...settings } as Settings, file, { validateOnly: true }), token);
const imported = async (file: string | Uint8Array, how?: How) => endOfImport(service, await send(file, how), how?.token ?? admin);

const ticketsOf = (source = own) =>
  service.sql(
    `SELECT user_id::int AS user_id, key, title, priority, labels, attributes, agent_id, external_references -> 0 ->> 'id' AS reference FROM tickets
     WHERE external_references @> jsonb_build_array(jsonb_build_object('system', $1::text)) ORDER BY create_time, substring(key from '[0-9]+$')::int`,
    [source],
  );
const _leftovers = () => readdirSync(tmpdir()).filter((name) => name.startsWith('docket-import-'));
const staged = () => service.sql('SELECT operation_id FROM imports WHERE accept_time IS NULL');

describe('ImportTickets', () => {
  it('creates a ticket for each row, in the order of the file, and tells of each by its line', async () => {
    const { answer, operation, rows } = await imported(sheet('7,ONE,first', '8,Team ONE,second', '9,NONE,third', 'x,ONE,fourth', '7,ONE,fifth'), {
      source: own,
      more: { reason: 'the old system' },
    });
    expect(answer).toMatchObject({ columns: ['User ID', 'Group', 'Title'], rowCount: 5n, failedCount: 2n, faults: [] });
    expect(operation).toMatchObject({
      kind: OperationKind.IMPORT_TICKETS,
      state: OperationState.SUCCEEDED,
      actor: 'user:root',
      reason: 'the old system',
      totalCount: 5n,
      changedCount: 3n,
      failedCount: 2n,
    });
    expect(rows).toMatchObject([
      { outcome: CHANGED, line: 2n, field: '', reason: '' },
      { outcome: CHANGED, line: 3n },
      { outcome: FAILED, line: 4n, field: 'group', reason: 'GROUP_NOT_FOUND', ticketId: '' },
      { outcome: FAILED, line: 5n, field: 'user_id', reason: 'INVALID_FIELD', message: 'must be a whole number above 0', ticketId: '' },
      { outcome: CHANGED, line: 6n },
    ]);
    const tickets = await ticketsOf();
    expect(tickets).toMatchObject([
      { user_id: 7, title: 'first', reference: '7/ONE/1' },
      { user_id: 8, title: 'second', reference: '8/Team ONE/1' },
      { user_id: 7, title: 'fifth', reference: '7/ONE/2' },
    ]);
    const made = await service.sql(
      `SELECT entity_id FROM audit_entries WHERE entity_type = 'ticket' AND operation = 'CREATE' AND request_id = $1 AND actor = 'user:root' AND reason = 'the old system'
         AND rpc = 'ticketing.v1.FileService/ImportTickets' ORDER BY entry_id`,
      [operation.requestId],
    );
    expect(made.map((entry) => entry['entity_id'])).toEqual(rows.flatMap((row) => row.ticketId || []));
    // What became tickets is kept there alone.
    const kept = await service.sql<{ rows: string }>('SELECT rows FROM import_rows WHERE operation_id = $1', [operation.operationId]);
    expect(kept[0]?.rows).not.toMatch(/first|second|fifth/);
    expect(kept[0]?.rows).toMatch(/third.*fourth/);
  });

  it('knows the rows again: under the same source they are there already, under another they are new', async () => {
    const file = sheet('7,ONE,a', '7,ONE,b');
    const first = await imported(file);
    const again = await imported(file);
    expect(again.rows.map(({ outcome, ticketId }) => [outcome, ticketId])).toEqual(first.rows.map(({ ticketId }) => [UNCHANGED, ticketId]));
    expect(again.rows[0]).toMatchObject({ reason: 'EXTERNAL_REFERENCE_TAKEN' });
    expect((await imported(file, { source: `${own} again` })).operation).toMatchObject({ changedCount: 2n });
    const unique = await imported(sheet('7,ONE,c', '77,ONE,d', '77,ONE,e'), { source: `${own} unique`, uniquePerUser: true });
    expect(unique.rows.map(({ outcome }) => outcome)).toEqual([UNCHANGED, CHANGED, UNCHANGED]);
    expect(unique.rows[2]?.ticketId).toBe(unique.rows[1]?.ticketId);
  });

  it('guesses with validate_only what the columns mean, and takes the guess when it is sent back', async () => {
    const text = 'Number,Customer,Team,Prio,Summary,Colour\nA-1,7,ONE,high,broken,red\nA-2,8,ONE,nonsense,late,\n';
    const before = await service.checksums();
    const { mapping, ...guess } = await preview(text);
    expect(guess).toMatchObject({
      operationId: '',
      columns: ['Number', 'Customer', 'Team', 'Prio', 'Summary', 'Colour'],
      rowCount: 2n,
      failedCount: 1n,
      faults: [{ line: 3n, field: 'priority', value: 'nonsense', reason: 'INVALID_FIELD', message: expect.stringContaining('LOW, MEDIUM, HIGH or URGENT') }],
    });
    expect(mapping).toMatchObject({
      userId: { column: 'Customer' },
      group: { column: 'Team' },
      priority: { column: 'Prio' },
      title: { column: 'Summary' },
      keyColumns: ['Number'],
      attributes: [
        { name: 'Number', column: 'Number' },
        { name: 'Colour', column: 'Colour' },
      ],
    });
    expect(await service.checksums()).toEqual(before);
    if (!mapping) throw new Error('nothing was guessed');
    const { answer } = await imported(text, { source: own, mapping });
    expect(answer.mapping).toEqual(mapping);
    expect(await ticketsOf()).toMatchObject([
      { user_id: 7, priority: Priority.HIGH, title: 'broken', attributes: { Number: 'A-1', Colour: 'red' }, reference: 'A-1/1' },
    ]);
  });

  it('guesses as much as a mapping may say, whatever the columns are called', async () => {
    const others = ['__proto__', 'constructor', ...Array.from({ length: 300 }, (_, at) => `c${at}`)];
    const text = `User ID,Group,${others.join(',')}\n7,ONE,${others.map((_, at) => at).join(',')}\n`;
    const { mapping, failedCount } = await preview(text);
    expect([mapping?.attributes.length, failedCount]).toEqual([256, 0n]);
    if (!mapping) throw new Error('nothing was guessed');
    expect((await imported(text, { source: own, mapping })).operation).toMatchObject({ changedCount: 1n });
    const [ticket] = await ticketsOf();
    expect(Object.entries(ticket?.['attributes'] as object)).toHaveLength(256);
    expect(JSON.stringify(ticket?.['attributes'])).toContain('"__proto__":"0"');
  });

  it('tells at most a hundred faults beforehand, and what is missing where nothing could be guessed', async () => {
    const { faults, failedCount, mapping } = await preview(`a,b\n${'1,2\n'.repeat(150)}`);
    expect(failedCount).toBe(150n);
    expect(faults).toHaveLength(100);
    expect(faults[0]).toMatchObject({ line: 2n, field: 'key' });
    expect(faults.slice(0, 3).map(({ field }) => field)).toEqual(['key', 'group', 'user_id']);
    expect([mapping?.userId, mapping?.group]).toEqual([undefined, undefined]);
  });

  it('gives the same operation again under the same request id, however the file is cut', async () => {
    const [requestId, file] = [randomUUID(), sheet('7,ONE,once')];
    const how = (pieceBytes: number) => importMessages({ source: own, mapping: PLAIN }, file, { requestId }, pieceBytes);
    const first = await sendImport(service, how(1_000), admin);
    expect(await sendImport(service, how(7), admin)).toEqual(first);
    expect(await sendImport(service, [{ settings: { source: own, mapping: PLAIN }, chunk: Buffer.from(file), requestId }], admin)).toEqual(first);
    expect(await outcomeOf(send(sheet('8,ONE,other'), { source: own, more: { requestId } }))).toBe('REQUEST_ID_REUSED');
    expect(await outcomeOf(send(file, { source: own, fileName: 'x', more: { requestId } }))).toBe('REQUEST_ID_REUSED');
    await endOfImport(service, first, admin);
    expect(await ticketsOf()).toHaveLength(1);
    expect(await staged()).toEqual([]);
  });

  it('imports into groups that the caller supervises only, and tells of others as if they were not there', async () => {
    const token = await service.person('sue', ['supervisor']);
    const { rows, answer } = await imported(sheet('7,ONE,his', '7,TWO,not his'), { source: own, token });
    expect(rows).toMatchObject([{ outcome: CHANGED }, { outcome: FAILED, field: 'group', reason: 'GROUP_NOT_FOUND' }]);
    const ann = await service.person('ann', ['agent', 'supervisor']);
    const hers = await imported(sheet('7,ONE,hers'), { source: `${own} hers`, token: ann });
    expect(hers.rows).toMatchObject([{ outcome: FAILED, field: 'group', reason: 'PERMISSION_DENIED' }]);
    const { operationId } = answer;
    const tom = await service.person('tom', ['supervisor']);
    for (const method of ['getOperation', 'listOperationTickets', 'cancelOperation'] as const)
      expect(await outcomeOf(service.call(OperationService.method[method] as typeof OperationService.method.getOperation, { operationId }, tom))).toBe(
        'OPERATION_NOT_FOUND',
      );
  });
});

describe('ImportTickets refuses', () => {
  const refused = async (call: Promise<unknown>): Promise<string> => {
    const { reason, violations } = detailsOf(await failureOf(call));
    return `${reason} ${violations.map(({ field, description }) => `${field}: ${description}`).join('; ')}`;
  };
  const stream = (...messages: ImportMessage[]) => refused(sendImport(service, messages, admin));

  it('INVALID_ARGUMENT: settings that are missing, late, given twice or without a mapping', async () => {
    const settings = { source: own, mapping: PLAIN };
    expect(await stream()).toContain('settings: must be in the first message');
    expect(await stream({ chunk: Buffer.from(sheet('7,ONE,a')) }, { settings })).toContain('settings: must be in the first message');
    expect(await stream({ settings }, { settings })).toContain('settings: must be in the first message only');
    expect(await stream({ settings }, { chunk: Buffer.from(sheet('7,ONE,a')), validateOnly: true })).toContain(
      'validate_only: must be in the first message only',
    );
    expect(await stream({ settings }, { requestId: randomUUID() })).toContain('request_id: must be in the first message only');
    expect(await stream({ settings }, { reason: 'late' })).toContain('reason: must be in the first message only');
    expect(await stream({ settings: { source: own } })).toMatch(/^MAPPING_REQUIRED settings\.mapping/);
    expect(await stream({ settings: { source: own, mapping: { group: { column: 'Group' } } } })).toContain('settings.mapping.user_id: must be given');
    expect(await stream({ settings: { ...settings, source: '' } })).toContain('settings.source');
    expect(await stream({ settings, chunk: new Uint8Array(1_048_577) })).toContain('chunk');
  });

  it('INVALID_ARGUMENT: a mapping that cannot be meant', async () => {
    const mapped = (mapping: Settings['mapping']) =>
      refused(send(sheet('7,ONE,a'), { source: own, mapping: { ...PLAIN, ...mapping } as NonNullable<typeof mapping> }));
    expect(await mapped({ title: { column: 'Nowhere' } })).toMatch(/^FILE_UNREADABLE settings\.mapping: the file has no column "Nowhere"; it has "User ID"/);
    expect(await mapped({ title: { column: 'Title', match: '(' } })).toContain('settings.mapping.title.match: is no regular expression of RE2');
    expect(await mapped({ title: { column: 'Title', match: 'a{600}b{600}' } })).toContain('settings.mapping.title.match: repeats too much');
    expect(await mapped({ title: {} })).toContain('must have a column or a default_text');
    expect(await mapped({ title: { column: 'Title', value: '$1' } })).toContain('no match that it is made from');
    expect(await mapped({ title: { column: 'Title', texts: [{ text: 'a' }, { text: 'a' }] } })).toContain(
      'settings.mapping.title.texts: must not name "a" twice',
    );
    expect(
      await mapped({
        attributes: [
          { name: 'a', column: 'Title' },
          { name: 'a', column: 'Group' },
        ],
      }),
    ).toContain('settings.mapping.attributes: must not name "a" twice');
  });

  it('INVALID_ARGUMENT: a file that cannot be read, and says what to mend', async () => {
    const unreadable = (file: string | Uint8Array, settings: Partial<Settings> = {}) =>
      refused(send(file, { source: own, fileName: 'mine.csv', ...settings } as How));
    expect(await unreadable('')).toBe('FILE_UNREADABLE chunk: mine.csv is empty');
    expect(await unreadable('a,a\n')).toContain('chunk: mine.csv has two columns named "a"');
    expect(await unreadable(Buffer.from('Größe\n', 'latin1'))).toContain('settings.encoding: mine.csv is not utf-8 text');
    expect(await unreadable(sheet(), { encoding: 'klingon' })).toContain('settings.encoding: "klingon" is no encoding');
    expect(await unreadable(await makeWorkbook({ sheet: '' }), { sheet: 'Nobody' })).toContain('settings.sheet: mine.csv has no sheet "Nobody"');
    expect(await unreadable(gzipSync(sheet('7,ONE,a')).subarray(0, 30))).toContain('chunk: mine.csv is damaged');
    expect(await unreadable(sheet('7,ONE,"open'))).toContain('a quotation mark is opened there and never closed');
    expect(await unreadable(sheet(`7,ONE,${'x'.repeat(100_001)}`))).toContain('chunk: the row at line 2 has more than 100,000 characters');
    expect(await unreadable(`${Array.from({ length: 1_001 }, (_, at) => `c${at}`).join(',')}\n`)).toContain('more than 1,000 columns');
  });

  it('INVALID_ARGUMENT: a file of more than 64 MiB', async () => {
    expect(
      await refused(sendImport(service, importMessages({ source: own, mapping: PLAIN }, Buffer.alloc(64 * 1024 * 1024 + 1, 'x'), {}, 1_000_000), admin)),
    ).toBe('FILE_UNREADABLE chunk: the file has more than 64 MiB; split it');
  });

  it('PERMISSION_DENIED: agents and auditors', async () => {
    for (const role of ['agent', 'auditor'] as const)
      expect(await outcomeOf(preview(sheet('7,ONE,a'), {}, await service.person(role, [role])))).toBe('PERMISSION_DENIED');
  });
});
