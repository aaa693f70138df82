import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { OperationOutcome, OperationState } from '../../gen/ticketing/v1/operation_pb.ts';
import { OperationService } from '../../gen/ticketing/v1/operation_service_pb.ts';
import { Priority } from '../../gen/ticketing/v1/ticket_pb.ts';
import { createDocketClient } from '../../src/client/index.ts';
import { checkDatabase } from '../../src/edge/cli/check-invariants.ts';
import { detailsOf, failureOf } from '../support/edge/clients.ts';
import { hostileTexts } from '../support/hostile.ts';
import { endOfImport, type ImportMessage, importMessages, PLAIN, type Settings, sendImport, sheet } from '../support/imports.ts';
import { outcomeOf, type Service, startService } from '../support/service.ts';
import { makeWorkbook } from '../support/workbook.ts';

const { CHANGED, FAILED } = OperationOutcome;

let service: Service;
let admin: string;
let own: string;
let uploads: string;
let count = 0;

beforeAll(async () => {
  // Uploads of this service alone.
  uploads = await mkdtemp(join(tmpdir(), 'docket-uploads-'));
  vi.stubEnv('TMPDIR', uploads);
  service = await startService();
  admin = await service.person('root', ['admin']);
  const { group } = await service.call(GroupService.method.createGroup, { group: { key: 'ONE' } }, admin);
  await service.call(AgentService.method.createAgent, { agent: { agentId: 'ann', groupIds: [group?.groupId ?? ''] } }, admin);
  await service.call(AgentService.method.createAgent, { agent: { agentId: 'bob' } }, admin);
});
afterAll(async () => {
  await service?.close();
  vi.unstubAllEnvs();
  await rm(uploads, { recursive: true });
});
beforeEach(() => {
  count += 1;
  own = `import-${count}`;
});

type How = Settings & { readonly more?: ImportMessage };
const send = (file: string | Uint8Array, { more = {}, ...settings }: How = { source: own }) =>
  sendImport(service, importMessages({ source: own, mapping: PLAIN, ...settings } as Settings, file, more), admin);
const imported = async (file: string | Uint8Array, how?: How) => endOfImport(service, await send(file, how), admin);

const ticketsOf = (source = own) =>
  service.sql(
    `SELECT user_id::int AS user_id, title, priority, labels, attributes, agent_id FROM tickets
     WHERE external_references @> jsonb_build_array(jsonb_build_object('system', $1::text)) ORDER BY create_time, substring(key from '[0-9]+$')::int`,
    [source],
  );
const leftovers = () => readdirSync(uploads).filter((name) => name.startsWith('docket-import-'));
const staged = () => service.sql('SELECT operation_id FROM imports WHERE accept_time IS NULL');

it('an import makes values by patterns, tables of texts and defaults', async () => {
  const mapping = {
    userId: { column: 'who', match: '^Caller (\\d+)$' },
    group: { defaultText: 'ONE' },
    priority: {
      column: 'how',
      texts: [
        { text: '1 - top', meaning: 'URGENT' },
        { text: '3', meaning: 'LOW' },
      ],
      defaultText: 'HIGH',
    },
    title: { column: 'who', match: '^(\\w+) (\\d+)$', value: '$2 of $1' },
    labels: { column: 'tags' },
    agentId: { column: 'agent' },
    keyColumns: ['who'],
    unknownTexts: ['?'],
    attributes: [{ name: 'colour', column: 'Colour' }],
  };
  const file = 'who;how;tags;agent;Colour\nCaller 7;1 - top;"a, b";ann;red\nCaller 8;?;;;?\nRobot 9;9;;;\nCaller 10;;;bob;\nCaller 11;;;nobody;\n';
  const { rows } = await imported(file, { source: own, mapping });
  expect(await ticketsOf()).toMatchObject([
    { user_id: 7, priority: Priority.URGENT, title: '7 of Caller', labels: ['a', 'b'], agent_id: 'ann', attributes: { colour: 'red' } },
    { user_id: 8, priority: Priority.HIGH, attributes: {} },
  ]);
  expect(rows.slice(2)).toMatchObject([
    { field: 'user_id', message: 'does not match ^Caller (\\d+)$; priority: is none of the values that the mapping names' },
    { field: 'agent_id', reason: 'AGENT_NOT_IN_GROUP' },
    { field: 'agent_id', reason: 'AGENT_NOT_FOUND' },
  ]);
});

it('an import takes gzipped files, workbooks, other encodings and delimiters', async () => {
  expect((await imported(gzipSync(sheet('7,ONE,zipped')))).operation).toMatchObject({ changedCount: 1n });
  const cells = (...texts: string[]) => texts.map((text) => `<c t="inlineStr"><is><t>${text}</t></is></c>`).join('');
  const workbook = await makeWorkbook({
    sheet: `<row r="1">${cells('User ID', 'Group', 'Title')}</row><row r="4">${cells('7', 'ONE', 'half _xD800_')}</row>`,
  });
  const { rows } = await imported(workbook, { source: `${own} book`, sheet: 'People', fileName: 'book.xlsx' });
  expect(rows).toMatchObject([{ outcome: CHANGED, line: 4n }]);
  expect(await ticketsOf(`${own} book`)).toMatchObject([{ title: 'half \uFFFD' }]);
  const latin = Buffer.from('User ID|Group|Title\n7|ONE|Größe\n', 'latin1');
  await imported(latin, { source: `${own} latin`, encoding: 'windows-1252', delimiter: '|' });
  expect(await ticketsOf(`${own} latin`)).toMatchObject([{ title: 'Größe' }]);
});

it.each(['grpc', 'connect'] as const)('an import is taken from the client of the package, over %s', async (protocol) => {
  const docket = createDocketClient({ baseUrl: service.url, protocol, token: admin.replace('Bearer ', '') });
  async function* messages(): AsyncGenerator<ImportMessage> {
    yield* importMessages({ source: own, mapping: PLAIN }, sheet('7,ONE,by the client'), {}, 10);
  }
  const answer = await docket.files.importTickets(messages());
  expect((await endOfImport(service, answer, admin)).operation).toMatchObject({ changedCount: 1n });
  docket.close();
});

it('an import goes as the example of the guide has it', async () => {
  const guide = await readFile(join(import.meta.dirname, '../../docs/files.md'), 'utf8');
  const example = /```js\n([\s\S]+?)```/.exec(guide)?.[1] ?? '';
  const folder = await mkdtemp(join(tmpdir(), 'docket-guide-'));
  const client = pathToFileURL(join(import.meta.dirname, '../../src/client/index.ts')).href;
  await writeFile(join(folder, 'example.mjs'), example.replace("'docket-client'", `'${client}'`).replace('http://127.0.0.1:50051', service.url));
  await writeFile(join(folder, 'people.csv'), sheet('7,ONE,a', 'x,ONE,b'));
  const { stdout } = await promisify(execFile)(process.execPath, ['example.mjs'], {
    cwd: folder,
    env: { ...process.env, TOKEN: admin.replace('Bearer ', '') },
  });
  await rm(folder, { recursive: true });
  expect(stdout).toContain("column: 'User ID'");
  expect(stdout).toContain('1n created 1n failed');
});

it('an import creates thousands of tickets chunk by chunk, and can be stopped', async () => {
  const { operation, rows } = await imported(sheet(...Array.from({ length: 1_100 }, (_, at) => `${at + 1},ONE,${at}`)));
  expect(operation).toMatchObject({ changedCount: 1_100n, state: OperationState.SUCCEEDED });
  expect(rows.map(({ line }) => line)).toEqual(Array.from({ length: 1_000 }, (_, at) => BigInt(at + 2)));
  const titles = (await ticketsOf()).map((ticket) => Number(ticket['title']));
  expect(titles).toEqual(Array.from({ length: 1_100 }, (_, at) => at));
  const { operationId } = await send(sheet(...Array.from({ length: 5_000 }, (_, at) => `${at + 1},ONE,${at}`)), { source: `${own} stopped` });
  expect(await outcomeOf(service.call(OperationService.method.cancelOperation, { operationId }, admin))).toBe('ok');
  const { operation: stopped } = await service.call(OperationService.method.getOperation, { operationId }, admin);
  expect(stopped?.state).toBe(OperationState.CANCELLED);
  expect(await ticketsOf(`${own} stopped`)).toHaveLength(Number(stopped?.changedCount));
});

it('an import keeps nothing of what was refused or cancelled, neither rows nor files', async () => {
  const stop = new AbortController();
  const begun = Promise.withResolvers<void>();
  async function* endless(): AsyncGenerator<ImportMessage> {
    yield* importMessages({ source: own, mapping: PLAIN }, sheet('7,ONE,never'));
    begun.resolve();
    await new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }));
  }
  const cancelled = failureOf(sendImport(service, endless(), admin, stop.signal));
  await begun.promise;
  await vi.waitFor(() => expect(leftovers()).toHaveLength(1), 5_000);
  stop.abort();
  expect(await cancelled).toMatchObject({ code: 1 });
  // Rows are set down, then the file breaks off.
  const broken = `${sheet(...Array.from({ length: 700 }, (_, at) => `${at + 1},ONE,x`))}9,ONE,"open`;
  expect(await outcomeOf(send(broken))).toBe('FILE_UNREADABLE');
  await vi.waitFor(async () => expect([leftovers(), await staged(), await ticketsOf()]).toEqual([[], [], []]), 5_000);
});

it('an import is asked to come later while a process takes sixteen others, or eight of the same caller', async () => {
  const stop = new AbortController();
  const waiting = new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }));
  async function* endless(): AsyncGenerator<ImportMessage> {
    yield* importMessages({ source: own, mapping: PLAIN }, sheet('7,ONE,never'));
    await waiting;
  }
  const others: Promise<unknown>[] = [];
  const sendEight = async (token: string): Promise<void> => {
    for (let at = 0; at < 8; at++) others.push(failureOf(sendImport(service, endless(), token, stop.signal)));
    await vi.waitFor(() => expect(leftovers()).toHaveLength(others.length), 10_000);
  };
  const refused = async (token: string): Promise<unknown> => {
    const { reason, retryDelayMs, facts } = detailsOf(
      await failureOf(sendImport(service, importMessages({ source: own, mapping: PLAIN }, sheet('8,ONE,late')), token)),
    );
    return [reason, retryDelayMs, facts['limit']];
  };
  await sendEight(admin);
  expect(await refused(admin)).toEqual(['TOO_MANY_CALLS', 5_000, '8']);
  await sendEight(await service.person('second', ['admin']));
  expect(await refused(await service.person('third', ['admin']))).toEqual(['TOO_MANY_CALLS', 5_000, '16']);
  stop.abort();
  await Promise.all(others);
  await vi.waitFor(() => expect(leftovers()).toEqual([]), 10_000);
  expect((await imported(sheet('8,ONE,now'))).operation).toMatchObject({ changedCount: 1n });
});

it('an import takes hostile texts in any column: each row ends by itself', async () => {
  const columns = ['User ID', 'Group', 'Title', 'Description', 'Labels', 'Agent', 'Key', 'Other'];
  const [good, texts] = [['7', 'ONE', 'a', 'b', 'c', 'ann', 'key', 'd'], hostileTexts.filter((text) => text.trim() !== '')];
  const rows = columns.flatMap((_, column) => texts.map((text) => good.map((cell, at) => (at === column ? text : cell))));
  const file = [columns, ...rows].map((row) => `${row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')}\n`).join('');
  const mapping = {
    ...PLAIN,
    description: { column: 'Description' },
    labels: { column: 'Labels' },
    agentId: { column: 'Agent' },
    keyColumns: ['Key'],
    attributes: [{ name: 'other', column: 'Other' }],
  };
  const { operation, rows: told } = await imported(file, { source: own, mapping });
  expect(operation).toMatchObject({ state: OperationState.SUCCEEDED, totalCount: BigInt(rows.length) });
  const nul = rows.flatMap((row, at) => (row.some((cell) => cell.includes('\0')) ? [at] : []));
  expect(nul.length).toBeGreaterThan(8);
  for (const at of nul) expect(told[at]?.outcome, JSON.stringify(rows[at])).toBe(FAILED);
  const cells = (...values: string[]) => values.map((text) => `<c t="inlineStr"><is><t>${text}</t></is></c>`).join('');
  for (const text of ['&#xD800;', '_xD800_', '_x0000_', '&#0;']) {
    const book = await makeWorkbook({ sheet: `<row>${cells('User ID', 'Group', 'Title')}</row><row>${cells('7', 'ONE', text)}</row>` });
    const ended = await imported(book, { source: `${own} ${text}` }).catch((error: unknown) => detailsOf(error).reason);
    if (typeof ended === 'object') expect(ended.operation.state).toBe(OperationState.SUCCEEDED);
    else expect(ended).toBe('FILE_UNREADABLE');
  }
  expect(service.faults).toEqual([]);
});

it('leaves a log and operations that hold together', async () => {
  const { findings } = await checkDatabase(service.app.database.url);
  expect(findings.filter(({ violations }) => violations > 0)).toEqual([]);
});
