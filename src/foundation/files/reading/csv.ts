import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CsvError, type Info, parse } from 'csv-parse';
import { withoutGuard } from '../formula.ts';
import { assertHeading } from './heading.ts';
import { FileUnreadable } from './unreadable.ts';

/** Characters that one row may have; more means a quote that was never closed. */
const MAX_ROW_LENGTH = 1_000_000;

/** How the text of a file is to be read. */
export interface CsvOptions {
  /** A label of the Encoding standard such as `utf-8` or `windows-1252`. */
  readonly encoding: string;
  /** One character; undefined: comma, semicolon or tab, whichever the heading has most of. */
  readonly delimiter: string | undefined;
  /** What the file is called where it cannot be read; undefined: by its path. */
  readonly called?: string | undefined;
  /** Bytes that a gzipped file may take unpacked; undefined: any number, since it is never held as a whole. */
  readonly maxUnpackedBytes?: number | undefined;
  /** Ends reading once it is aborted, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** One row below the heading. */
export interface CsvRow {
  /** The line of the file, from 1, on which the row begins. */
  readonly line: number;
  /** The values, without blanks around them, in the order of the heading. */
  readonly cells: readonly string[];
}

/** A file whose heading was read. */
export interface CsvFile {
  readonly columns: readonly string[];
  /** The rows from the first on; may be asked for again. Rows without any value are passed over. Throws FileUnreadable. */
  rows(): AsyncGenerator<CsvRow>;
}

/** A text and how to read it. */
interface Source {
  readonly file: string;
  /** What it is called in refusals. */
  readonly name: string;
  readonly gzipped: boolean;
  readonly encoding: string;
  readonly maxUnpackedBytes: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Opens a CSV file, gzipped or not (told by its content), and reads its heading. Nothing is held in memory.
 * @throws FileUnreadable for a file that is no CSV.
 */
export async function openCsv(file: string, { encoding, maxUnpackedBytes = Infinity, signal, ...options }: CsvOptions): Promise<CsvFile> {
  const name = options.called ?? file;
  const source: Source = { file, name, gzipped: await isGzipped(file), encoding, maxUnpackedBytes, signal };
  const delimiter = options.delimiter ?? (await guessDelimiter(source));
  const read = () => readRows(source, delimiter);
  const heading = await firstOf(read());
  if (!heading) throw new FileUnreadable(`${name} is empty`);
  assertHeading(name, heading.cells);
  async function* rows(): AsyncGenerator<CsvRow> {
    let above = true;
    for await (const row of read()) {
      if (!above && row.cells.some((cell) => cell !== '')) yield row;
      above = false;
    }
  }
  return { columns: heading.cells, rows };
}

async function isGzipped(file: string): Promise<boolean> {
  const handle = await open(file).catch((cause: NodeJS.ErrnoException) => {
    throw new FileUnreadable(cause.code === 'ENOENT' ? `there is no file ${file}` : `${file} cannot be read: ${cause.message}`, 'path');
  });
  try {
    if (!(await handle.stat()).isFile()) throw new FileUnreadable(`${file} is not a file`, 'path');
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return bytesRead >= 2 && buffer.readUInt16BE(0) === 0x1f8b;
  } finally {
    await handle.close();
  }
}

/** The file's text in pieces, decoded strictly: a wrong encoding is told rather than imported as garbage. */
async function* readText({ file, name, gzipped, encoding, maxUnpackedBytes, signal }: Source): AsyncGenerator<string> {
  const decoder = decoderOf(encoding);
  const source = createReadStream(file);
  const bytes = gzipped ? pipeline(source, createGunzip(), () => undefined) : source;
  let length = 0;
  try {
    for await (const piece of bytes) {
      signal?.throwIfAborted();
      length += (piece as Buffer).length;
      if (length > maxUnpackedBytes) throw new FileUnreadable(`${name} unpacks to more than ${maxUnpackedBytes / (1024 * 1024)} MiB; split it`);
      yield decoder.decode(piece as Buffer, { stream: true });
    }
    yield decoder.decode();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      throw new FileUnreadable(`${name} is not ${encoding} text; save it as UTF-8, or name its encoding`, 'text');
    if (code?.startsWith('Z_')) throw new FileUnreadable(`${name} is damaged: ${(cause as Error).message}`);
    throw cause;
  } finally {
    source.destroy();
  }
}

function decoderOf(encoding: string): TextDecoder {
  try {
    return new TextDecoder(encoding, { fatal: true });
  } catch {
    throw new FileUnreadable(`${JSON.stringify(encoding)} is no encoding that is known; write utf-8, utf-16le or windows-1252`, 'encoding');
  }
}

async function guessDelimiter(source: Source): Promise<string> {
  let start = '';
  for await (const text of readText(source)) {
    start += text;
    if (/[^\r\n][\r\n]/.test(start) || start.length > MAX_ROW_LENGTH) break;
  }
  const heading =
    start
      .trimStart()
      .split(/[\r\n]/, 1)[0]
      ?.replaceAll(/"[^"]*"/g, '') ?? '';
  const counts = [',', ';', '\t'].map((delimiter) => ({ delimiter, count: heading.split(delimiter).length }));
  return counts.reduce((best, each) => (each.count > best.count ? each : best)).delimiter;
}

async function* readRows(source: Source, delimiter: string): AsyncGenerator<CsvRow> {
  let lastLine = 0;
  const parser = parse({
    delimiter,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    trim: true,
    max_record_size: MAX_ROW_LENGTH,
    info: true,
    on_record(cells, { lines }) {
      lastLine = lines;
      return cells;
    },
  });
  let fault: unknown;
  pipeline(readText(source), parser, (error) => (fault = error));
  try {
    for await (const { info, record } of parser as AsyncIterable<{ info: Info; record: string[] }>) {
      // The parser counts up to where a row ends.
      yield {
        line: info.lines - record.reduce((breaks, cell) => breaks + (cell.includes('\n') ? cell.split('\n').length - 1 : 0), 0),
        cells: record.map(withoutGuard),
      };
    }
  } catch (cause) {
    const error = fault ?? cause;
    if (error instanceof CsvError) throw new FileUnreadable(`${source.name} cannot be read after line ${lastLine}: ${explain(error)}`);
    throw error;
  } finally {
    parser.destroy();
  }
}

function explain(error: CsvError): string {
  if (error.code === 'CSV_QUOTE_NOT_CLOSED' || error.code === 'CSV_MAX_RECORD_SIZE') return 'a quotation mark is opened there and never closed';
  return error.message;
}

/** The first of the items, and no more of them. */
export async function firstOf<Item>(items: AsyncGenerator<Item>): Promise<Item | undefined> {
  for await (const item of items) return item;
  return undefined;
}
