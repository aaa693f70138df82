import { createHash } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImportTicketsRequest } from '../../../gen/ticketing/v1/file_service_pb.ts';
import { InvalidField } from '../../foundation/errors.ts';
import { TooManyUploads, UploadUnreadable } from './errors.ts';

/** Bytes of a file that is uploaded. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Files that this process takes at a time, and from one caller among them: nobody keeps out the others by himself. */
const MAX_AT_ONCE = 16;
const MAX_AT_ONCE_OF_CALLER = 8;
/** Whose files are on their way, one for each. */
const underWay: string[] = [];

/** A file that was uploaded. */
export interface Upload {
  /** Where it lies; only this process's user can read it. */
  readonly path: string;
  /** SHA-256 of its bytes. */
  readonly hash: Uint8Array;
}

/** Puts the chunks of a file into a temporary one, lets it be used, and takes it away, whatever comes of it. @throws TooManyUploads */
export async function withUpload<Result>(
  actor: string,
  messages: AsyncIterable<ImportTicketsRequest>,
  use: (upload: Upload) => Promise<Result>,
): Promise<Result> {
  if (underWay.length >= MAX_AT_ONCE) throw new TooManyUploads(MAX_AT_ONCE, 'files');
  if (underWay.filter((other) => other === actor).length >= MAX_AT_ONCE_OF_CALLER) throw new TooManyUploads(MAX_AT_ONCE_OF_CALLER, 'files of one caller');
  underWay.push(actor);
  let folder: string | undefined;
  try {
    folder = await mkdtemp(join(tmpdir(), 'docket-import-'));
    const path = join(folder, 'upload');
    return await use({ path, hash: await receive(messages, path) });
  } finally {
    underWay.splice(underWay.indexOf(actor), 1);
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

async function receive(messages: AsyncIterable<ImportTicketsRequest>, path: string): Promise<Uint8Array> {
  const hash = createHash('sha256');
  const file = await open(path, 'wx', 0o600);
  let bytes = 0;
  let isFirst = true;
  try {
    for await (const message of messages) {
      if (!isFirst) assertChunkOnly(message);
      isFirst = false;
      const { chunk } = message;
      bytes += chunk.length;
      if (bytes > MAX_BYTES) throw new UploadUnreadable('chunk', `the file has more than ${MAX_BYTES / (1024 * 1024)} MiB; split it`);
      hash.update(chunk);
      await file.writeFile(chunk);
    }
  } finally {
    await file.close();
  }
  return hash.digest();
}

/** What is said too late would not be heeded: a `validate_only` least of all. */
function assertChunkOnly({ settings, requestId, validateOnly, reason }: ImportTicketsRequest): void {
  const late = Object.entries({ settings, request_id: requestId, validate_only: validateOnly, reason }).find(([, value]) => Boolean(value));
  if (late) throw new InvalidField(late[0], 'must be in the first message only');
}
