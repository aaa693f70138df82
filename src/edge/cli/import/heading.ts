import { ImportRefused } from './refused.ts';

/** @throws ImportRefused when the columns cannot be told apart, or have no names. */
export function assertHeading(file: string, columns: readonly string[]): void {
  const twice = columns.find((column, at) => column !== '' && columns.indexOf(column) !== at);
  if (twice !== undefined) throw new ImportRefused(`${file} has two columns named ${JSON.stringify(twice)}`);
  if (columns.every((column) => column === '')) throw new ImportRefused(`${file} has no heading: its first line must name the columns`);
}
