import { Fault } from './error.ts';
import type { ComparisonOperator, Expression, Operand, Parameters, ValueType } from './operand.ts';
import { condition, nameOf, settled } from './operand.ts';

// Attributes are jsonb. A missing one is SQL NULL, and so is every conversion of a value of another
// type than the one asked for: exactly where CEL answers with an error.

/** The value under a key or an index of an attribute. */
export function member(of: Expression, key: string | bigint, parameters: Parameters): Expression {
  const { sql, at } = of;
  if (typeof key === 'string') return { kind: 'expression', type: 'json', sql: `(${sql} -> ${parameters.raw(key, 'text')})`, at };
  // The operator -> takes a lone value for a list of one; a strict path does not.
  const place = parameters.raw(JSON.stringify({ index: Number(key) }), 'jsonb');
  return { kind: 'expression', type: 'json', sql: `jsonb_path_query_first(${sql}, 'strict $[$index]', ${place}, true)`, at };
}

/** The attribute as a value of the type; NULL where it is of another type. Numbers are numeric. */
export function attributeAs(type: ValueType, attribute: Expression): string {
  const { sql } = attribute;
  if (type === 'string') return `(CASE WHEN jsonb_typeof(${sql}) = 'string' THEN ${sql} #>> '{}' END)`;
  if (type === 'bool') return `(CASE WHEN jsonb_typeof(${sql}) = 'boolean' THEN ${sql} = 'true'::jsonb END)`;
  return `(CASE WHEN jsonb_typeof(${sql}) = 'number' THEN ${sql}::numeric END)`;
}

function assertInside(attribute: Expression): void {
  if (attribute.field === undefined) return;
  throw new Fault(attribute.at, `${attribute.field} is a whole map; name one of its keys: ${attribute.field}.key`);
}

/** `attribute operator other`. Values of different types are unequal; they have no order. */
export function compareAttribute(operator: ComparisonOperator, attribute: Expression, other: Operand, parameters: Parameters): Expression {
  assertInside(attribute);
  const equality = operator === '=' || operator === '<>';
  if (other.type === 'json') {
    if (!equality) throw new Fault(attribute.at, 'two attributes can be compared by == and != only');
    return condition(`(${attribute.sql} ${operator} ${(other as Expression).sql})`, attribute.at);
  }
  if (!['string', 'int', 'double', 'bool'].includes(other.type)) {
    throw new Fault(other.at, `an attribute cannot be compared with ${nameOf(other)}`);
  }
  const value = settled(other, parameters);
  if (equality) return condition(`(${attribute.sql} ${operator} to_jsonb(${value}))`, attribute.at);
  const collation = other.type === 'string' ? ' COLLATE "C"' : '';
  return condition(`(${attributeAs(other.type, attribute)}${collation} ${operator} ${value})`, attribute.at);
}

/** SQL that tells whether a jsonb value is there and not null. Never unknown. */
export function isSet(sql: string): string {
  return `coalesce(${sql}, 'null'::jsonb) <> 'null'::jsonb`;
}

/** Whether the attribute is one of the values; unknown when it is missing. */
export function attributeAmong(attribute: Expression, values: readonly Operand[], parameters: Parameters): Expression {
  assertInside(attribute);
  const documents = values.map((value) => {
    if (value.kind !== 'constant' || !['string', 'int', 'double', 'bool'].includes(value.type)) {
      throw new Fault(value.at, `an attribute cannot be compared with ${nameOf(value)} in a list`);
    }
    return typeof value.value === 'string' ? JSON.stringify(value.value) : `${value.value}`;
  });
  // An empty array would make a missing attribute false instead of unknown.
  const among = `${attribute.sql} = ANY(${parameters.raw(documents, 'jsonb[]')})`;
  return condition(`(CASE WHEN ${attribute.sql} IS NOT NULL THEN ${among} END)`, attribute.at);
}

/** Whether the attribute is a list that holds the value, or a map that has it as a key whose value is not null. */
export function withinAttribute(value: Operand, attribute: Expression, parameters: Parameters): Expression {
  if (!['string', 'int', 'double', 'bool'].includes(value.type)) {
    throw new Fault(value.at, `${nameOf(value)} cannot be looked for in an attribute`);
  }
  const { sql } = attribute;
  const sought = settled(value, parameters);
  const key = value.type === 'string' ? isSet(`(${sql} -> ${sought})`) : 'false';
  return condition(`(CASE jsonb_typeof(${sql}) WHEN 'array' THEN ${sql} @> to_jsonb(${sought}) WHEN 'object' THEN ${key} END)`, value.at);
}

/** Characters of a text, items of a list, or keys of a map; NULL for anything else. */
export function attributeSize(attribute: Expression): string {
  const { sql } = attribute;
  return (
    `(CASE jsonb_typeof(${sql}) WHEN 'string' THEN char_length(${sql} #>> '{}')::bigint ` +
    `WHEN 'array' THEN jsonb_array_length(${sql})::bigint ` +
    `WHEN 'object' THEN (SELECT count(*) FROM jsonb_object_keys(${sql})) END)`
  );
}
