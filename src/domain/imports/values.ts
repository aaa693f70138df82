import { Priority } from '../../../gen/ticketing/v1/ticket_pb.ts';
import type { Cell } from './mapping.ts';

/** A text of the file and what it came to mean. */
export interface Reading {
  /** After the mapping; undefined when nothing is known. */
  readonly value: string | undefined;
  /** As it stands in the file, for people. */
  readonly text: string;
  /** Whether the file says nothing and the mapping's default stands in. */
  readonly isDefault: boolean;
  /** Why it cannot be used. */
  readonly fault: string | undefined;
}

/** Reads one value of a row as its mapping says. `text` is the column's, without blanks around it. */
export function readCell(cell: Cell, text: string | undefined, unknown: readonly string[]): Reading {
  if (text === undefined || text === '' || unknown.includes(text)) return { value: cell.default, text: cell.default ?? '', isDefault: true, fault: undefined };
  const said = { text, isDefault: false };
  if (cell.values) {
    if (!Object.hasOwn(cell.values, text)) return { ...said, value: undefined, fault: 'is none of the values that the mapping names' };
    return { ...said, value: cell.values[text], fault: undefined };
  }
  if (!cell.match) return { ...said, value: text, fault: undefined };
  const found = cell.match.exec(text);
  if (!found) return { ...said, value: undefined, fault: `does not match ${cell.match.source}` };
  const made = cell.value?.replaceAll(/\$(\d)/g, (_all, group: string) => found[Number(group)] ?? '');
  return { ...said, value: made ?? found[1] ?? found[0], fault: undefined };
}

const priorities: Readonly<Record<string, Priority>> = {
  LOW: Priority.LOW,
  MEDIUM: Priority.MEDIUM,
  NORMAL: Priority.MEDIUM,
  MODERATE: Priority.MEDIUM,
  HIGH: Priority.HIGH,
  URGENT: Priority.URGENT,
  CRITICAL: Priority.URGENT,
};

/** A priority by its name; undefined for any other text. Numbers mean opposite things in different systems: a mapping has to say. */
export const priorityOf = (text: string): Priority | undefined => priorities[text.toUpperCase()];

/** A user id: a whole number above 0 that fits into 64 bits; undefined for any other text. */
export function userIdOf(text: string): bigint | undefined {
  if (!/^\d{1,19}$/.test(text)) return undefined;
  const id = BigInt(text);
  return id > 0n && id <= 0x7fff_ffff_ffff_ffffn ? id : undefined;
}

/** Labels separated by commas or semicolons, each once. */
export const labelsOf = (text: string): string[] => [
  ...new Set(
    text
      .split(/[,;]/)
      .map((label) => label.trim())
      .filter((label) => label !== ''),
  ),
];
