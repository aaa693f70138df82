import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { UsageWrong } from '../running/failures.ts';

/** What a column can be mapped to. `member` names an agent who works in the row's group, without giving him the ticket. */
export const FIELDS = ['user_id', 'group', 'priority', 'title', 'description', 'labels', 'agent_id', 'member'] as const;
export type Field = (typeof FIELDS)[number];

/** How a value is made from a column. */
export interface Cell {
  readonly column: string | undefined;
  /** What the text must look like. */
  readonly match: RegExp | undefined;
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

const pattern = z.string().transform((text, ctx) => {
  try {
    return new RegExp(text);
  } catch {
    ctx.addIssue({ code: 'custom', message: 'is no regular expression' });
    return z.NEVER;
  }
});

/** The form of a `Cell` in a mapping file: the name of a column, or an object. */
export const cellForm = z.union([
  z
    .string()
    .min(1)
    .transform((column): Cell => ({ column, match: undefined, value: undefined, values: undefined, default: undefined })),
  z
    .strictObject({
      column: z.string().min(1).optional(),
      match: pattern.optional(),
      value: z.string().optional(),
      values: z.record(z.string(), z.string()).optional(),
      default: z.string().optional(),
    })
    .refine((given) => given.column !== undefined || given.default !== undefined, 'needs a column or a default')
    .refine((given) => given.value === undefined || given.match !== undefined, 'has a value but no match that it is made from')
    .transform(({ column, match, value, values, default: fallback }): Cell => ({ column, match, value, values, default: fallback })),
]);

const mappingFile = z.strictObject({
  source: z.string().min(1).max(64).optional(),
  key: z.union([z.string().transform((column) => [column]), z.array(z.string())]).optional(),
  fold: z.boolean().optional(),
  unknown: z.array(z.string()).optional(),
  attributes: z.record(z.string().min(1), z.string()).optional(),
  ...(Object.fromEntries(FIELDS.map((field) => [field, cellForm.optional()])) as Record<Field, z.ZodOptional<typeof cellForm>>),
});

/**
 * Reads a mapping file: JSON as `samples/README.md` describes it.
 * @throws UsageWrong naming every fault.
 */
export async function readMapping(file: string): Promise<Mapping> {
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new UsageWrong(`the mapping ${file} cannot be read: ${cause.message}`);
  });
  const parsed = mappingFile.safeParse(parseJson(file, text));
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `  ${issue.path.join('.') || 'the file'}: ${issue.message}`);
    throw new UsageWrong(`the mapping ${file} cannot be used:\n${faults.join('\n')}`);
  }
  const { source, key = [], fold = false, unknown = [], attributes, ...fields } = parsed.data;
  if (fold && key.length === 0) throw new UsageWrong(`the mapping ${file} folds rows, so it must say by which key`);
  return { source, key, fold, unknown, fields: withoutAbsent(fields), attributes };
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageWrong(`the mapping ${file} is not JSON: ${(cause as Error).message}`);
  }
}

const withoutAbsent = (fields: Partial<Record<Field, Cell | undefined>>): Partial<Record<Field, Cell>> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** Every column that the mapping speaks of must be there; throws UsageWrong naming the missing ones. */
export function assertColumns(mapping: Mapping, columns: readonly string[]): void {
  const named = [...mapping.key, ...Object.values(mapping.fields).map((field) => field.column), ...Object.values(mapping.attributes ?? {})];
  const missing = [...new Set(named)].filter((column) => column !== undefined && !columns.includes(column));
  if (missing.length > 0)
    throw new UsageWrong(
      `the file has no column ${missing.map((column) => JSON.stringify(column)).join(', ')}; it has ${columns.map((column) => JSON.stringify(column)).join(', ')}`,
    );
  for (const field of ['user_id', 'group'] as const) {
    if (!mapping.fields[field])
      throw new UsageWrong(
        `which column is the ${field.replace('_', ' ')}? Say it with --${field.replace('_', '-')} COLUMN or in a mapping; the file has ${columns.map((column) => JSON.stringify(column)).join(', ')}`,
      );
  }
}
