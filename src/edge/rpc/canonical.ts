import { type DescField, type DescMessage, type JsonValue, type Message, toBinary } from '@bufbuild/protobuf';

/** Message objects as the generated code has them: a property for each field or oneof. */
type Fields = Record<string, unknown>;

/** The fields of a message type below which map entries can be found; empty for most types. */
const plans = new WeakMap<DescMessage, readonly DescField[]>();

/**
 * The canonical binary form of a request without its request id: equal for equal requests, whichever
 * client, protocol or format they came by. Map entries come in the order of their keys; the maps of the
 * given message are put in that order, which has no meaning to anybody else. The request id is taken out only while it is written.
 */
export function canonicalBytes(schema: DescMessage, request: Message): Uint8Array<ArrayBuffer> {
  const message = request as Message & Fields;
  sortMaps(schema, message);
  const requestId = message['requestId'];
  if (typeof requestId !== 'string' || requestId === '') return toBinary(schema, message);
  message['requestId'] = '';
  try {
    return toBinary(schema, message);
  } finally {
    message['requestId'] = requestId;
  }
}

function sortMaps(schema: DescMessage, message: Fields): void {
  for (const field of planOf(schema)) {
    const value = field.oneof ? selected(message, field) : message[field.localName];
    if (value === undefined || value === null) continue;
    if (field.fieldKind === 'map') {
      const map = value as Fields;
      message[field.localName] = sorted(map);
      if (field.mapKind === 'message') for (const entry of Object.values(map)) sortMessage(field.message, entry);
    } else if (field.fieldKind === 'list' && field.listKind === 'message') {
      for (const entry of value as unknown[]) sortMessage(field.message, entry);
    } else if (field.fieldKind === 'message' && isStruct(field.message)) {
      const struct = sortedJson(value as JsonValue);
      if (field.oneof) (message[field.oneof.localName] as Fields)['value'] = struct;
      else message[field.localName] = struct;
    } else if (field.fieldKind === 'message') {
      sortMessage(field.message, value);
    }
  }
}

function sortMessage(schema: DescMessage, value: unknown): void {
  if (typeof value === 'object' && value !== null) sortMaps(schema, value as Fields);
}

function selected(message: Fields, field: DescField): unknown {
  const oneof = message[field.oneof?.localName ?? ''] as { case?: string; value?: unknown } | undefined;
  return oneof?.case === field.localName ? oneof.value : undefined;
}

/** Generated code holds a `google.protobuf.Struct` field as a plain JSON object. */
function isStruct(schema: DescMessage): boolean {
  return schema.typeName === 'google.protobuf.Struct';
}

function sorted(map: Fields): Fields {
  const keys = Object.keys(map);
  if (keys.every((key, at) => at === 0 || (keys[at - 1] ?? '') < key)) return map;
  // No prototype, so that a key such as `__proto__` is a key like any other.
  const ordered: Fields = Object.create(null);
  for (const key of keys.sort()) ordered[key] = map[key];
  return ordered;
}

function sortedJson(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sortedJson);
  if (typeof value !== 'object' || value === null) return value;
  const ordered = sorted(value) as Record<string, JsonValue>;
  const copy: Record<string, JsonValue> = Object.create(null);
  for (const key of Object.keys(ordered)) copy[key] = sortedJson(ordered[key] ?? null);
  return copy;
}

function planOf(schema: DescMessage): readonly DescField[] {
  const known = plans.get(schema);
  if (known) return known;
  const plan = schema.fields.filter((field) => leadsToMap(field, new Set([schema])));
  plans.set(schema, plan);
  return plan;
}

function leadsToMap(field: DescField, seen: Set<DescMessage>): boolean {
  if (field.fieldKind === 'map') return true;
  const inner = field.fieldKind === 'message' || (field.fieldKind === 'list' && field.listKind === 'message') ? field.message : undefined;
  if (!inner || seen.has(inner)) return false;
  seen.add(inner);
  return isStruct(inner) || inner.fields.some((deeper) => leadsToMap(deeper, seen));
}
