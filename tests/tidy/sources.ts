import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');

/** A file that people write and read, by its path from the top of the project. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** The files that match, in order of their paths. */
export function sources(...patterns: string[]): Source[] {
  const paths = globSync(patterns, { cwd: root, exclude: ['**/node_modules/**'] }).toSorted();
  return paths.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

/** Everything written in TypeScript, generated code apart. */
export const typescript = (): Source[] => sources('src/**/*.ts', 'tests/**/*.ts', 'scripts/**/*.ts', '*.ts');

/** Where a pattern occurs outside comments, as `path:line  what was found`. */
export function occurrences(files: readonly Source[], pattern: RegExp): string[] {
  return files.flatMap(({ path, text }) =>
    blankComments(path, text)
      .split('\n')
      .flatMap((line, at) => [...line.matchAll(new RegExp(pattern, 'g'))].map(([found]) => `${path}:${at + 1}  ${found}`)),
  );
}

/** The text with its comments taken out and its lines left where they were. */
function blankComments(path: string, text: string): string {
  // A comment follows a space or a bracket; `//` in an address and `/*` in a pattern of paths do not.
  const comment = path.endsWith('.sql') ? /--.*/g : /(?<=^|[\s(])\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*/g;
  return text.replaceAll(comment, (found) => found.replaceAll(/[^\n]/g, ' '));
}
