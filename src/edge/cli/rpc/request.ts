import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { type DescEnum, type DescField, type DescMessage, fromJson, type JsonValue, type MessageShape } from '@bufbuild/protobuf';
import { UsageWrong } from '../running/failures.ts';
import { nearest } from '../running/nearest.ts';
import { choicesOf } from './choices.ts';

/**
 * The text of a request: the argument itself, a file (`@request.json`), or standard input (`-`). With no argument it is what comes through a pipe, if
 * something does.
 * @throws UsageWrong
 */
export async function readRequestText(argument: string | undefined): Promise<string> {
  if (argument === undefined) return process.stdin.isTTY ? '{}' : (await text(process.stdin)).trim() || '{}';
  if (argument === '-') return text(process.stdin);
  if (!argument.startsWith('@')) return argument;
  return readFile(argument.slice(1), 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageWrong(error.code === 'ENOENT' ? `there is no file ${argument.slice(1)}` : `${argument.slice(1)} cannot be read (${error.code})`);
  });
}

/**
 * A message from its JSON: fields by either spelling (`group_id`, `groupId`), enums by either name (`OPEN`, `TICKET_STATUS_OPEN`), nothing that the message
 * does not know.
 * @throws UsageWrong naming what does not fit.
 */
export function parseRequest<Schema extends DescMessage>(schema: Schema, json: string): MessageShape<Schema> {
  const value = parseJson(json);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UsageWrong(`the request must be a JSON object such as ${exampleOf(schema)}`);
  settleFields(schema, value as Record<string, unknown>, '');
  try {
    return fromJson(schema, value as JsonValue);
  } catch (error) {
    throw new UsageWrong(`the request does not fit ${schema.name}: ${(error as Error).message.replace(/^cannot decode /, '')}`);
  }
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json, (key, value: unknown, ...[context]: unknown[]) => {
      const source = (context as { readonly source?: string } | undefined)?.source;
      if (typeof value === 'number' && source !== undefined && /^-?\d+$/.test(source) && !Number.isSafeInteger(value))
        throw new UsageWrong(`the number ${source} of ${key} would lose digits; write it as "${source}"`);
      return value;
    });
  } catch (error) {
    if (error instanceof UsageWrong) throw error;
    throw new UsageWrong(`the request is no JSON: ${(error as Error).message}`);
  }
}

/** Gives enums their full names. Names every field that the message does not have by its path, and the one that is meant, perhaps. */
function settleFields(schema: DescMessage, value: Record<string, unknown>, path: string): void {
  // These have a JSON of their own.
  if (schema.typeName.startsWith('google.protobuf.')) return;
  for (const [name, inner] of Object.entries(value)) {
    const field = schema.fields.find((each) => each.name === name || each.jsonName === name);
    if (!field) throw new UsageWrong(unknownField(schema, name, path));
    const enumeration = enumOf(field);
    if (enumeration)
      value[name] = Array.isArray(inner)
        ? inner.map((item, at) => fullName(enumeration, item, `${path}${name}[${at}]`))
        : fullName(enumeration, inner, `${path}${name}`);
    const message = messageOf(field);
    if (!message) continue;
    const each: [string, unknown][] = Array.isArray(inner) ? inner.map((item, at) => [`${path}${name}[${at}].`, item]) : [[`${path}${name}.`, inner]];
    for (const [at, item] of each) if (isObject(item)) settleFields(message, item, at);
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function messageOf(field: DescField): DescMessage | undefined {
  return field.fieldKind === 'message' || (field.fieldKind === 'list' && field.listKind === 'message') ? field.message : undefined;
}

function enumOf(field: DescField): DescEnum | undefined {
  return field.fieldKind === 'enum' || (field.fieldKind === 'list' && field.listKind === 'enum') ? field.enum : undefined;
}

/** What is no text is left to be judged with the rest. */
function fullName(schema: DescEnum, value: unknown, path: string): unknown {
  if (typeof value !== 'string') return value;
  const found = schema.values.find(({ name, localName }) => name === value || localName === value.toUpperCase());
  if (!found) throw new UsageWrong(`${path} is one of ${choicesOf(schema).join(', ')}, not ${JSON.stringify(value)}`);
  return found.name;
}

function unknownField(schema: DescMessage, name: string, path: string): string {
  const names = schema.fields.map((field) => field.name);
  const meant = nearest(name, [...names, ...schema.fields.map((field) => field.jsonName)]);
  const has = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
  return `${schema.name} has no field ${path}${name}; ${meant ? `${meant} is meant, perhaps` : has}`;
}

function exampleOf(schema: DescMessage): string {
  const field = schema.fields.find((each) => each.fieldKind === 'scalar');
  return field ? `{"${field.name}": …}` : '{}';
}
