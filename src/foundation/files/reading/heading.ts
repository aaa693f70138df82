import { FileUnreadable } from './unreadable.ts';

/** Columns of a table that are read. */
export const MAX_COLUMNS = 1_000;

/** @throws FileUnreadable when the columns cannot be told apart, or have no names. */
export function assertHeading(file: string, columns: readonly string[]): void {
  if (columns.length > MAX_COLUMNS) throw new FileUnreadable(`${file} has more than ${MAX_COLUMNS.toLocaleString('en')} columns`);
  const seen = new Set<string>();
  const twice = columns.find((column) => column !== '' && seen.size === seen.add(column).size);
  if (twice !== undefined) throw new FileUnreadable(`${file} has two columns named ${JSON.stringify(twice)}`);
  if (columns.every((column) => column === '')) throw new FileUnreadable(`${file} has no heading: its first line must name the columns`);
}
