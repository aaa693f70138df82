import { create, type DescField, type DescMessage, type JsonValue, type Message, ScalarType } from '@bufbuild/protobuf';
import fc from 'fast-check';
import type { Fields } from './requests.ts';

/** Texts that have broken other programs. */
export const hostileTexts: readonly string[] = [
  `'; DROP TABLE tickets; --`,
  `" OR 1=1 --`,
  '$1 $2 ? :name %s %n {{7*7}} $(7)',
  '\\',
  '\\u0000',
  '\0',
  'a\0b',
  '\ud800',
  'x\udfff',
  '\u202egnirts',
  '\ufeffbom',
  '\uffff',
  'e\u0301\u0301\u0301',
  '👩‍👩‍👧‍👦',
  '\r\nset-cookie: a=b',
  '<script>alert(1)</script>',
  '../../etc/passwd',
  'null',
  '__proto__',
  ' ',
  '\t\n',
];

const texts = fc.oneof(fc.constantFrom(...hostileTexts), fc.string({ unit: 'binary', maxLength: 40 }), fc.constant('x'.repeat(20_000)));
const wholes = fc.constantFrom(0, 1, -1, 2_147_483_647, -2_147_483_648, 1_000, 1_001);
const longs = fc.constantFrom(0n, 1n, -1n, 9_223_372_036_854_775_807n, -9_223_372_036_854_775_808n);
const numbers = fc.constantFrom(0, -0, 1e308, 5e-324, Number.NaN, Number.POSITIVE_INFINITY);

/** A value for a single scalar. */
function scalar(type: ScalarType): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.STRING:
      return texts.map((text) => text.toWellFormed());
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 100 });
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return longs;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return numbers;
    default:
      return wholes;
  }
}

function nestedStruct(depth: number): Fields {
  let inner: Fields = { leaf: true };
  for (let level = 0; level < depth; level++) inner = level % 2 ? { a: inner } : { a: [inner] };
  return inner;
}

const structs = fc.oneof(
  fc.constantFrom(nestedStruct(20), nestedStruct(45), { '': null, ' ': [], '\\u0000': 1e300, nul: '\0', wide: Array.from({ length: 5_000 }, () => 1) }),
  fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<unknown>),
);

/** A value for a field, whatever rules the contract has for it. */
function anyValue(field: DescField, depth: number): fc.Arbitrary<unknown> {
  switch (field.fieldKind) {
    case 'scalar':
      return scalar(field.scalar);
    case 'enum':
      return fc.constantFrom(0, 1, 2, 99, -1, 2_147_483_647);
    case 'map':
      return fc.dictionary(fc.string({ maxLength: 8 }), field.mapKind === 'scalar' ? scalar(field.scalar) : fc.constant(undefined), { maxKeys: 5 });
    case 'list':
      return fc.array(field.listKind === 'scalar' ? scalar(field.scalar) : field.listKind === 'enum' ? wholes : inner(field.message, depth), { maxLength: 4 });
    default:
      return inner(field.message, depth);
  }
}

function inner(message: DescMessage, depth: number): fc.Arbitrary<unknown> {
  if (message.typeName === 'google.protobuf.Struct') return structs;
  if (message.typeName === 'google.protobuf.Timestamp') return fc.record({ seconds: longs, nanos: fc.constantFrom(0, -1, 999_999_999, 2_000_000_000) });
  if (depth <= 0) return fc.constant({});
  return fc.record(Object.fromEntries(message.fields.map((field) => [field.localName, anyValue(field, depth - 1)])), { requiredKeys: [] });
}

/** Requests of a kind: a good one with some of its fields, or of those inside it, replaced by anything that the wire can carry. */
export function hostileMessage(schema: DescMessage, good: Fields): fc.Arbitrary<Message> {
  const wild = fc.record(Object.fromEntries(schema.fields.map((field) => [field.localName, anyValue(field, 2)])), { requiredKeys: [] });
  const key = fc.constantFrom(...schema.fields);
  const oneOff = key.chain((field) => anyValue(field, 2).map((value) => ({ ...good, [field.localName]: mixed(good[field.localName], value) })));
  return fc.oneof({ weight: 1, arbitrary: wild }, { weight: 3, arbitrary: oneOff }).map((fields) => create(schema, fields as Fields));
}

/** A message with the fields of another one laid over it; anything else as it is. */
function mixed(good: unknown, value: unknown): unknown {
  const isPlain = (one: unknown): one is object => typeof one === 'object' && one !== null && !Array.isArray(one) && !ArrayBuffer.isView(one);
  return isPlain(good) && isPlain(value) ? { ...good, ...value } : value;
}

const odd: readonly string[] = [
  ...['null', 'true', '-1', '1e999', '99999999999999999999', '0.5', '""', '"\\ud800"', '"\\u0000"', '[]', '{}', '[null]', '[[]]', '{"a":null}'],
  `${'['.repeat(3_000)}${']'.repeat(3_000)}`,
  `${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}`,
  JSON.stringify('x'.repeat(50_000)),
];

/** JSON texts: a good request in which one value, at any depth, is something else. */
export function hostileJson(good: JsonValue): fc.Arbitrary<string> {
  const marker = '<here>';
  return fc
    .tuple(fc.constantFrom(...placesOf(good)), fc.constantFrom(...odd))
    .map(([place, value]) => JSON.stringify(replaced(good, place, marker)).replace(JSON.stringify(marker), () => value));
}

type Place = readonly (string | number)[];

function placesOf(value: JsonValue, at: Place = []): Place[] {
  if (typeof value !== 'object' || value === null) return [at];
  const keys = Array.isArray(value)
    ? value.map((_, index) => index)
    : [...Object.keys(value), 'validateOnly', 'requestId', 'attributes', 'ticket', 'filter', 'pageSize'];
  return [at, ...keys.flatMap((key) => placesOf((value as Record<string | number, JsonValue>)[key] ?? null, [...at, key]))];
}

function replaced(value: JsonValue, [key, ...rest]: Place, by: string): JsonValue {
  if (key === undefined) return by;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string | number, JsonValue>;
  copy[key] = replaced(copy[key] ?? null, rest, by);
  return copy as JsonValue;
}
