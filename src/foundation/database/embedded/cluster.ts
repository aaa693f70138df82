import { randomBytes } from 'node:crypto';
import { chown, link, lstat, mkdir, open, readFile, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { makeWorkshop, openPlace, placesOutside, removeAbandoned } from './places.ts';
import { canWrite, run, type SystemUser } from './process.ts';

/** The name of the role that owns everything in an embedded server, and of its database. */
export const owner = 'docket';

/**
 * The password of an embedded server: 256 random bits, kept in `home/password` with mode 0600.
 * Of two starts at once both get the same one.
 */
export async function ensurePassword(home: string): Promise<string> {
  const file = join(home, 'password');
  if (!(await exists(file))) {
    const fresh = `${file}.${randomBytes(6).toString('hex')}`;
    await writeFile(fresh, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' });
    // A link appears whole or fails when another start was first; a crash leaves no half file.
    await link(fresh, file).catch(ignore('EEXIST'));
    await rm(fresh, { force: true });
  }
  return (await readFile(file, 'utf8')).trim();
}

/** Whether there is a database below `home`, running or not. */
export const hasCluster = (home: string): Promise<boolean> => exists(join(home, 'cluster'));

/** What `ensureCluster` needs to know. */
export interface ClusterRequest {
  readonly home: string;
  readonly user: SystemUser | undefined;
  readonly binaries: Binaries;
  readonly password: string;
  /** False leaves the new files to the operating system's own time: tests only. */
  readonly sync: boolean;
  readonly log: (line: string) => void;
}

/**
 * The real path of PostgreSQL's data below `home`, made first when there is none: UTF-8, locale C,
 * SCRAM passwords for everybody. It appears whole or not at all, so an interrupted start harms
 * nothing. When PostgreSQL's user cannot reach `home`, `home/cluster` is a link to where he can.
 */
export async function ensureCluster(request: ClusterRequest): Promise<string> {
  const cluster = join(request.home, 'cluster');
  await removeAbandoned(request.home);
  if (!(await exists(cluster))) await makeCluster(request, cluster);
  const real = await realpath(cluster).catch(() => undefined);
  if (real === undefined || !(await exists(join(real, 'PG_VERSION')))) {
    throw new Error(`${cluster} does not hold a database (any more). Put it back, or remove ${request.home} to start with an empty one.`);
  }
  return real;
}

async function makeCluster(request: ClusterRequest, cluster: string): Promise<void> {
  const fresh = await reachableWorkshop(request);
  try {
    request.log('Making a new database, which takes a few seconds.');
    await initialise(request, fresh);
    const made = join(fresh, 'cluster');
    if (dirname(fresh) === request.home) {
      await rename(made, cluster).catch(ignore('EEXIST', 'ENOTEMPTY', 'ENOTDIR'));
    } else {
      const lasting = join(dirname(fresh), `cluster-${randomBytes(6).toString('hex')}`);
      await rename(made, lasting);
      await symlink(lasting, cluster).catch(async (cause: unknown) => {
        await rm(lasting, { recursive: true, force: true });
        ignore('EEXIST')(cause);
      });
    }
    await syncFolder(dirname(fresh));
    await syncFolder(request.home);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/** A new folder that PostgreSQL's user owns and can reach, below `home` when he can get there. */
async function reachableWorkshop({ home, user }: ClusterRequest): Promise<string> {
  for (const place of [home, ...placesOutside()]) {
    if (!(await openPlace(place)) && place !== home) continue;
    const fresh = await makeWorkshop(place);
    if (user) await chown(fresh, user.uid, user.gid);
    if (await canWrite(user, fresh)) return fresh;
    await rm(fresh, { recursive: true, force: true });
  }
  throw new Error(`PostgreSQL's user can reach neither ${home} nor ${placesOutside().join(' nor ')}. Choose another data directory.`);
}

async function initialise({ user, binaries, password, sync }: ClusterRequest, fresh: string): Promise<void> {
  const passwordFile = join(fresh, 'password');
  const cluster = join(fresh, 'cluster');
  await mkdir(cluster, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user) {
    await chown(cluster, user.uid, user.gid);
    await chown(passwordFile, user.uid, user.gid);
  }
  const { code, output } = await run(user, binaries.initdb, [
    `--pgdata=${cluster}`,
    `--username=${owner}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-instructions',
    ...(sync ? [] : ['--no-sync']),
  ]);
  if (code !== 0) throw new Error(`A new database could not be made: ${output}`);
}

async function exists(path: string): Promise<boolean> {
  // Not stat: a link that leads nowhere is a fault to report, not a database to make.
  return lstat(path).then(
    () => true,
    (cause: unknown) => {
      ignore('ENOENT')(cause);
      return false;
    },
  );
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  await handle.sync().finally(() => handle.close());
}

function ignore(...codes: string[]): (cause: unknown) => void {
  return (cause) => {
    if (!codes.includes((cause as NodeJS.ErrnoException).code ?? '')) throw cause;
  };
}
