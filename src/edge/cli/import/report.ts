import { type FileHandle, open, readFile, rm } from 'node:fs/promises';
import type { RowFault } from '../../../domain/imports/index.ts';
import { CommandRefused } from '../running/failures.ts';

const HEADING = 'line,field,value,reason,message\n';

/** Faults that are told on the terminal; all are in the file. */
const SHOWN = 5;

/** The row-by-row report: a CSV file that is there only if something failed. */
export class ErrorReport {
  readonly file: string;
  readonly #write: boolean;
  #handle: FileHandle | undefined;
  readonly #shown: RowFault[] = [];
  #count = 0;

  /** With `write` false nothing is written, and only the first faults are remembered. */
  constructor(file: string, write: boolean) {
    this.file = file;
    this.#write = write;
  }

  /** How many faults there were; a row can have several. */
  get count(): number {
    return this.#count;
  }

  /** The first few. */
  get shown(): readonly RowFault[] {
    return this.#shown;
  }

  /**
   * Takes away the report of an earlier import.
   * @throws CommandRefused when there is a file of that name that is no such report.
   */
  async begin(): Promise<void> {
    if (!this.#write) return;
    const before = await readFile(this.file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ENOENT') throw new CommandRefused(`${this.file} cannot be written: ${cause.message}`);
      return undefined;
    });
    if (before === undefined) return;
    if (!before.startsWith(HEADING)) throw new CommandRefused(`${this.file} is there already and is no error report; name another with --errors`);
    await rm(this.file);
  }

  async add(faults: readonly RowFault[]): Promise<void> {
    this.#count += faults.length;
    this.#shown.push(...faults.slice(0, SHOWN - this.#shown.length));
    if (!this.#write || faults.length === 0) return;
    if (!this.#handle) {
      this.#handle = await open(this.file, 'w');
      await this.#handle.write(HEADING);
    }
    await this.#handle.write(
      faults.map(({ line, field, value, reason, message }) => `${[String(line), field, value, reason, message].map(quoted).join(',')}\n`).join(''),
    );
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
