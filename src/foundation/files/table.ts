import { type DescEnum, type DescField, type DescMessage, isMessage, type JsonObject, type MessageShape, toJson } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { type Timestamp, TimestampSchema } from '@bufbuild/protobuf/wkt';

/** One value of a table. `text` is how it is written where there are only texts; '' is an empty cell. */
export type Cell =
  | { readonly kind: 'text' | 'number' | 'truth'; readonly text: string }
  /** `ms`: since 1970, in UTC. */
  | { readonly kind: 'time'; readonly text: string; readonly ms: number };

const EMPTY: Cell = { kind: 'text', text: '' };

/** How things become rows of a table, or lines of JSON. */
export interface TableForm<Item> {
  readonly columns: readonly string[];
  cells(item: Item): readonly Cell[];
  json(item: Item): JsonObject;
}

/** A table of such messages. */
export const tableOf = <Desc extends DescMessage>(schema: Desc): TableForm<MessageShape<Desc>> => ({
  columns: columnsOf(schema),
  cells: (item) => cellsOf(schema, item),
  json: (item) => jsonOf(schema, item),
});

/** The heading of a table of such messages: their fields. */
export const columnsOf = (schema: DescMessage): string[] => schema.fields.map((field) => field.name);

/** A message as JSON by the names of the contract, with every field that is not absent. */
export const jsonOf = <Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): JsonObject =>
  toJson(schema, message, { useProtoFieldName: true, alwaysEmitImplicit: true }) as JsonObject;

/**
 * The row of a message: numbers, yes or no and times as such, enums by the names that people use (`OPEN`), lists of texts separated by
 * commas (as JSON when one of them has a comma), all else as JSON.
 */
export function cellsOf<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Cell[] {
  const reflected = reflect(schema, message);
  const json = jsonOf(schema, message);
  return schema.fields.map((field) => (reflected.isSet(field) || isPlain(field) ? cellOf(reflected, field, json) : EMPTY));
}

/** Whether zero is a value of the field and not its absence. */
const isPlain = (field: DescField): boolean => field.fieldKind === 'scalar' && field.presence === 3;

function cellOf(message: ReflectMessage, field: DescField, json: JsonObject): Cell {
  const value = message.get(field);
  const written = json[field.name];
  if (field.fieldKind === 'enum') return { kind: 'text', text: nameOf(field.enum, Number(value)) };
  if (field.fieldKind === 'scalar') {
    const kind = typeof value === 'boolean' ? 'truth' : typeof value === 'number' || typeof value === 'bigint' ? 'number' : 'text';
    return { kind, text: kind === 'text' ? String(written ?? '') : String(value) };
  }
  if (field.fieldKind === 'message' && isMessage((value as ReflectMessage).message, TimestampSchema)) {
    const { seconds, nanos } = (value as ReflectMessage).message as Timestamp;
    return { kind: 'time', text: String(written), ms: Number(seconds) * 1000 + Math.floor(nanos / 1_000_000) };
  }
  if (field.fieldKind === 'list' && Array.isArray(written) && written.every((item) => typeof item === 'string')) {
    return { kind: 'text', text: joined(written as string[]) };
  }
  const text = JSON.stringify(written);
  return text === '{}' || text === '[]' ? EMPTY : { kind: 'text', text };
}

function nameOf(schema: DescEnum, number: number): string {
  const name = schema.value[number]?.name ?? String(number);
  return name.toLowerCase().startsWith(schema.sharedPrefix ?? '\n') ? name.slice(schema.sharedPrefix?.length) : name;
}

const joined = (texts: readonly string[]): string =>
  texts.some((text) => text.includes(',') || text !== text.trim() || text === '' || text.startsWith('[')) ? JSON.stringify(texts) : texts.join(', ');
