import { chmod, lstat, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive } from './process.ts';

const sharedPlace = '/var/lib/docket';

/**
 * Folders outside `home` where binaries or data go when PostgreSQL's user cannot reach `home`
 * (a checkout in root's home directory, for instance). Both outlive a restart of the machine.
 */
export function placesOutside(): string[] {
  return [sharedPlace, `/var/tmp/docket-${process.geteuid?.() ?? 0}`];
}

/**
 * Makes a folder that others may walk through when we are root (PostgreSQL's user must), and
 * nobody else's otherwise. False when it cannot be made, or exists and others could tamper with it.
 */
export async function openPlace(folder: string): Promise<boolean> {
  const root = process.geteuid?.() === 0;
  try {
    const created = await mkdir(folder, { recursive: true });
    // By chmod, because the caller's umask takes bits away from mkdir's mode.
    if (created !== undefined) await chmod(folder, root ? 0o711 : 0o700);
    const found = await lstat(folder);
    return found.isDirectory() && found.uid === process.geteuid?.() && (found.mode & 0o022) === 0;
  } catch {
    return false;
  }
}

/** A new folder inside `place` to make something in before it is renamed to where it belongs. */
export async function makeWorkshop(place: string): Promise<string> {
  await removeAbandoned(place);
  return mkdtemp(join(place, `new-${process.pid}-`));
}

/** Takes away the workshops of starts that were killed half way. */
export async function removeAbandoned(place: string): Promise<void> {
  for (const name of await readdir(place)) {
    const maker = Number(/^new-(\d+)-/.exec(name)?.[1]);
    if (!(maker > 0) || isAlive(maker)) continue;
    // What the killed start had begun may still write there; what resists costs room and nothing else.
    await rm(join(place, name), { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }).catch(() => undefined);
  }
}
