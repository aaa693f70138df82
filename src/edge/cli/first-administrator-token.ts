import { chmod, readFile } from 'node:fs/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import { ensureFirstAdministrator, type FirstAdministratorToken } from '../../domain/access/index.ts';
import { writePrivateFile } from '../../foundation/private-file.ts';

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
