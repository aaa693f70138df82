import { crc32, inflateRawSync } from 'node:zlib';
import { ConnectError } from '@connectrpc/connect';
import type { FilePiece } from '../../src/foundation/files/export.ts';
import type { Dice } from './dice.ts';

/** A stream of pieces that goes on after a token; ends when the signal is aborted. */
export type Export = (resumeToken: string, signal: AbortSignal) => AsyncIterable<FilePiece>;

/** Reads an export in one go; fails when the stream ends before the file does. */
export async function readWhole(start: Export): Promise<{ readonly bytes: Buffer; readonly pieces: number }> {
  const chunks: Uint8Array[] = [];
  let last: string | undefined;
  for await (const { chunk, resumeToken } of start('', new AbortController().signal)) {
    chunks.push(chunk);
    last = resumeToken;
  }
  if (last !== '') throw new Error('the stream ended before the file');
  return { bytes: Buffer.concat(chunks), pieces: chunks.length };
}

/** Reads an export whose stream is cut after a random number of pieces, again and again. */
export async function readCut(start: Export, dice: Dice): Promise<{ readonly bytes: Buffer; readonly cuts: number }> {
  const chunks: Uint8Array[] = [];
  let cuts = 0;
  for (let resumeToken: string | undefined; resumeToken !== ''; ) {
    const stop = new AbortController();
    let left = dice(3);
    try {
      for await (const piece of start(resumeToken ?? '', stop.signal)) {
        if (left === 0) stop.abort();
        // What arrives after the cut is lost.
        if (stop.signal.aborted) continue;
        left -= 1;
        chunks.push(piece.chunk);
        resumeToken = piece.resumeToken;
      }
    } catch (error) {
      if (!(error instanceof ConnectError) || !stop.signal.aborted) throw error;
      cuts += 1;
    }
  }
  return { bytes: Buffer.concat(chunks), cuts };
}

/** The sheet of a workbook, read by the archive's directory: what a program that opens it does. */
export function sheetOf(workbook: Buffer): string {
  const end = workbook.length - 22;
  check(workbook.readUInt32LE(end) === 0x06054b50, 'its end');
  let entry = workbook.readUInt32LE(end + 16);
  for (let left = workbook.readUInt16LE(end + 10); left > 0; left -= 1) {
    check(workbook.readUInt32LE(entry) === 0x02014b50, 'its directory');
    const [crc, packed, plain] = [16, 20, 24].map((at) => workbook.readUInt32LE(entry + at)) as [number, number, number];
    const name = workbook.toString('ascii', entry + 46, entry + 46 + workbook.readUInt16LE(entry + 28));
    const local = workbook.readUInt32LE(entry + 42);
    check(workbook.readUInt32LE(local) === 0x04034b50, 'a header');
    const from = local + 30 + workbook.readUInt16LE(local + 26);
    const bytes = workbook.subarray(from, from + packed);
    const content = workbook.readUInt16LE(entry + 10) === 8 ? inflateRawSync(bytes) : bytes;
    check(content.length === plain && crc32(content) === crc, name);
    if (name === 'xl/worksheets/sheet1.xml') return content.toString();
    entry += 46 + name.length;
  }
  throw new Error('no sheet');
}

function check(sound: boolean, what: string): void {
  if (!sound) throw new Error(`the archive is broken: ${what}`);
}
