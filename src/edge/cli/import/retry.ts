import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { isOwnColumn, OWN_COLUMNS } from '../../../domain/imports/index.ts';
import { csvLine } from '../../../foundation/files/csv.ts';
import type { CsvFile } from '../../../foundation/files/reading/csv.ts';
import type { Cell } from '../../../foundation/files/table.ts';
import { NO_WORKBOOK, writeWorkbook } from '../../../foundation/files/workbook.ts';

/** Rows that failed, by their line. */
export type FailedRows = Map<number, { readonly referenceId: string; readonly message: string }>;

/** Beside the file, in its form: `people.csv` leads to `people.retry.csv`. */
export const retryFileOf = (file: string, isWorkbook: boolean): string =>
  `${file.replace(/(\.csv|\.xlsx)?(\.gz)?$/i, '')}.retry.${isWorkbook ? 'xlsx' : 'csv'}`;

/** Writes the failed rows as they are in the file, with why they failed: to be corrected and imported. */
export async function writeRetryFile(file: string, csv: CsvFile, failed: FailedRows, isWorkbook: boolean): Promise<void> {
  const kept = csv.columns.flatMap((column, at) => (isOwnColumn(column) ? [] : [at]));
  const heading = [...kept.map((at) => csv.columns[at] ?? ''), ...OWN_COLUMNS];
  const stream = createWriteStream(file, { mode: 0o600 });
  let state = NO_WORKBOOK;
  const write = async (rows: readonly (readonly string[])[], end: boolean): Promise<void> => {
    const cells = rows.map((row) => row.map((text): Cell => ({ kind: 'text', text })));
    let bytes: string | Buffer = cells.map(csvLine).join('');
    if (isWorkbook) ({ bytes, state } = await writeWorkbook(cells, heading, state, end));
    if (!stream.write(bytes)) await once(stream, 'drain');
  };
  let rows: string[][] = [heading];
  for await (const { line, cells } of csv.rows()) {
    const failure = failed.get(line);
    if (!failure) continue;
    rows.push([...kept.map((at) => cells[at] ?? ''), failure.message, failure.referenceId]);
    if (rows.length < 1_000) continue;
    await write(rows, false);
    rows = [];
  }
  await write(rows, true);
  stream.end();
  await finished(stream);
}
