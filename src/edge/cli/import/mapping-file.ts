import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { type Cell, FIELDS, type Field, type Mapping } from '../../../domain/imports/index.ts';
import { UsageWrong } from '../running/failures.ts';

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
