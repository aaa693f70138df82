import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import { FileUnreadable } from './unreadable.ts';

/** What the parts of a workbook may take together once unpacked: a few kilobytes can claim to be gigabytes. */
const MAX_BYTES = 512 * 1024 * 1024;

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;

/** Aside, so that nobody else waits for it. */
const unpack = promisify<Buffer, { readonly maxOutputLength: number }, Buffer>(inflateRaw);

/**
 * A zip archive in memory, read by its directory. `member` unpacks one part, undefined when there is none of that name.
 * @throws FileUnreadable for what is no archive, is encrypted or unpacks to more than 512 MiB.
 */
export function openArchive(file: string, bytes: Buffer): { member(name: string): Promise<Buffer | undefined> } {
  const damaged = (): never => {
    throw new FileUnreadable(`${file} is no workbook, or is damaged`);
  };
  const end = bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || bytes.length < end + 22 || bytes.readUInt32LE(end) !== END) return damaged();
  const entries = new Map<string, { readonly at: number; readonly packed: number; readonly method: number; readonly flags: number }>();
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left -= 1) {
    if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== ENTRY) return damaged();
    const [nameLength, extra, comment] = [28, 30, 32].map((field) => bytes.readUInt16LE(at + field)) as [number, number, number];
    const name = bytes.toString('utf8', at + 46, at + 46 + nameLength);
    entries.set(name, {
      at: bytes.readUInt32LE(at + 42),
      packed: bytes.readUInt32LE(at + 20),
      method: bytes.readUInt16LE(at + 10),
      flags: bytes.readUInt16LE(at + 8),
    });
    at += 46 + nameLength + extra + comment;
  }
  let unpacked = 0;
  return {
    async member(name) {
      const entry = entries.get(name);
      if (!entry) return undefined;
      if (entry.flags & 1) throw new FileUnreadable(`${file} is protected by a password; save it without`);
      if (entry.at + 30 > bytes.length || bytes.readUInt32LE(entry.at) !== LOCAL || ![0, 8].includes(entry.method)) return damaged();
      const from = entry.at + 30 + bytes.readUInt16LE(entry.at + 26) + bytes.readUInt16LE(entry.at + 28);
      const packed = bytes.subarray(from, from + entry.packed);
      const content = entry.method === 0 ? packed : await inflate(file, packed, MAX_BYTES - unpacked);
      unpacked += content.length;
      return content;
    },
  };
}

async function inflate(file: string, packed: Buffer, maxOutputLength: number): Promise<Buffer> {
  try {
    return await unpack(packed, { maxOutputLength: Math.max(1, maxOutputLength) });
  } catch (error) {
    const tooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw new FileUnreadable(tooLarge ? `${file} unpacks to more than 512 MiB; split it, or save it as CSV` : `${file} is no workbook, or is damaged`);
  }
}
