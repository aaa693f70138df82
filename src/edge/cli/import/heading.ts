import { CommandRefused } from '../running/failures.ts';

/** @throws CommandRefused when the columns cannot be told apart, or have no names. */
export function assertHeading(file: string, columns: readonly string[]): void {
  const twice = columns.find((column, at) => column !== '' && columns.indexOf(column) !== at);
  if (twice !== undefined) throw new CommandRefused(`${file} has two columns named ${JSON.stringify(twice)}`);
  if (columns.every((column) => column === '')) throw new CommandRefused(`${file} has no heading: its first line must name the columns`);
}
