import { create } from '@bufbuild/protobuf';
import { RE2JS } from 're2js';
import { type ImportColumn, type ImportMapping, ImportMappingSchema } from '../../../gen/ticketing/v1/import_pb.ts';
import { InvalidField } from '../../foundation/errors.ts';
import { attributesOf, type Cell, type Field, type Mapping } from '../imports/index.ts';

/** The fields of a ticket by their names in the message and in a mapping. */
const FIELDS = [
  ['userId', 'user_id'],
  ['group', 'group'],
  ['priority', 'priority'],
  ['title', 'title'],
  ['description', 'description'],
  ['labels', 'labels'],
  ['agentId', 'agent_id'],
] as const satisfies readonly (readonly [keyof ImportMapping, Field])[];

/** Attributes that a guess keeps: as many as a mapping may name. */
const MAX_ATTRIBUTES = 256;

/** How much work one pattern may make for each character. */
const MAX_PATTERN_SIZE = 200;
/** Characters of a text that is held against a pattern; a longer one does not match. */
const MAX_MATCHED_LENGTH = 500;

/** The mapping that a message describes. @throws InvalidField for a pattern that is none, and for names given twice */
export function toMapping(message: ImportMapping): Mapping {
  const fields = FIELDS.flatMap(([name, field]) => (message[name] ? [[field, toCell(message[name], `settings.mapping.${field}`)] as const] : []));
  const attributes = message.attributes.map(({ name, column }) => [name, column] as const);
  assertOnce(
    attributes.map(([name]) => name),
    'settings.mapping.attributes',
  );
  return {
    source: undefined,
    key: message.keyColumns,
    fold: false,
    unknown: message.unknownTexts,
    fields: Object.fromEntries(fields),
    attributes: Object.fromEntries(attributes),
  };
}

/** A mapping that was guessed, as a message that means the same. */
export function toMappingMessage(mapping: Mapping, columns: readonly string[]): ImportMapping {
  const fields = FIELDS.flatMap(([name, field]) => {
    const column = mapping.fields[field]?.column;
    return column === undefined ? [] : [[name, { column }] as const];
  });
  const attributes = Object.entries(attributesOf(mapping, columns)).slice(0, MAX_ATTRIBUTES);
  return create(ImportMappingSchema, {
    ...Object.fromEntries(fields),
    keyColumns: [...mapping.key],
    attributes: attributes.map(([name, column]) => ({ name, column })),
  });
}

function toCell({ column, match, value, texts, defaultText }: ImportColumn, path: string): Cell {
  assertOnce(
    texts.map(({ text }) => text),
    `${path}.texts`,
  );
  return {
    column: column || undefined,
    match: match === '' ? undefined : patternOf(match, `${path}.match`),
    value: value || undefined,
    values: texts.length === 0 ? undefined : Object.fromEntries(texts.map(({ text, meaning }) => [text, meaning])),
    default: defaultText || undefined,
  };
}

function assertOnce(names: readonly string[], field: string): void {
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new InvalidField(field, `must not name ${JSON.stringify(twice)} twice`);
}

/** Patterns of strangers are matched in time that grows with the text only. */
function patternOf(source: string, field: string): NonNullable<Cell['match']> {
  const pattern = compiled(source, field);
  if (pattern.programSize() > MAX_PATTERN_SIZE) throw new InvalidField(field, 'repeats too much');
  return {
    source,
    exec(text) {
      if (text.length > MAX_MATCHED_LENGTH) return null;
      const matcher = pattern.matcher(text);
      if (!matcher.find()) return null;
      return Array.from({ length: matcher.groupCount() + 1 }, (_, group) => matcher.group(group) ?? undefined);
    },
  };
}

function compiled(source: string, field: string): RE2JS {
  try {
    return RE2JS.compile(source);
  } catch (cause) {
    throw new InvalidField(field, `is no regular expression of RE2: ${(cause as Error).message}`);
  }
}
