import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { EntityManager } from '@mikro-orm/postgresql';
import { ensureFirstAdministrator, type FirstAdministratorToken } from '../../domain/access/index.ts';

/**
 * The administrator token of the embedded default: made at the first start and kept in `file`, which
 * only its owner can read (mode 0600; made so again if somebody opened it up). A later start reads
 * it. A lost file, or one from another database, gives a new token and revokes the lost one. `made`
 * is the time to show it; `revoked` means that an administrator ended it on purpose.
 */
export function ensureFirstAdministratorToken(em: EntityManager, file: string): Promise<FirstAdministratorToken> {
  return ensureFirstAdministrator(
    em,
    () => readPrivateFile(file),
    (token) => writePrivateFile(file, `${token}\n`),
  );
}

async function readPrivateFile(file: string): Promise<string | undefined> {
  try {
    await chmod(file, 0o600);
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function writePrivateFile(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  // Written beside it and renamed: nobody ever reads half a token, or one with a wider mode.
  const draft = `${file}.${randomUUID()}`;
  try {
    await writeFile(draft, text, { mode: 0o600, flag: 'wx', flush: true });
    await rename(draft, file);
  } finally {
    await rm(draft, { force: true });
  }
}
