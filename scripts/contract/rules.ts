import { type DescField, type DescMessage, type DescOneof, getOption, hasOption, type JsonObject, type JsonValue, toJson } from '@bufbuild/protobuf';
import {
  FieldRulesSchema,
  field as fieldRules,
  MessageRulesSchema,
  message as messageRules,
  oneof as oneofRules,
} from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';

/** What protovalidate enforces of a field, as JSON with the names of the contract; undefined when there is nothing. */
export function rulesOf(field: DescField): JsonObject | undefined {
  if (!hasOption(field, fieldRules)) return undefined;
  return toJson(FieldRulesSchema, getOption(field, fieldRules), { useProtoFieldName: true }) as JsonObject;
}

/** The sentences of a message's own rules, which join several of its fields. */
export function messageRulesOf(message: DescMessage): string[] {
  if (!hasOption(message, messageRules)) return [];
  const rules = toJson(MessageRulesSchema, getOption(message, messageRules), { useProtoFieldName: true }) as JsonObject;
  return wordsOf(rules);
}

/** Whether one of the fields must be set. */
export function mustBeSet(oneof: DescOneof): boolean {
  return hasOption(oneof, oneofRules) && getOption(oneof, oneofRules).required;
}

/**
 * Rules as short phrases, such as `max_len: 200` or `items min_len: 1`; what is written in CEL as its own message. The kind of the field is left
 * out, since everybody sees it.
 */
export function wordsOf(rules: JsonObject, place = ''): string[] {
  return Object.entries(rules).flatMap(([name, value]): string[] => {
    if (name === 'ignore') return value === 'IGNORE_IF_ZERO_VALUE' ? [`${place}only if not empty`] : [];
    if (name === 'cel' || name === 'cel_expression') return (value as JsonValue[]).map((each) => place + textOfCel(each));
    if (isNested(value) && kind.test(name)) return wordsOf(value, place);
    if (isNested(value) && parts.has(name)) return wordsOf(value, `${place}${name} `);
    return [`${place}\`${value === true ? name : `${name}: ${JSON.stringify(value).replaceAll('"', '')}`}\``];
  });
}

/** `{"string": {…}}`, `{"repeated": {…}}` and the like. */
const kind = /^(string|bytes|bool|enum|repeated|map|any|duration|timestamp|field_mask|float|double|s?(int|fixed)(32|64)|uint(32|64))$/;

/** Rules for what is inside a list or a map. */
const parts: ReadonlySet<string> = new Set(['items', 'keys', 'values']);

export const isNested = (value: JsonValue | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

function textOfCel(rule: JsonValue): string {
  if (typeof rule === 'string') return `\`${rule}\``;
  const { message, expression } = rule as JsonObject;
  return typeof message === 'string' && message !== '' ? message : `\`${expression}\``;
}
