import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

export const root = join(import.meta.dirname, '../..');

/** A chapter of docs/clients.md. */
export interface Chapter {
  readonly name: string;
  /** What its reader types, chapter by chapter; empty where there is nothing to type. */
  readonly commands: string;
  /** What its reader installs first, on Debian 12. */
  readonly install: string | undefined;
  /** What its commands print, where it says so. */
  readonly printed: string | undefined;
  /** The files that it shows, by their names. */
  readonly files: ReadonlyMap<string, string>;
}

export const chapters: readonly Chapter[] = readFileSync(join(root, 'docs/clients.md'), 'utf8')
  .split(/^## /m)
  .slice(1)
  .map((text) => ({
    name: text.slice(0, text.indexOf('\n')),
    commands: [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, commands]) => commands).join(''),
    install: /^# (apt-get install .*)$/m.exec(text)?.[1],
    printed: /^```console\n(created [\s\S]*?)^```$/m.exec(text)?.[1],
    files: new Map([...text.matchAll(/^`([\w.-]+)`:\n\n```\w+\n([\s\S]*?)^```$/gm)].map(([, name = '', file = '']) => [name, file])),
  }));

/** The chapter with this name. */
export function chapterOf(name: string): Chapter {
  const found = chapters.find((chapter) => chapter.name === name);
  if (!found) throw new Error(`docs/clients.md has no chapter ${name}`);
  return found;
}

/** What the examples print for a group in which there is nothing yet. */
export const expectedFor = (groupKey: string): string => (chapterOf('Before you begin').printed ?? '').replaceAll('TRY-', `${groupKey}-`);

/** Where examples are tried, and what they are told. */
export interface Place {
  /** The folder that the guide calls `$TRY`. */
  readonly folder: string;
  readonly address: string;
  readonly token: string;
  readonly groupId: string;
}

/** Types the commands of a chapter, after `prelude`; answers what they printed. @throws Error when one fails, with what it printed. */
export async function follow(chapter: Chapter, place: Place, prelude = ''): Promise<string> {
  const env = {
    ...process.env,
    PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env['PATH']}`,
    DOCKET: root,
    TRY: place.folder,
    DOCKET_ADDRESS: place.address,
    DOCKET_TOKEN: place.token,
    GROUP_ID: place.groupId,
  };
  const script = `set -eo pipefail\n${prelude}\n${chapter.commands}`;
  const { stdout } = await promisify(execFile)('bash', ['-c', script], { cwd: root, env, maxBuffer: 16 * 1024 * 1024 });
  return stdout;
}
