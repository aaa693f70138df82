import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { exportFile } from '../../src/edge/cli/export/command.ts';
import { type Confirm, importFile } from '../../src/edge/cli/import/command.ts';
import { openTable } from '../../src/foundation/files/reading/table.ts';
import { Archive, NOTHING_WRITTEN, pack } from '../../src/foundation/files/zip.ts';
import { sheetOf } from '../support/file-reading.ts';
import { hostileValues } from '../support/formulas.ts';
import { type Service, startService } from '../support/service.ts';
import { makeWorkbook } from '../support/workbook.ts';

let service: Service;
let folder: string;
let token: string;
let own: string;
let count = 0;

beforeAll(async () => {
  service = await startService();
  folder = await mkdtemp(join(tmpdir(), 'docket-workbooks-'));
  token = (await service.program({ name: 'importer', roles: ['admin'] })).replace('Bearer ', '');
});
afterAll(async () => {
  await service.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  count += 1;
  own = `b${count}`;
});

const path = (name: string): string => join(folder, name);
const reachable = () => ({ address: `127.0.0.1:${service.app.server.grpcPort}`, token, tokenFile: path('none') });
const quiet = { begin: () => undefined, update: () => undefined, end: () => undefined };

async function imported(file: string, args: readonly string[] = [], confirm?: Confirm) {
  const printed: string[] = [];
  const code = await importFile([file, ...args], reachable(), (line) => printed.push(line), quiet, confirm);
  return { code, text: printed.join('\n') };
}
async function written(content: string | Buffer, name = `${own}.xlsx`): Promise<string> {
  await writeFile(path(name), content);
  return path(name);
}
const rowsOf = async (file: string, sheet?: string) => {
  const table = await openTable(file, { encoding: 'utf-8', delimiter: undefined, sheet });
  const rows: { line: number; cells: readonly string[] }[] = [];
  for await (const row of table.rows()) rows.push(row);
  return { columns: table.columns, rows };
};
const tickets = (source = own) =>
  service.sql<{ user_id: string; title: string; attributes: Record<string, string>; reference: string }>(
    `SELECT user_id::text, title, attributes, external_references->0->>'id' AS reference FROM tickets WHERE external_references->0->>'system' = $1 ORDER BY user_id`,
    [source],
  );

const HEADING = '<row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2" t="s"><v>1</v></c><c r="C2" t="s"><v>2</v></c><c r="D2" t="s"><v>3</v></c></row>';
const STRINGS = ['<t>User ID</t>', '<t>Group</t>', '<r><t>Ti</t></r><r><t xml:space="preserve">tle</t></r><rPh><t>no</t></rPh>', '<t>Since</t>'];

const letter = new Archive({ 'letter.txt': 'Dear reader' }, 'signature');

describe('a workbook', () => {
  it('is read as people see it: rich texts, dates, whole numbers, what formulas came to', async () => {
    const sheet = `${HEADING}
      <row r="3"><c r="A3"><v>4711</v></c><c r="B3" t="str"><f>"a"&amp;"b"</f><v>ab</v></c><c r="C3" t="inlineStr"><is><t>line_x000D_ end _x005F_x0041_</t></is></c><c r="D3" s="1"><v>46023</v></c></row>
      <row r="4"/>
      <row r="5"><c r="A5"><v>4.712E3</v></c><c r="D5" s="2"><v>46023.604166666664</v></c></row>
      <row r="7"><c r="A7"><v>1.2345678901234567E+17</v></c><c r="B7" t="b"><v>1</v></c><c r="C7" s="3"><v>2.5</v></c><c r="D7" t="e"><v>#N/A</v></c></row>`;
    expect(await rowsOf(await written(await makeWorkbook({ sheet, strings: STRINGS })))).toEqual({
      columns: ['User ID', 'Group', 'Title', 'Since'],
      rows: [
        { line: 3, cells: ['4711', 'ab', 'line\r end _x0041_', '2026-01-01'] },
        { line: 5, cells: ['4712', '', '', '2026-01-01T14:30:00Z'] },
        { line: 7, cells: ['1.2345678901234567E+17', 'true', '2.5', '#N/A'] },
      ],
    });
  });

  it('counts days from 1904 where it says so, and is read by another sheet when that is named', async () => {
    const sheet = `${HEADING}<row r="3"><c r="D3" s="1"><v>44561</v></c></row>`;
    const file = await written(await makeWorkbook({ sheet, strings: STRINGS, date1904: true }));
    expect((await rowsOf(file)).rows).toEqual([{ line: 3, cells: ['', '', '', '2026-01-01'] }]);
    expect((await rowsOf(file, 'Notes')).rows).toEqual([{ line: 2, cells: ['99', ''] }]);
  });

  it('becomes tickets; importing it again changes nothing', async () => {
    const sheet = `${HEADING}<row r="3"><c r="A3"><v>7</v></c><c r="B3" t="inlineStr"><is><t>${own}kyc</t></is></c><c r="D3" s="1"><v>46023</v></c></row>`;
    const file = await written(await makeWorkbook({ sheet, strings: STRINGS }));
    expect(await imported(file, ['--create-groups'])).toMatchObject({ code: 0, text: expect.stringContaining('1 ticket created') });
    expect(await tickets()).toMatchObject([{ user_id: '7', attributes: { Since: '2026-01-01' } }]);
    expect((await imported(file)).text).toContain('1 there already');
  });

  it.each([
    ['not a zip', Buffer.from('PK\u0003\u0004 and nothing'), 'is no workbook, or is damaged'],
    ['a zip without a workbook', Buffer.concat([letter.head, letter.tail(NOTHING_WRITTEN)]), 'is no workbook (XLSX)'],
  ])('is refused: %s', async (_what, bytes, says) => {
    const { code, text } = await imported(await written(bytes));
    expect(text).toContain(says);
    expect(code).toBe(1);
  });

  it('is refused when a sheet is not there, is no XML, is too wide or unpacks to more than 512 MiB', async () => {
    const refusal = async (sheet: string, args: readonly string[] = []) =>
      (await imported(await written(await makeWorkbook({ sheet, strings: STRINGS })), args)).text;
    expect(await refusal(HEADING, ['--sheet', 'Nobody'])).toContain('has no sheet "Nobody"; it has "People", "Notes"');
    expect(await refusal('<row><c></row>')).toContain('a part of it is no XML');
    expect(await refusal('<row r="1"><c r="XFD1"><v>1</v></c></row>')).toContain('beyond the first 1,000 columns');
    const bomb = new Archive(
      {
        'xl/workbook.xml': '<workbook xmlns:r="r"><sheets><sheet name="A" r:id="x"/></sheets></workbook>',
        'xl/_rels/workbook.xml.rels': '<R><Relationship Id="x" Target="s.xml"/></R>',
      },
      'xl/s.xml',
    );
    const parts: Buffer[] = [bomb.head];
    let state = NOTHING_WRITTEN;
    const blank = Buffer.alloc(33 * 1024 * 1024, ' ');
    for (let at = 0; at < 16; at += 1) {
      const { packed, written: next } = await pack(blank, state);
      parts.push(packed);
      state = next;
    }
    const bytes = Buffer.concat([...parts, bomb.tail(state)]);
    expect(bytes.length).toBeLessThan(1_000_000);
    expect((await imported(await written(bytes))).text).toContain('unpacks to more than 512 MiB');
  });
});

describe('the columns', () => {
  const sheet = (group: string) => `User ID,Group,Colour\n7,${group},red\n`;

  it('are told, and need a yes at a terminal when they were guessed', async () => {
    const file = await written(sheet(`${own}kyc`), `${own}.csv`);
    const asked: string[] = [];
    const answer = (yes: boolean) => async (question: string) => asked.push(question) > 0 && yes;
    const refused = await imported(file, ['--create-groups'], answer(false));
    expect(refused).toMatchObject({ code: 1, text: expect.stringContaining('user_id from "User ID", group from "Group"; as attributes "Colour"') });
    expect(await tickets()).toEqual([]);
    expect((await imported(file, ['--create-groups', '--dry-run'], answer(false))).code).toBe(0);
    expect((await imported(file, ['--create-groups', '--yes'], answer(false))).code).toBe(0);
    expect((await imported(file, [], answer(true))).text).toContain('1 there already');
    expect(asked).toHaveLength(2);
  });
});

describe('rows that failed', () => {
  it.each(['csv', 'xlsx'])('come in a file to correct and import again (%s)', async (form) => {
    const group = `${own}kyc`;
    const values = [
      ['7', group, 'fine'],
      ['seven', group, '=1+1'],
      ['8', group, 'fine too'],
      ['eight', group, 'b'],
    ];
    const cells = (row: readonly string[], at: number) => `<row r="${at}">${row.map((text) => `<c t="inlineStr"><is><t>${text}</t></is></c>`).join('')}</row>`;
    const rows = [['User ID', 'Group', 'Title'], ...values];
    const file =
      form === 'csv'
        ? await written(rows.map((row) => `${row.join(';')}\n`).join(''), `${own}.csv`)
        : await written(await makeWorkbook({ sheet: rows.map((row, at) => cells(row, at + 1)).join('') }));
    const first = await imported(file, ['--create-groups']);
    const retry = path(`${own}.retry.${form}`);
    expect(first).toMatchObject({ code: 1, text: expect.stringContaining(`to correct and import: ${retry} (as --source "${own}"`) });
    const { columns, rows: left } = await rowsOf(retry);
    expect(columns).toEqual(['User ID', 'Group', 'Title', 'docket_error', 'docket_reference']);
    const error = 'user_id: must be a whole number above 0';
    expect(left.map(({ cells: given }) => given)).toEqual([
      ['seven', group, '=1+1', error, `seven/${group}/1`],
      ['eight', group, 'b', error, `eight/${group}/1`],
    ]);
    // Corrected by hand, one of the two.
    const corrected = left.map(({ cells: given }) => given.map((cell) => (cell === 'seven' ? '77' : cell)));
    const again = await written([columns, ...corrected].map((row) => `${row.map((cell) => `"${cell}"`).join(',')}\n`).join(''), `${own}.retry.csv`);
    expect((await imported(again)).text).toContain('1 ticket created');
    expect(await tickets()).toMatchObject([
      { user_id: '7', title: 'fine' },
      { user_id: '77', title: '=1+1', attributes: {}, reference: `seven/${group}/1` },
      { user_id: '8', title: 'fine too' },
    ]);
    expect((await rowsOf(path(`${own}.retry.retry.csv`))).rows).toHaveLength(1);
    expect((await imported(again)).text).toContain('1 there already');
  });
});

describe('what was exported', () => {
  it.each(['csv', 'xlsx'])('is imported as it was, formulas and all (%s)', async (form) => {
    const titles = hostileValues.map((value) => value.trim().slice(0, 150)).filter((value, at, all) => value !== '' && all.indexOf(value) === at);
    const people = [['User ID', 'Group', 'Title'], ...titles.map((title, at) => [String(at + 1), `${own}kyc`, title])];
    const quoted = people.map((row) => row.map((text) => `"${text.replaceAll('"', '""')}"`).join(',')).join('\n');
    const before = await imported(await written(quoted, `${own}.csv`), ['--create-groups']);
    expect(before.code).toBe(0);
    const made = await tickets();
    const out = path(`${own}-copy.${form}`);
    expect(
      await exportFile(
        ['tickets', '--group', `${own.toUpperCase()}KYC`, '--output', out],
        reachable(),
        () => undefined,
        () => undefined,
      ),
    ).toBe(0);
    expect(await imported(out, ['--group', 'group_id', '--key', 'key'])).toMatchObject({ code: 0 });
    const copies = await tickets(`${own}-copy`);
    expect(copies.map(({ title }) => title)).toEqual(made.map(({ title }) => title));
    if (form === 'xlsx') expect(sheetOf(await readFile(out))).not.toMatch(/<f[ >]/);
  });
});
