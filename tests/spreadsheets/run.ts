import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { create } from '@bufbuild/protobuf';
import { parse } from 'csv-parse/sync';
import { TicketSchema } from '../../gen/ticketing/v1/ticket_pb.ts';
import { exportList, type FileForm } from '../../src/foundation/files/export.ts';
import { withGuard } from '../../src/foundation/files/formula.ts';
import { tableOf } from '../../src/foundation/files/table.ts';
import { hostileValues } from '../support/formulas.ts';

/**
 * `npm run check:spreadsheets`: opens exports of 500 hostile values in LibreOffice Calc, as a person would, and looks for formulas. Needs `soffice` on the
 * path (Debian: apt install libreoffice-calc); by hand, since tests must run without it.
 */

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), 'docket-spreadsheets-'));

/** The descriptions of these tickets, exported; 250 to a page, as the service reads them. */
async function exported(form: FileForm): Promise<Buffer> {
  const tickets = hostileValues.map((description, at) => create(TicketSchema, { ticketId: `ticket ${at}`, userId: BigInt(at + 1), description }));
  const chunks: Uint8Array[] = [];
  const page = async (token: string, size: number) => {
    const from = Number(token);
    return { items: tickets.slice(from, from + size), nextPageToken: from + size < tickets.length ? String(from + size) : '' };
  };
  for await (const { chunk } of exportList({ form, name: 'tickets', resumeToken: '', ...tableOf(TicketSchema), page })) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Opens a file in Calc and saves it in another form; CSV is read with this separator, formulas carried out. */
async function opened(name: string, to: 'fods' | 'csv', separator?: number): Promise<string> {
  const read = separator === undefined ? [] : [`--infilter=CSV:${separator},34,76,1,,0,false,true,false,false,false,-1,true`];
  // Written: values as they are, not as they show; formulas as such.
  const write = to === 'csv' ? 'csv:Text - txt - csv (StarCalc):44,34,76,1,,0,true,false,false,true' : to;
  await run(
    'soffice',
    [`-env:UserInstallation=file://${folder}/profile`, '--headless', ...read, '--convert-to', write, '--outdir', join(folder, 'out'), join(folder, name)],
    {
      timeout: 180_000,
    },
  );
  return readFile(join(folder, 'out', name.replace(/\.\w+$/, `.${to}`)), 'utf8');
}

const formulasIn = (sheet: string): number => sheet.match(/table:formula=/g)?.length ?? 0;
const descriptionsIn = (csv: string): string[] => (parse(csv, { columns: true }) as Record<string, string>[]).map((row) => row['description'] ?? '');

let faults = 0;
function tell(what: string, count: number, wanted: boolean): void {
  console.log(`${wanted ? 'ok  ' : 'FAIL'} ${what}: ${count}`);
  if (!wanted) faults += 1;
}

try {
  // What shows that this can fail: the same values, unguarded.
  await writeFile(join(folder, 'bare.csv'), hostileValues.map((value) => `"x","${value.replaceAll('"', '""')}"\r\n`).join(''));
  for (const [name, separator] of [
    ['comma', 44],
    ['semicolon', 59],
    ['tab', 9],
  ] as const) {
    const bare = formulasIn(await opened('bare.csv', 'fods', separator));
    tell(`formulas in unguarded values read with ${name}`, bare, bare > 0);
  }
  await writeFile(join(folder, 'guarded.csv'), await exported('csv'));
  for (const [name, separator] of [
    ['comma', 44],
    ['semicolon', 59],
    ['tab', 9],
  ] as const) {
    const found = formulasIn(await opened('guarded.csv', 'fods', separator));
    tell(`formulas in the CSV read with ${name}`, found, found === 0);
  }
  await writeFile(join(folder, 'book.xlsx'), await exported('xlsx'));
  const found = formulasIn(await opened('book.xlsx', 'fods'));
  tell('formulas in the workbook', found, found === 0);
  const same = (shown: readonly string[], values: readonly string[]): number =>
    values.filter((value, at) => shown[at]?.replaceAll(/\r\n?/g, '\n') === value.replaceAll(/\r\n?/g, '\n')).length;
  const fromCsv = same(descriptionsIn(await opened('guarded.csv', 'csv', 44)), hostileValues.map(withGuard));
  tell(`values of the CSV shown as written, of ${hostileValues.length}`, fromCsv, fromCsv === hostileValues.length);
  const fromBook = same(descriptionsIn(await opened('book.xlsx', 'csv')), hostileValues);
  tell(`values of the workbook shown as they are, of ${hostileValues.length}`, fromBook, fromBook === hostileValues.length);
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exitCode = faults === 0 ? 0 : 1;
