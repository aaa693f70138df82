import { type DescEnum, type DescField, type DescMessage, getOption, type JsonObject, type JsonValue, ScalarType } from '@bufbuild/protobuf';
import { FieldBehavior, field_behavior } from '../gen/google/api/field_behavior_pb.ts';
import type { Contract } from './contract/read.ts';
import { isNested, messageRulesOf, mustBeSet, rulesOf, wordsOf } from './contract/rules.ts';

/** A JSON schema (2020-12, as OpenAPI 3.1 takes it). */
export type Schema = JsonObject;

/** Messages that have a JSON form of their own. */
const wellKnown: Readonly<Record<string, Schema>> = {
  'google.protobuf.Timestamp': { type: 'string', format: 'date-time' },
  'google.protobuf.Duration': { type: 'string', pattern: '^-?[0-9]+(\\.[0-9]{1,9})?s$', description: 'Seconds, such as `1.5s`.' },
  'google.protobuf.FieldMask': { type: 'string', description: 'Names in lowerCamelCase, separated by commas.' },
  'google.protobuf.Struct': { type: 'object' },
  'google.protobuf.Value': {},
  'google.protobuf.ListValue': { type: 'array' },
  'google.protobuf.Empty': { type: 'object' },
  'google.protobuf.Any': { type: 'object', required: ['@type'], properties: { '@type': { type: 'string' } } },
};

const scalars: Readonly<Record<ScalarType, Schema>> = {
  ...ofTypes([ScalarType.INT64, ScalarType.SINT64, ScalarType.SFIXED64], { type: ['string', 'integer'], format: 'int64', pattern: '^-?[0-9]+$' }),
  ...ofTypes([ScalarType.UINT64, ScalarType.FIXED64], { type: ['string', 'integer'], format: 'uint64', pattern: '^[0-9]+$', minimum: 0 }),
  ...ofTypes([ScalarType.INT32, ScalarType.SINT32, ScalarType.SFIXED32], { type: 'integer', format: 'int32', minimum: -(2 ** 31), maximum: 2 ** 31 - 1 }),
  ...ofTypes([ScalarType.UINT32, ScalarType.FIXED32], { type: 'integer', minimum: 0, maximum: 2 ** 32 - 1 }),
  ...ofTypes([ScalarType.DOUBLE, ScalarType.FLOAT], { type: ['number', 'string'] }),
  ...ofTypes([ScalarType.BOOL], { type: 'boolean' }),
  ...ofTypes([ScalarType.STRING], { type: 'string' }),
  ...ofTypes([ScalarType.BYTES], { type: 'string', contentEncoding: 'base64' }),
} as Record<ScalarType, Schema>;

function ofTypes(types: readonly ScalarType[], schema: Schema): Partial<Record<ScalarType, Schema>> {
  return Object.fromEntries(types.map((type) => [type, schema]));
}

/** The schemas of the messages, and of all messages and enums that they lead to, by the names of their types. */
export function schemasOf(contract: Contract, messages: readonly DescMessage[]): Record<string, Schema> {
  const schemas: Record<string, Schema> = {};
  const todo: (DescMessage | DescEnum)[] = [...messages];
  for (let next = todo.shift(); next; next = todo.shift()) {
    if (next.typeName in schemas || next.typeName in wellKnown) continue;
    schemas[next.typeName] = next.kind === 'enum' ? enumSchema(contract, next) : messageSchema(contract, next);
    if (next.kind === 'message') todo.push(...next.fields.flatMap((field) => [field.message, field.enum].filter((each) => each !== undefined)));
  }
  return Object.fromEntries(Object.entries(schemas).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function messageSchema(contract: Contract, message: DescMessage): Schema {
  const required = message.fields.filter((field) => getOption(field, field_behavior).includes(FieldBehavior.REQUIRED) && !field.oneof);
  const rules = messageRulesOf(message);
  const oneofs = message.oneofs.map((one) => {
    const each = one.fields.map((field): Schema => ({ required: [field.jsonName] }));
    return mustBeSet(one) ? { oneOf: each } : { oneOf: [...each, { not: { anyOf: each } }] };
  });
  return {
    type: 'object',
    description: [contract.paragraphsOf(message).join('\n\n'), ...rules.map((rule) => `${rule}.`)].join('\n\n'),
    properties: Object.fromEntries(message.fields.map((field) => [field.jsonName, fieldSchema(contract, field)])),
    ...(required.length > 0 ? { required: required.map((field) => field.jsonName) } : {}),
    ...(oneofs.length > 0 ? { allOf: oneofs } : {}),
  };
}

function enumSchema(contract: Contract, one: DescEnum): Schema {
  const values = one.values.map((value) => `- \`${value.name}\`: ${contract.commentOf(value)}`);
  return { type: 'string', description: [...contract.paragraphsOf(one), values.join('\n')].join('\n\n'), enum: one.values.map((value) => value.name) };
}

function fieldSchema(contract: Contract, field: DescField): Schema {
  const rules = rulesOf(field) ?? {};
  const words = wordsOf(rules);
  const outputOnly = getOption(field, field_behavior).includes(FieldBehavior.OUTPUT_ONLY);
  return {
    ...valueSchema(field, rules),
    description: contract.paragraphsOf(field).join('\n\n'),
    ...(outputOnly ? { readOnly: true } : {}),
    // All of them, also those that a schema cannot say.
    ...(words.length > 0 ? { 'x-rules': words } : {}),
  };
}

function valueSchema(field: DescField, rules: Schema): Schema {
  if (field.fieldKind === 'list') {
    const { min_items, max_items, unique, items } = kindOf(rules, 'repeated');
    return {
      type: 'array',
      items: partSchema(field, isNested(items) ? items : {}),
      ...only({ minItems: number(min_items), maxItems: number(max_items), uniqueItems: unique }),
    };
  }
  if (field.fieldKind === 'map') {
    const { min_pairs, max_pairs, keys, values } = kindOf(rules, 'map');
    return {
      type: 'object',
      additionalProperties: partSchema(field, isNested(values) ? values : {}),
      ...(isNested(keys) ? { propertyNames: { type: 'string', ...stringRules(kindOf(keys, 'string')) } } : {}),
      ...only({ minProperties: number(min_pairs), maxProperties: number(max_pairs) }),
    };
  }
  return partSchema(field, rules);
}

/** A field's own value, or one in its list or map. */
function partSchema(field: DescField, rules: Schema): Schema {
  const type = field.message ?? field.enum;
  if (type) return wellKnown[type.typeName] ?? { $ref: `#/components/schemas/${type.typeName}` };
  if (field.scalar === undefined) throw new Error(`${field.toString()} is of no kind that is known`);
  const scalar = scalars[field.scalar];
  const name = ScalarType[field.scalar].toLowerCase();
  const kind = kindOf(rules, name);
  const limits = name === 'string' ? stringRules(kind) : numberRules(kind, scalar);
  // Empty and 0 are as good as absent where the rules say so.
  if (rules['ignore'] === 'IGNORE_IF_ZERO_VALUE' && Object.keys(limits).length > 0) {
    const empty = name === 'string' ? { const: '' } : { enum: [0, '0'] };
    return { ...scalar, anyOf: [empty, limits] };
  }
  return { ...scalar, ...limits };
}

function stringRules({ min_len, max_len, len, pattern, uuid, email, in: values, const: value, not_contains }: Schema): Schema {
  return only({
    minLength: number(min_len ?? len),
    maxLength: number(max_len ?? len),
    pattern,
    format: uuid === true ? 'uuid' : email === true ? 'email' : undefined,
    enum: values,
    const: value,
    not: typeof not_contains === 'string' ? { pattern: escaped(not_contains) } : undefined,
  });
}

function numberRules({ gt, gte, lt, lte, in: values }: Schema, scalar: Schema): Schema {
  const isText = Array.isArray(scalar['type']) && scalar['format'] !== undefined;
  // 64-bit numbers are written as strings, of which a schema can only tell the sign.
  const pattern = !isText ? undefined : number(gt) === 0 ? '^[0-9]*[1-9][0-9]*$' : (number(gt) ?? number(gte) ?? -1) >= 0 ? '^[0-9]+$' : undefined;
  return only({
    exclusiveMinimum: number(gt),
    minimum: number(gte),
    exclusiveMaximum: number(lt),
    maximum: number(lte),
    enum: isText ? undefined : values,
    pattern,
  });
}

const kindOf = (rules: Schema, name: string): Schema => {
  const found = rules[name];
  return isNested(found) ? found : {};
};

/** 64-bit limits are strings in JSON. */
const number = (value: JsonValue | undefined): number | undefined => (value === undefined ? undefined : Number(value));

const only = (schema: Record<string, JsonValue | undefined>): Schema =>
  Object.fromEntries(Object.entries(schema).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined));

const escaped = (text: string): string => text.replaceAll(/[^\w ]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
