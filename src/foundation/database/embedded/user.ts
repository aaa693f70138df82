import { stat } from 'node:fs/promises';
import { run, type SystemUser } from './process.ts';

/** In order of fitness; the second one is what macOS calls the first. */
const unprivileged = ['postgres', '_postgres', 'nobody'] as const;

/**
 * As whom PostgreSQL has to run, since it refuses root: undefined when we are not root, else the
 * owner of an existing `cluster`, else an unprivileged user of this system. Throws when there is none.
 */
export async function pickUser(cluster: string): Promise<SystemUser | undefined> {
  if (process.geteuid?.() !== 0) return undefined;
  const owner = await stat(cluster).catch(() => undefined);
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  for (const name of unprivileged) {
    const [uid, gid] = await Promise.all([numberOf('-u', name), numberOf('-g', name)]);
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new Error(
    `PostgreSQL does not run as root, and this system has none of the users ${unprivileged.join(', ')} to run it as. ` +
      'Start Docket as an ordinary user, or give it a database of your own by DATABASE_URL.',
  );
}

async function numberOf(flag: '-u' | '-g', name: string): Promise<number | undefined> {
  const { code, output } = await run(undefined, 'id', [flag, name]);
  // macOS writes its "nobody" as an unsigned number; spawn wants the signed one.
  return code === 0 ? Number(output) | 0 : undefined;
}
