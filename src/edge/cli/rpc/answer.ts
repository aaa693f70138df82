import { type DescField, type DescMessage, isFieldSet, type Message, type MessageShape, toJson } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import type { ArgsDef } from 'citty';
import { jsonOf, yamlOf } from '../output/documents.ts';
import { printResult } from '../output/print.ts';
import { printable, printableLines } from '../output/printable.ts';
import { Table } from '../output/table.ts';

/** How an answer is written. */
export type Format = 'table' | 'json' | 'ndjson' | 'yaml';

/** The options for the output. A list may also come as a JSON object on each line, and has a length. */
export function outputArgs(isList: boolean): ArgsDef {
  return {
    output: {
      type: 'enum',
      alias: 'o',
      options: isList ? ['table', 'json', 'ndjson', 'yaml'] : ['table', 'json', 'yaml'],
      description: isList
        ? 'For people (table, if absent), or for programs; ndjson is a JSON object on each line'
        : 'For people (table, if absent), or for programs',
    },
    ...(isList ? { limit: { type: 'string', valueHint: 'number', description: `How many at most; ${DEFAULT_LIMIT} if absent, 0 for all` } as const } : {}),
    curl: { type: 'boolean', description: 'Print the equal `buf curl` line instead of calling' },
  };
}

/** Length of a list when nobody says. */
export const DEFAULT_LIMIT = 100;

/** Writes the answer of one call. Where it holds one thing and nothing else (a ticket, an agent), it is that thing. */
export async function printAnswer<Schema extends DescMessage>(
  schema: Schema,
  answer: MessageShape<Schema>,
  format: Format,
  tell: ((answer: MessageShape<Schema>) => string) | undefined,
): Promise<void> {
  const { schema: inner, message } = thingIn(schema, answer);
  if (format === 'yaml') return printResult(yamlOf(toJson(inner, message)));
  if (format !== 'table') return printResult(`${jsonOf(toJson(inner, message))}\n`);
  return printResult(`${tell ? tell(answer) : fieldsOf(inner, message)}\n`);
}

function thingIn(schema: DescMessage, answer: Message): { readonly schema: DescMessage; readonly message: Message } {
  const [only, ...others] = schema.fields;
  if (!only || others.length > 0 || only.fieldKind !== 'message' || !isFieldSet(answer, only)) return { schema, message: answer };
  return { schema: only.message, message: reflect(schema, answer).get(only).message };
}

/** Every field that is set, on a line of its own: name and value. */
export function fieldsOf(schema: DescMessage, message: Message): string {
  const rows = schema.fields.filter((field) => isFieldSet(message, field)).map((field) => ({ name: field.name, value: shownValue(schema, message, field) }));
  const width = Math.max(0, ...rows.map(({ name }) => name.length));
  return rows.map(({ name, value }) => `${name.padEnd(width)}  ${value}`).join('\n');
}

function shownValue(schema: DescMessage, message: Message, field: DescField): string {
  const json = (toJson(schema, message) as Record<string, unknown>)[field.jsonName];
  if (field.fieldKind === 'enum') return shortEnum(String(json));
  if (Array.isArray(json) && json.every((item) => typeof item !== 'object'))
    return printable(json.map((item) => (isEnum(field) ? shortEnum(String(item)) : item)).join(', '));
  return typeof json === 'object' ? jsonOf(json, 0) : printable(String(json));
}

const isEnum = (field: DescField): boolean => field.fieldKind === 'list' && field.listKind === 'enum';

/** `OPEN` of `TICKET_STATUS_OPEN`. */
const shortEnum = (name: string): string => name.replace(/^(TICKET_STATUS|PRIORITY|AVAILABILITY)_/, '');

/** Headings, lines below each other: a small table inside an answer. */
export function tableOf(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table(
    headings.map((heading, at) => ({ heading, of: (row: readonly string[]) => row[at] ?? '' })),
    undefined,
  );
  return table.linesOf(rows).join('\n');
}

/** A text of the service that may have several lines. */
export const paragraph = (text: string): string => printableLines(text);
