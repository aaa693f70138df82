import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTable } from '../../../src/foundation/files/reading/table.ts';
import { makeWorkbook } from '../../support/workbook.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'docket-reading-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const HOW = { encoding: 'utf-8', delimiter: undefined, sheet: undefined };

async function written(bytes: Uint8Array | string): Promise<string> {
  const file = join(folder, 'file');
  await writeFile(file, bytes);
  return file;
}

async function countRows(file: string, more: Partial<Parameters<typeof openTable>[1]> = {}): Promise<number> {
  let rows = 0;
  for await (const _ of (await openTable(file, { ...HOW, ...more })).rows()) rows += 1;
  return rows;
}

it('reads no more of a gzipped file than it may unpack, and calls it by its name', async () => {
  const file = await written(gzipSync(`a\n${'1\n'.repeat(1024 * 1024)}`));
  await expect(countRows(file, { maxUnpackedBytes: 1024 * 1024, called: 'mine' })).rejects.toThrow('mine unpacks to more than 1 MiB');
});

it('stops reading when nobody wants it any more', async () => {
  const workbook = await makeWorkbook({ sheet: `<row><c><v>1</v></c></row>${'<row><c><v>2</v></c></row>'.repeat(10_000)}` });
  for (const bytes of [`a\n${'1\n'.repeat(200_000)}`, workbook]) {
    const stop = new AbortController();
    const reading = (await openTable(await written(bytes), { ...HOW, signal: stop.signal })).rows();
    await reading.next();
    stop.abort(new Error('nobody wants it'));
    const readOn = async () => {
      for await (const _ of reading);
    };
    await expect(readOn()).rejects.toThrow('nobody wants it');
    await expect(countRows(join(folder, 'file'), { signal: stop.signal })).rejects.toThrow('nobody wants it');
    expect(await countRows(join(folder, 'file'))).toBeGreaterThan(1_000);
  }
});

it('takes only what a line of a megabyte begins with to guess what stands between its values', async () => {
  await expect(countRows(await written(`"${'x'.repeat(3_000_000)}`))).rejects.toThrow('a quotation mark is opened there and never closed');
});

it('refuses a heading of more than a thousand columns, and two of one name', async () => {
  const wide = Array.from({ length: 100_000 }, (_, at) => `c${at}`);
  await expect(countRows(await written(`${wide}\n`))).rejects.toThrow('has more than 1,000 columns');
  await expect(countRows(await written(`${wide.slice(0, 999)},c5\n`))).rejects.toThrow('has two columns named "c5"');
  expect(await countRows(await written(`${wide.slice(0, 1_000)}\n${wide.slice(0, 1_000)}\n`))).toBe(1);
});
