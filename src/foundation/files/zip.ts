import { constants, crc32, deflateRaw } from 'node:zlib';

/** What has been written of the one member of an archive whose length is not known in advance. */
export interface Written {
  /** Running CRC-32 of the plain bytes. */
  readonly crc: number;
  readonly plainBytes: number;
  readonly packedBytes: number;
}

export const NOTHING_WRITTEN: Written = { crc: 0, plainBytes: 0, packedBytes: 0 };

/** More than this takes an archive another form, which not all programs read. */
export const MAX_MEMBER_BYTES = 0xffff_ffff;

/** Stands for the end of compressed data: an empty last block. */
const LAST_BLOCK = Buffer.from([0x03, 0x00]);

// 1 January 1980, the first day that archives know: the same content is the same bytes.
const DOS_DATE = 0x21;

/**
 * Packs a further part of a member. Each part is packed by itself and ends on a whole byte, so that parts can be made by different processes and
 * joined.
 */
export async function pack(plain: Buffer, written: Written): Promise<{ readonly packed: Buffer; readonly written: Written }> {
  const packed = await new Promise<Buffer>((resolve, reject) => {
    deflateRaw(plain, { finishFlush: constants.Z_FULL_FLUSH }, (error, result) => (error ? reject(error) : resolve(result)));
  });
  return {
    packed,
    written: { crc: crc32(plain, written.crc), plainBytes: written.plainBytes + plain.length, packedBytes: written.packedBytes + packed.length },
  };
}

/** An archive of some small members, stored, and one long one at the end, packed as it comes. */
export class Archive {
  readonly #members: readonly { readonly name: string; readonly content: Buffer; readonly at: number }[];
  readonly #lastName: string;
  /** What stands before the long member's packed bytes. */
  readonly head: Buffer;
  readonly #lastAt: number;

  constructor(members: Readonly<Record<string, string>>, lastName: string) {
    const pieces: Buffer[] = [];
    let at = 0;
    const add = (piece: Buffer): void => {
      pieces.push(piece);
      at += piece.length;
    };
    this.#members = Object.entries(members).map(([name, text]) => {
      const member = { name, content: Buffer.from(text), at };
      add(localHeader(name, sizesOf(member.content), 0));
      add(member.content);
      return member;
    });
    this.#lastName = lastName;
    this.#lastAt = at;
    add(localHeader(lastName, { crc: 0, plainBytes: 0, packedBytes: 0 }, 8));
    this.head = Buffer.concat(pieces);
  }

  /** What stands after the long member's packed bytes. */
  tail(written: Written): Buffer {
    const last = { ...written, packedBytes: written.packedBytes + LAST_BLOCK.length };
    const descriptor = Buffer.alloc(16);
    descriptor.writeUInt32LE(0x08074b50, 0);
    writeSizes(descriptor, 4, last);
    const directory = Buffer.concat([
      ...this.#members.map(({ name, content, at }) => directoryEntry(name, sizesOf(content), 0, at)),
      directoryEntry(this.#lastName, last, 8, this.#lastAt),
    ]);
    const end = Buffer.alloc(22);
    end.writeUInt32LE(0x06054b50, 0);
    end.writeUInt16LE(this.#members.length + 1, 8);
    end.writeUInt16LE(this.#members.length + 1, 10);
    end.writeUInt32LE(directory.length, 12);
    end.writeUInt32LE(this.head.length + last.packedBytes + descriptor.length, 16);
    return Buffer.concat([LAST_BLOCK, descriptor, directory, end]);
  }
}

const sizesOf = (content: Buffer): Written => ({ crc: crc32(content), plainBytes: content.length, packedBytes: content.length });

function writeSizes(target: Buffer, at: number, { crc, packedBytes, plainBytes }: Written): void {
  target.writeUInt32LE(crc, at);
  target.writeUInt32LE(packedBytes, at + 4);
  target.writeUInt32LE(plainBytes, at + 8);
}

/** Version, flags, method, time and date, sizes, length of the name: the same in both kinds of header. A packed member's sizes follow it. */
function common(name: string, sizes: Written, method: 0 | 8): Buffer {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(method === 8 ? 0x08 : 0, 2);
  fields.writeUInt16LE(method, 4);
  fields.writeUInt16LE(DOS_DATE, 8);
  writeSizes(fields, 10, sizes);
  fields.writeUInt16LE(name.length, 22);
  return fields;
}

function localHeader(name: string, sizes: Written, method: 0 | 8): Buffer {
  const signature = Buffer.alloc(4);
  signature.writeUInt32LE(0x04034b50);
  return Buffer.concat([signature, common(name, sizes, method), Buffer.from(name, 'ascii')]);
}

function directoryEntry(name: string, sizes: Written, method: 0 | 8, at: number): Buffer {
  const start = Buffer.alloc(6);
  start.writeUInt32LE(0x02014b50);
  start.writeUInt16LE(20, 4);
  const rest = Buffer.alloc(14);
  rest.writeUInt32LE(at, 10);
  return Buffer.concat([start, common(name, sizes, method), rest, Buffer.from(name, 'ascii')]);
}
