import { readFile, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { setImmediate as letOthers } from 'node:timers/promises';
import { SaxesParser } from 'saxes';
import { openArchive } from './archive.ts';
import { type CsvFile, type CsvOptions, type CsvRow, firstOf } from './csv.ts';
import { assertHeading, MAX_COLUMNS } from './heading.ts';
import { FileUnreadable } from './unreadable.ts';
import { dateText, isDateFormat, numberText, unescaped } from './workbook-values.ts';

/** Bytes of a workbook as it lies on the disk. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;
/** Columns of a sheet that are read. */
/** XML that is read in one go. */
const SLICE = 64 * 1024;

type Attributes = Readonly<Record<string, string>>;

/** What a sheet needs to be read. */
interface Book {
  readonly sheet: Buffer;
  readonly strings: readonly string[];
  /** Styles whose numbers are dates, by their place. */
  readonly dates: readonly boolean[];
  readonly since1904: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Opens a workbook (XLSX) and reads the heading of its first sheet, or of the one that is named: the first row with a value. Dates become texts such as
 * `2026-01-31` or `2026-01-31T14:05:00Z`, whole numbers stay whole, formulas are what they last came to. Only one sheet is in memory.
 * @throws FileUnreadable
 */
export async function openWorkbook(
  path: string,
  { called: file = path, sheet, signal }: Pick<CsvOptions, 'called' | 'signal'> & { readonly sheet: string | undefined },
): Promise<CsvFile> {
  if ((await stat(path)).size > MAX_FILE_BYTES) throw new FileUnreadable(`${file} has more than 256 MiB; split it, or save it as CSV`);
  const book = await readBook(file, await readFile(path), sheet, signal);
  const read = (): AsyncGenerator<CsvRow> => readRows(file, book);
  const heading = await firstOf(read());
  if (!heading) throw new FileUnreadable(`${file} is empty`);
  assertHeading(file, heading.cells);
  async function* rows(): AsyncGenerator<CsvRow> {
    let above = true;
    for await (const row of read()) {
      // A row ends with its last value: what is missing is empty.
      if (!above)
        yield { line: row.line, cells: Array.from({ length: Math.max(heading?.cells.length ?? 0, row.cells.length) }, (_, at) => row.cells[at] ?? '') };
      above = false;
    }
  }
  return { columns: heading.cells, rows };
}

async function readBook(file: string, bytes: Buffer, sheetName: string | undefined, signal: AbortSignal | undefined): Promise<Book> {
  const archive = openArchive(file, bytes);
  const workbook = await archive.member('xl/workbook.xml');
  if (!workbook) throw new FileUnreadable(`${file} is no workbook (XLSX); save it as one, or as CSV`);
  const sheets: { name: string; id: string }[] = [];
  let since1904 = false;
  await eachTag(file, workbook, (name, attributes) => {
    if (name === 'sheet') sheets.push({ name: attributes['name'] ?? '', id: attributes['r:id'] ?? '' });
    if (name === 'workbookPr') since1904 = ['1', 'true'].includes(attributes['date1904'] ?? '');
  });
  const sheet = sheetName === undefined ? sheets[0] : sheets.find(({ name }) => name === sheetName);
  if (!sheet)
    throw new FileUnreadable(
      `${file} has no sheet ${JSON.stringify(sheetName ?? '')}; it has ${sheets.map(({ name }) => JSON.stringify(name)).join(', ')}`,
      'sheet',
    );
  let target = '';
  await eachTag(file, (await archive.member('xl/_rels/workbook.xml.rels')) ?? Buffer.alloc(0), (name, { Id, Target }) => {
    if (name === 'Relationship' && Id === sheet.id) target = Target ?? '';
  });
  const content = await archive.member(target.startsWith('/') ? target.slice(1) : posix.join('xl', target));
  if (!content) throw new FileUnreadable(`${file}: the sheet ${JSON.stringify(sheet.name)} cannot be read`);
  return {
    sheet: content,
    since1904,
    signal,
    strings: await readStrings(file, await archive.member('xl/sharedStrings.xml'), signal),
    dates: await readDates(file, await archive.member('xl/styles.xml')),
  };
}

/** Goes through XML, and lets others do something after each slice; tags go by their names without prefix. */
async function* parseXml(file: string, bytes: Buffer, parser: SaxesParser, signal?: AbortSignal): AsyncGenerator<void> {
  const decoder = new TextDecoder('utf-8');
  parser.on('error', () => {
    throw new FileUnreadable(`${file} is damaged: a part of it is no XML`);
  });
  for (let at = 0; at < bytes.length; at += SLICE) {
    parser.write(decoder.decode(bytes.subarray(at, at + SLICE), { stream: true }));
    yield;
    await letOthers();
    signal?.throwIfAborted();
  }
  parser.close();
}

const localName = (name: string): string => name.slice(name.indexOf(':') + 1);

async function eachTag(file: string, bytes: Buffer, visit: (name: string, attributes: Attributes) => void): Promise<void> {
  const parser = new SaxesParser();
  parser.on('opentag', ({ name, attributes }) => visit(localName(name), attributes as Attributes));
  for await (const _ of parseXml(file, bytes, parser));
}

async function readStrings(file: string, bytes: Buffer | undefined, signal: AbortSignal | undefined): Promise<string[]> {
  const strings: string[] = [];
  if (!bytes) return strings;
  const parser = new SaxesParser();
  let text = '';
  let inText = false;
  // How a word is pronounced is no part of it.
  let phonetic = false;
  parser.on('opentag', ({ name }) => {
    if (localName(name) === 'si') text = '';
    if (localName(name) === 'rPh') phonetic = true;
    inText = localName(name) === 't' && !phonetic;
  });
  parser.on('text', (more) => {
    if (inText) text += more;
  });
  parser.on('closetag', ({ name }) => {
    inText = false;
    if (localName(name) === 'rPh') phonetic = false;
    if (localName(name) === 'si') strings.push(unescaped(text));
  });
  for await (const _ of parseXml(file, bytes, parser, signal));
  return strings;
}

async function readDates(file: string, bytes: Buffer | undefined): Promise<boolean[]> {
  const formats = new Map<string, string>();
  const dates: boolean[] = [];
  let within = false;
  if (!bytes) return dates;
  const parser = new SaxesParser();
  parser.on('opentag', ({ name, attributes }) => {
    const { numFmtId = '', formatCode = '' } = attributes as Attributes;
    if (localName(name) === 'numFmt') formats.set(numFmtId, formatCode);
    if (localName(name) === 'cellXfs') within = true;
    if (localName(name) === 'xf' && within) dates.push(isDateFormat(Number(numFmtId), formats.get(numFmtId)));
  });
  parser.on('closetag', ({ name }) => {
    if (localName(name) === 'cellXfs') within = false;
  });
  for await (const _ of parseXml(file, bytes, parser));
  return dates;
}

/** Rows with a value, the heading among them. */
async function* readRows(file: string, { sheet, strings, dates, since1904, signal }: Book): AsyncGenerator<CsvRow> {
  const parser = new SaxesParser();
  let ready: CsvRow[] = [];
  let line = 0;
  let cells: string[] = [];
  let column = -1;
  let cell: Attributes = {};
  let text = '';
  let inValue = false;
  parser.on('opentag', ({ name, attributes }) => {
    const tag = localName(name);
    if (tag === 'row') {
      line = Number((attributes as Attributes)['r'] ?? line + 1);
      cells = [];
      column = -1;
    } else if (tag === 'c') {
      cell = attributes as Attributes;
      text = '';
      column = cell['r'] ? columnOf(cell['r']) : column + 1;
      if (column >= MAX_COLUMNS) throw new FileUnreadable(`${file} has a value in row ${line} beyond the first 1,000 columns`);
    }
    inValue = tag === 'v' || tag === 't';
  });
  parser.on('text', (more) => {
    if (inValue) text += more;
  });
  const readValue = (): string => {
    if (cell['t'] === 's') return strings[Number(text)] ?? '';
    if (cell['t'] === 'inlineStr' || cell['t'] === 'str') return unescaped(text);
    if (cell['t'] === 'b') return text === '1' ? 'true' : 'false';
    if (text === '' || cell['t'] === 'e' || cell['t'] === 'd') return text;
    return dates[Number(cell['s'] ?? 0)] ? dateText(Number(text), since1904) : numberText(text);
  };
  parser.on('closetag', ({ name }) => {
    inValue = false;
    if (localName(name) === 'c') {
      while (cells.length < column) cells.push('');
      cells[column] = readValue().trim();
    } else if (localName(name) === 'row' && cells.some((value) => value !== '')) ready.push({ line, cells });
  });
  for await (const _ of parseXml(file, sheet, parser, signal)) {
    yield* ready;
    ready = [];
  }
  yield* ready;
}

/** The place of a column from its letters: A is 0. */
const columnOf = (reference: string): number =>
  [...(/^[A-Z]+/.exec(reference)?.[0] ?? 'A')].reduce((place, letter) => place * 26 + letter.charCodeAt(0) - 64, 0) - 1;
