import { DomainError } from '../errors.ts';

/** A fault found inside a filter, at an index into its text; the compiler turns it into a FilterError. */
export class Fault extends Error {
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

const LONGEST_QUOTED = 64;

/** What a caller wrote, cut to a length that fits a message. */
export function quoted(written: string): string {
  return written.length > LONGEST_QUOTED ? `${written.slice(0, LONGEST_QUOTED).toWellFormed()}…` : written;
}

/**
 * The filter cannot be used. Says where: `offset` counts characters from 0, `line` and `column`
 * from 1. Reaches the caller as INVALID_ARGUMENT with reason FILTER_INVALID.
 */
export class FilterError extends DomainError {
  readonly offset: number;
  readonly line: number;
  readonly column: number;

  constructor(message: string, source: string, at: number) {
    const before = source.slice(0, at);
    const lines = before.split(/\r\n|\r|\n/);
    const offset = [...before].length;
    const column = [...(lines.at(-1) ?? '')].length + 1;
    const description = `line ${lines.length}, column ${column}: ${message}`;
    super('invalid_argument', 'FILTER_INVALID', `filter: ${description}`, {
      violations: [{ field: 'filter', description }],
      facts: { field: 'filter', offset: `${offset}`, line: `${lines.length}`, column: `${column}` },
    });
    this.offset = offset;
    this.line = lines.length;
    this.column = column;
  }
}
