import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';
import stringWidth from 'string-width';
import { printable } from './printable.ts';

/** A column of a table: its heading, and what it shows of an item. */
export interface Column<Item> {
  readonly heading: string;
  of(item: Item): string;
  /** Cut to what is left of the line where the output is a terminal. At most one column has it. */
  readonly cut?: boolean;
}

/** How wide columns are, once it is settled: a long list comes in pieces, and they stand below each other. */
export class Table<Item> {
  readonly #columns: readonly Column<Item>[];
  /** Columns of the terminal; undefined where the output is none: then nothing is cut. */
  readonly #terminalWidth: number | undefined;
  #widths: readonly number[] | undefined;

  constructor(columns: readonly Column<Item>[], terminalWidth: number | undefined) {
    this.#columns = columns;
    this.#terminalWidth = terminalWidth;
  }

  /** The next lines, with the headings before the first. The first items settle the widths. */
  linesOf(items: readonly Item[]): string[] {
    const rows = items.map((item) => this.#columns.map((column) => printable(column.of(item))));
    const isFirst = this.#widths === undefined;
    if (isFirst) rows.unshift(this.#columns.map(({ heading }) => heading));
    this.#widths ??= this.#settle(rows);
    const widths = this.#widths;
    return rows.map((row) =>
      row
        .map((cell, at) => padded(this.#columns[at]?.cut && this.#terminalWidth ? shortened(cell, widths[at] ?? 0) : cell, widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }

  #settle(rows: readonly (readonly string[])[]): number[] {
    const widths = this.#columns.map((_, at) => Math.max(...rows.map((row) => stringWidth(row[at] ?? ''))));
    const flexible = this.#columns.findIndex(({ cut }) => cut);
    if (flexible < 0 || this.#terminalWidth === undefined) return widths;
    const others = widths.reduce((sum, width, at) => (at === flexible ? sum : sum + width + 2), 0);
    widths[flexible] = Math.max(10, Math.min(widths[flexible] ?? 0, this.#terminalWidth - others));
    return widths;
  }
}

/** An instant as tables show it, to the second, in UTC. */
export const timeText = (time: Timestamp | undefined): string => (time ? timestampDate(time).toISOString().replace(/\.\d+/, '') : '');

const padded = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - stringWidth(text)));

function shortened(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(kept + segment) > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}
