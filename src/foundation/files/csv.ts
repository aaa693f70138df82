import { withGuard } from './formula.ts';
import type { Cell } from './table.ts';

/**
 * A line of CSV by RFC 4180. Every value stands in quotation marks, so that a program that separates by something else does not find separators of its
 * own in them, and texts are guarded.
 */
export const csvLine = (cells: readonly Cell[]): string =>
  `${cells.map(({ kind, text }) => `"${(kind === 'text' ? withGuard(text) : text).replaceAll('"', '""')}"`).join(',')}\r\n`;
