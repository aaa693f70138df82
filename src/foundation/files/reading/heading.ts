import { FileUnreadable } from './unreadable.ts';

/** @throws FileUnreadable when the columns cannot be told apart, or have no names. */
export function assertHeading(file: string, columns: readonly string[]): void {
  const twice = columns.find((column, at) => column !== '' && columns.indexOf(column) !== at);
  if (twice !== undefined) throw new FileUnreadable(`${file} has two columns named ${JSON.stringify(twice)}`);
  if (columns.every((column) => column === '')) throw new FileUnreadable(`${file} has no heading: its first line must name the columns`);
}
