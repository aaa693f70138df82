import { FileUnreadable } from '../../foundation/files/reading/unreadable.ts';

/** What a column can be mapped to. `member` names an agent who works in the row's group, without giving him the ticket. */
export const FIELDS = ['user_id', 'group', 'priority', 'title', 'description', 'labels', 'agent_id', 'member'] as const;
export type Field = (typeof FIELDS)[number];

/** A regular expression, whichever engine matches by it. */
export interface Pattern {
  readonly source: string;
  /** The match and its groups; null when there is none. */
  exec(text: string): readonly (string | undefined)[] | null;
}

/** How a value is made from a column. */
export interface Cell {
  readonly column: string | undefined;
  /** What the text must look like. */
  readonly match: Pattern | undefined;
  /** What is made of a match; `$1` stands for its first group. */
  readonly value: string | undefined;
  /** The texts that are allowed and what they mean. */
  readonly values: Readonly<Record<string, string>> | undefined;
  /** Taken as it is where the column is absent or says nothing. */
  readonly default: string | undefined;
}

/** What each column of a file means. */
export interface Mapping {
  /** Where the rows come from: the `system` of every ticket's external reference. Undefined: named after the file. */
  readonly source: string | undefined;
  /** Columns that tell tickets apart, so that an import can be repeated. Empty: those of the user and the group. */
  readonly key: readonly string[];
  /** Whether the rows of one key are events of one ticket rather than tickets of their own. */
  readonly fold: boolean;
  /** Texts that mean "not known", besides the empty one. */
  readonly unknown: readonly string[];
  readonly fields: Readonly<Partial<Record<Field, Cell>>>;
  /** Attributes by name and the columns they are kept from. Undefined: every column that is not mapped, under its own name. */
  readonly attributes: Readonly<Record<string, string>> | undefined;
}

/** A mapping that maps nothing. */
export const EMPTY_MAPPING: Mapping = { source: undefined, key: [], fold: false, unknown: [], fields: {}, attributes: undefined };

/** Every column that the mapping speaks of must be there; throws FileUnreadable naming the missing ones. */
export function assertColumns(mapping: Mapping, columns: readonly string[]): void {
  const named = [...mapping.key, ...Object.values(mapping.fields).map((field) => field.column), ...Object.values(mapping.attributes ?? {})];
  const missing = [...new Set(named)].filter((column) => column !== undefined && !columns.includes(column));
  if (missing.length > 0) throw new FileUnreadable(`the file has no column ${quoted(missing)}; it has ${quoted(columns)}`, 'mapping');
}

/** What no ticket can do without and the mapping has no column or default for; undefined when there is nothing. */
export const missingField = (mapping: Mapping): Field | undefined => (['user_id', 'group'] as const).find((field) => !mapping.fields[field]);

/** Names as people read them in a sentence. */
export const quoted = (names: readonly (string | undefined)[]): string => names.map((name) => JSON.stringify(name)).join(', ');
