import { randomUUID } from 'node:crypto';
import { link, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes a file that only its owner reads, with mode 0600; one that is there gives way. Nobody ever reads half of it, or one with a wider mode. */
export const writePrivateFile = (file: string, text: string): Promise<void> => drafted(file, text, (draft) => rename(draft, file));

/** The same, unless the file is there: of two that write at once one wins. */
export const ensurePrivateFile = (file: string, text: string): Promise<void> =>
  drafted(file, text, async (draft) => {
    await link(draft, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  });

/** Written beside it first, and put in place whole. */
async function drafted(file: string, text: string, place: (draft: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomUUID()}`;
  try {
    await writeFile(draft, text, { mode: 0o600, flag: 'wx', flush: true });
    await place(draft);
  } finally {
    await rm(draft, { force: true });
  }
}
