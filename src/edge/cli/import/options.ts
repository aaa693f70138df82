import { basename } from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { EMPTY_MAPPING, FIELDS, type Field, type Mapping, missingField, plainCell, quoted } from '../../../domain/imports/index.ts';
import { UsageWrong } from '../running/failures.ts';
import { readMapping } from './mapping-file.ts';

/** What the command line asks for. */
export interface ImportArguments {
  readonly file: string;
  /** As the mapping file and the options say; columns are not looked at yet. */
  readonly mapping: Mapping;
  /** Whether headings may tell what the mapping leaves open. */
  readonly guess: boolean;
  readonly source: string;
  readonly errorsFile: string;
  readonly dryRun: boolean;
  readonly createGroups: boolean;
  readonly createAgents: boolean;
  readonly uniquePerUser: boolean;
  readonly encoding: string;
  readonly delimiter: string | undefined;
  readonly sheet: string | undefined;
  /** Whether the guessed meaning of the columns needs no confirmation. */
  readonly yes: boolean;
  readonly address: string | undefined;
  readonly token: string | undefined;
  readonly ca: string | undefined;
}

const MAX_SOURCE_LENGTH = 64;

const flagOf = (field: Field): string => field.replace('_', '-');

const options = {
  mapping: { type: 'string' },
  key: { type: 'string' },
  ...Object.fromEntries(FIELDS.map((field) => [flagOf(field), { type: 'string' }])),
  'default-group': { type: 'string' },
  source: { type: 'string' },
  errors: { type: 'string' },
  'dry-run': { type: 'boolean' },
  'create-groups': { type: 'boolean' },
  'create-agents': { type: 'boolean' },
  'unique-per-user': { type: 'boolean' },
  encoding: { type: 'string' },
  delimiter: { type: 'string' },
  sheet: { type: 'string' },
  yes: { type: 'boolean' },
  address: { type: 'string' },
  token: { type: 'string' },
  ca: { type: 'string' },
  profile: { type: 'string' },
} as const satisfies ParseArgsConfig['options'];

/**
 * Reads the arguments of `docket import`, and the mapping file if one is named.
 * @throws UsageWrong for an option that does not exist or does not fit.
 */
export async function readArguments(rawArgs: readonly string[]): Promise<ImportArguments> {
  const { values, positionals } = strictly(rawArgs);
  const [file, ...others] = positionals;
  if (file === undefined || others.length > 0) throw new UsageWrong('name one file: docket import FILE');
  const text = (name: string): string | undefined => (typeof values[name] === 'string' ? values[name] : undefined);
  const mapping = withOptions(text('mapping') === undefined ? EMPTY_MAPPING : await readMapping(text('mapping') ?? ''), text);
  const source = text('source') ?? mapping.source ?? basename(file).replace(/(\.retry)?(\.csv|\.xlsx)?(\.gz)?$/i, '');
  if (source === '' || source.length > MAX_SOURCE_LENGTH)
    throw new UsageWrong(`the source must have 1 to ${MAX_SOURCE_LENGTH} characters; name it with --source`);
  const delimiter = text('delimiter')?.replace('\\t', '\t');
  if (delimiter !== undefined && delimiter.length !== 1) throw new UsageWrong('--delimiter must be one character, such as ; or \\t');
  return {
    file,
    mapping,
    guess: text('mapping') === undefined,
    source,
    errorsFile: text('errors') ?? `${file}.errors.csv`,
    dryRun: values['dry-run'] === true,
    createGroups: values['create-groups'] === true,
    createAgents: values['create-agents'] === true,
    uniquePerUser: values['unique-per-user'] === true,
    encoding: text('encoding') ?? 'utf-8',
    delimiter,
    sheet: text('sheet'),
    yes: values.yes === true,
    address: text('address'),
    token: text('token'),
    ca: text('ca'),
  };
}

/** A misspelt option must not be passed over: `--dryrun` would import. */
function strictly(rawArgs: readonly string[]): { values: Record<string, string | boolean | undefined>; positionals: string[] } {
  try {
    return parseArgs({ args: [...rawArgs], options, allowPositionals: true });
  } catch (error) {
    throw new UsageWrong((error as Error).message);
  }
}

/** Options name other columns than the mapping file; what it does with their values stays. */
function withOptions(mapping: Mapping, text: (name: string) => string | undefined): Mapping {
  const fields = { ...mapping.fields };
  for (const field of FIELDS) {
    const column = text(flagOf(field));
    if (column !== undefined) fields[field] = { ...(fields[field] ?? plainCell(column)), column };
  }
  const fallback = text('default-group');
  if (fallback !== undefined) fields.group = { column: undefined, match: undefined, value: undefined, values: undefined, ...fields.group, default: fallback };
  const key = text('key')
    ?.split(',')
    .map((column) => column.trim());
  return { ...mapping, fields, ...(key ? { key } : {}) };
}

/** @throws UsageWrong when no column is the user or the group. */
export function assertFields(mapping: Mapping, columns: readonly string[]): void {
  const missing = missingField(mapping);
  if (missing === undefined) return;
  throw new UsageWrong(
    `which column is the ${missing.replace('_', ' ')}? Say it with --${flagOf(missing)} COLUMN or in a mapping; the file has ${quoted(columns)}`,
  );
}
