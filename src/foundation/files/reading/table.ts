import { open } from 'node:fs/promises';
import { type CsvFile, type CsvOptions, openCsv } from './csv.ts';
import { openWorkbook } from './workbook.ts';

/** How a file is to be read, whatever it is. */
export interface TableOptions extends CsvOptions {
  /** The sheet of a workbook; undefined: the first. */
  readonly sheet: string | undefined;
}

/** Opens a CSV file or a workbook, told by its content. @throws FileUnreadable */
export async function openTable(file: string, options: TableOptions): Promise<CsvFile> {
  return (await isWorkbook(file)) ? openWorkbook(file, options) : openCsv(file, options);
}

/** Whether the file begins as a zip archive does. What cannot be opened is for `openCsv` to tell. */
export async function isWorkbook(file: string): Promise<boolean> {
  const handle = await open(file).catch(() => undefined);
  try {
    const start = await handle?.read(Buffer.alloc(4), 0, 4, 0).catch(() => undefined);
    return start?.bytesRead === 4 && start.buffer.readUInt32BE(0) === 0x504b0304;
  } finally {
    await handle?.close();
  }
}
