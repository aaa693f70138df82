import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { access, type FileHandle, open, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { CommandRefused } from '../running/failures.ts';

/** A piece as it arrived. */
export interface Piece {
  readonly chunk: Uint8Array;
  readonly resumeToken: string;
}

/** Where an export goes. */
export interface Output {
  /** Leads to what follows the part that is there already; '' when nothing is. */
  readonly resumeToken: string;
  /** Bytes that are there already. */
  readonly bytes: number;
  write(piece: Piece): Promise<void>;
  /** All is written. */
  finish(): Promise<void>;
  /** It ended early: what is there stays. */
  close(): Promise<void>;
}

/** Standard output, or any stream: nothing of it is known afterwards. */
export const streamOutput = (stream: Writable): Output => ({
  resumeToken: '',
  bytes: 0,
  async write({ chunk }) {
    if (!stream.write(chunk)) await once(stream, 'drain');
  },
  finish: async () => undefined,
  close: async () => undefined,
});

interface Note {
  readonly request: string;
  readonly resumeToken: string;
  readonly bytes: number;
}

/**
 * A file that appears when it is whole. Until then it grows as `FILE.part`, and `FILE.part.json` says up to where it is good and how to go on: whatever
 * kills the command, the same command continues there. A part of another request begins anew.
 * @throws CommandRefused when the file is there already and need not give way, or cannot be written.
 */
export async function fileOutput(file: string, request: string, replace: boolean): Promise<Output> {
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (isThere && !replace) throw new CommandRefused(`${file} is there already; --replace writes it anew`);
  const part = `${file}.part`;
  const noteFile = `${part}.json`;
  const hash = createHash('sha256').update(request).digest('hex');
  const before = await readNote(noteFile, hash);
  if (before) await truncate(part, before.bytes).catch(() => undefined);
  const handle = await open(part, before ? 'r+' : 'w', 0o600).catch((cause: NodeJS.ErrnoException) => {
    throw new CommandRefused(`${part} cannot be written: ${cause.message}`);
  });
  const good = before !== undefined && (await handle.stat()).size === before.bytes;
  return growing({ file, part, noteFile, handle }, { request: hash, resumeToken: good ? before.resumeToken : '', bytes: good ? before.bytes : 0 });
}

interface Places {
  readonly file: string;
  readonly part: string;
  readonly noteFile: string;
  readonly handle: FileHandle;
}

async function growing({ file, part, noteFile, handle }: Places, start: Note): Promise<Output> {
  await handle.truncate(start.bytes);
  let { bytes } = start;
  return {
    resumeToken: start.resumeToken,
    bytes,
    async write({ chunk, resumeToken }) {
      await handle.write(chunk, 0, chunk.length, bytes);
      bytes += chunk.length;
      // Only what the note counts is good: a piece that was half written is written again.
      const note: Note = { request: start.request, resumeToken, bytes };
      await writeFile(`${noteFile}.new`, JSON.stringify(note), { mode: 0o600 });
      await rename(`${noteFile}.new`, noteFile);
    },
    async finish() {
      await handle.sync();
      await handle.close();
      await rename(part, file);
      await rm(noteFile, { force: true });
    },
    close: () => handle.close(),
  };
}

async function readNote(file: string, request: string): Promise<Note | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const note = JSON.parse(text) as Note;
    return note.request === request && note.resumeToken !== '' && Number.isSafeInteger(note.bytes) ? note : undefined;
  } catch {
    return undefined;
  }
}
