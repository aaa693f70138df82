import { once } from 'node:events';
import { printableLines } from './printable.ts';

/** Writes a result to standard output; waits while the reader is slower. */
export async function printResult(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

/** Tells something by the way, on standard error: nothing of it is obeyed by a terminal. */
export function note(text: string): void {
  process.stderr.write(`${printableLines(text)}\n`);
}

/** Columns of the terminal that the results go to; undefined when they go to a file or a pipe. */
export const terminalWidth = (): number | undefined => (process.stdout.isTTY ? process.stdout.columns : undefined);
