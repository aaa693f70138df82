import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Config } from '../../../foundation/config/index.ts';
import { writePrivateFile } from '../../../foundation/private-file.ts';
import { yamlOf } from '../output/documents.ts';
import { UsageWrong } from '../running/failures.ts';

const text = z.string().min(1).max(2_000).optional();

const profileSchema = z.strictObject({
  address: text,
  token: text,
  token_file: text,
  ca_file: text,
  client_cert_file: text,
  client_key_file: text,
});

const NAME = /^[A-Za-z0-9._-]{1,64}$/;

const fileSchema = z.strictObject({
  default: z.string().optional(),
  profiles: z.record(z.string().regex(NAME, 'a name is 1-64 letters, digits and ._-'), profileSchema).default({}),
});

/** How one service is reached. Files are found from the folder of the profiles' file; `~/` is the home folder. */
export type Profile = z.output<typeof profileSchema>;

/** All profiles, and the one that counts when none is named. */
export type Profiles = z.output<typeof fileSchema>;

/** Where profiles are kept, with mode 0600. */
export function profilesFileOf({ profilesFile, configHome }: Config): string {
  return resolve(profilesFile ?? join(configHome ?? join(homedir(), '.config'), 'docket', 'profiles.yaml'));
}

/**
 * The profiles of a file; none, if it is not there.
 * @throws UsageWrong for a file that cannot be read or meant, or that holds a token and others may read.
 */
export async function readProfiles(file: string): Promise<Profiles> {
  const content = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw new UsageWrong(`${file} cannot be read (${error.code})`);
  });
  const parsed = fileSchema.safeParse(parsedYaml(file, content));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UsageWrong(`${file}: ${issue?.path.join('.')}${issue?.path.length ? ': ' : ''}${issue?.message}`);
  }
  if (Object.values(parsed.data.profiles).some(({ token }) => token !== undefined) && ((await stat(file)).mode & 0o077) !== 0)
    throw new UsageWrong(`${file} holds a token, and others than you may read it; chmod 600 ${file}`);
  return parsed.data;
}

function parsedYaml(file: string, content: string): unknown {
  try {
    return parse(content) ?? {};
  } catch (error) {
    throw new UsageWrong(`${file} is no YAML: ${(error as Error).message.split('\n')[0]}`);
  }
}

/** Writes them; only their owner reads them. */
export const writeProfiles = (file: string, profiles: Profiles): Promise<void> => writePrivateFile(file, yamlOf(profiles));

/**
 * The profile of this name, or the default one, or none; its files with whole paths.
 * @throws UsageWrong when there is none of the name.
 */
export async function findProfile(file: string, name: string | undefined): Promise<Profile | undefined> {
  const { default: usual, profiles } = await readProfiles(file);
  const wanted = name ?? usual;
  if (wanted === undefined) return undefined;
  const profile = Object.hasOwn(profiles, wanted) ? profiles[wanted] : undefined;
  if (!profile) throw new UsageWrong(`${file} has no profile ${JSON.stringify(wanted)}; it has ${Object.keys(profiles).join(', ') || 'none'}`);
  const whole = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : resolve(dirname(file), path.startsWith('~/') ? join(homedir(), path.slice(2)) : path);
  return {
    ...profile,
    token_file: whole(profile.token_file),
    ca_file: whole(profile.ca_file),
    client_cert_file: whole(profile.client_cert_file),
    client_key_file: whole(profile.client_key_file),
  };
}

/** @throws UsageWrong for a name that a profile cannot have. */
export function assertProfileName(name: string): void {
  if (!NAME.test(name)) throw new UsageWrong(`a profile's name is 1-64 letters, digits and ._-, not ${JSON.stringify(name)}`);
}
