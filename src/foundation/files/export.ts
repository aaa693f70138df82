import { PageTokenError } from '../page/index.ts';
import { csvLine } from './csv.ts';
import type { Cell, TableForm } from './table.ts';
import { NO_WORKBOOK, type WorkbookState, writeWorkbook } from './workbook.ts';

/** Things read in one go. */
const PAGE_SIZE = 250;
/** Text of a piece, in characters: in UTF-8 at most three times as many bytes, and mostly as many. */
const MAX_PIECE_LENGTH = 600_000;

/** The form of a file. */
export type FileForm = 'csv' | 'xlsx' | 'ndjson';

/** A piece of a file, and what leads to the next; '' when it is the last. */
export interface FilePiece {
  readonly chunk: Uint8Array;
  readonly resumeToken: string;
}

/** A list to export. */
export interface ExportedList<Item> extends TableForm<Item> {
  readonly form: FileForm;
  /** Which list it is; tokens of others are refused. */
  readonly name: string;
  /** Of the last piece that arrived; '' from the beginning. */
  readonly resumeToken: string;
  /** A page of the list. Throws PageTokenError for a token that it did not give for these arguments. */
  page(pageToken: string, pageSize: number): Promise<{ readonly items: readonly Item[]; readonly nextPageToken: string }>;
}

/**
 * A whole list as a file, a page at a time: holds one page in memory, and reads the next when the one before was taken. The same list gives
 * the same bytes, whether in one go or resumed.
 * @throws PageTokenError, ExportDoesNotFit
 */
export async function* exportList<Item>(list: ExportedList<Item>): AsyncGenerator<FilePiece> {
  const { columns } = list;
  const heading: Cell[] = columns.map((text) => ({ kind: 'text', text }));
  let { state, pageToken } = readToken(list);
  do {
    const begin: Cell[][] = pageToken === '' ? [heading] : [];
    const page = await fittingPage(list, pageToken);
    const end = page.nextPageToken === '';
    if (list.form === 'xlsx') {
      const rows = [...begin, ...page.items.map((item) => list.cells(item))];
      const written = await writeWorkbook(rows, columns, state, end);
      state = written.state;
      yield { chunk: written.bytes, resumeToken: end ? '' : writeToken(list, state, page.nextPageToken) };
    } else {
      const text = (list.form === 'csv' ? begin.map(csvLine).join('') : '') + page.lines.join('');
      yield { chunk: Buffer.from(text), resumeToken: end ? '' : writeToken(list, state, page.nextPageToken) };
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}

/** A page whose text makes a piece: read again, shorter, when it is too long. */
async function fittingPage<Item>(list: ExportedList<Item>, pageToken: string) {
  const line = (item: Item): string => (list.form === 'ndjson' ? `${JSON.stringify(list.json(item))}\n` : csvLine(list.cells(item)));
  for (let size = PAGE_SIZE; ; ) {
    const page = await list.page(pageToken, size).catch((error: unknown) => {
      throw error instanceof PageTokenError ? new PageTokenError('resume_token') : error;
    });
    const lines = page.items.map(line);
    const fitting = fittingLines(lines);
    if (fitting === lines.length) return { ...page, lines };
    size = fitting;
  }
}

/** How many of the lines make a piece; one at least, if there is any. */
function fittingLines(lines: readonly string[]): number {
  let length = 0;
  for (const [at, line] of lines.entries()) {
    length += line.length;
    if (length > MAX_PIECE_LENGTH && at > 0) return at;
  }
  return lines.length;
}

type Named = Pick<ExportedList<unknown>, 'form' | 'name'>;

function writeToken({ form, name }: Named, { rows, crc, plainBytes, packedBytes }: WorkbookState, pageToken: string): string {
  return [form, name, ...(form === 'xlsx' ? [rows, crc, plainBytes, packedBytes] : []), pageToken].join('.');
}

/** What stands before the list's own token is not signed: who changes it gets a broken file, of what he may see anyway. */
function readToken({ form, name, resumeToken }: Named & { readonly resumeToken: string }): { state: WorkbookState; pageToken: string } {
  if (resumeToken === '') return { state: NO_WORKBOOK, pageToken: '' };
  const [givenForm, givenName, ...rest] = resumeToken.split('.');
  const pageToken = rest.at(-1) ?? '';
  const numbers = rest.slice(0, -1);
  const sound = givenForm === form && givenName === name && pageToken !== '' && numbers.length === (form === 'xlsx' ? 4 : 0);
  if (!sound || !numbers.every((number) => /^\d{1,10}$/.test(number) && Number(number) <= 0xffff_ffff)) throw new PageTokenError('resume_token');
  const [rows = 0, crc = 0, plainBytes = 0, packedBytes = 0] = numbers.map(Number);
  return { state: { rows, crc, plainBytes, packedBytes }, pageToken };
}
