import type { EnumField } from './schema.ts';
import { spanText, timeText } from './time.ts';

/** How two values are compared, as SQL writes it. */
export type ComparisonOperator = '=' | '<>' | '<' | '<=' | '>' | '>=';

/** What a part of a filter is. `json` is a value inside attributes, whose type only each row knows. */
export type ValueType = 'string' | 'int' | 'double' | 'bool' | 'timestamp' | 'duration' | 'enum' | 'null' | 'string_list' | 'json';

/** Times and spans are nanoseconds; numbers of type `int` bigints, of `double` numbers; enums their stored value. */
export type Value = string | bigint | number | boolean | null;

/** A value known when the filter is compiled. */
export interface Constant {
  readonly kind: 'constant';
  readonly type: ValueType;
  readonly value: Value;
  readonly at: number;
}

/** A value that each row has. Its SQL is NULL where CEL has no value: see index.ts. */
export interface Expression {
  readonly kind: 'expression';
  readonly type: ValueType;
  readonly sql: string;
  readonly at: number;
  /** What NULL stands for, when the SQL is a nullable column: its default, or null itself for a time. */
  readonly unset?: Value;
  /** The name of the field, when it is one and not something computed. */
  readonly field?: string;
  /** The named values it takes. */
  readonly named?: EnumField;
  /** The column of type uuid whose text this is. */
  readonly uuid?: string;
}

export type Operand = Constant | Expression;

/** Expression of type bool that is computed, so never a column with a default. */
export function condition(sql: string, at: number): Expression {
  return { kind: 'expression', type: 'bool', sql, at };
}

const TYPE_NAMES: Readonly<Record<ValueType, string>> = {
  string: 'text',
  int: 'a whole number',
  double: 'a number with a fraction',
  bool: 'true or false',
  timestamp: 'a time',
  duration: 'a span',
  enum: 'a named value',
  null: 'null',
  string_list: 'a list of texts',
  json: 'an attribute',
};

/** How messages name the operand: `priority (a named value)`. */
export function nameOf(operand: Operand): string {
  const type = TYPE_NAMES[operand.type];
  return operand.kind === 'expression' && operand.field !== undefined ? `${operand.field} (${type})` : type;
}

function castOf(type: ValueType, value: Value): string {
  switch (type) {
    case 'int':
      return 'bigint';
    case 'double':
      return 'numeric';
    case 'bool':
      return 'boolean';
    case 'timestamp':
      return 'timestamptz';
    case 'duration':
      return 'interval';
    case 'enum':
      return typeof value === 'number' ? 'bigint' : 'text';
    default:
      return 'text';
  }
}

function encode(type: ValueType, value: Value): unknown {
  if (type === 'timestamp') return timeText(value as bigint);
  if (type === 'duration') return spanText(value as bigint);
  return typeof value === 'boolean' ? value : `${value}`;
}

/** Collects the parameters of one statement; nothing that a caller wrote reaches the SQL any other way. */
export class Parameters {
  readonly values: unknown[] = [];
  readonly #first: number;

  constructor(first: number) {
    this.#first = first;
  }

  /** The placeholder of a value, cast to its type. */
  bind(type: ValueType, value: Value): string {
    return this.raw(encode(type, value), castOf(type, value));
  }

  /** The placeholder of an array of values of one type. */
  bindAll(type: ValueType, values: readonly Value[]): string {
    return this.raw(
      values.map((value) => encode(type, value)),
      `${castOf(type, values[0] ?? null)}[]`,
    );
  }

  raw(value: unknown, cast: string): string {
    this.values.push(value);
    return `$${this.#first + this.values.length - 1}::${cast}`;
  }
}

/** SQL of the value, with the default in place of NULL. */
export function settled(operand: Operand, parameters: Parameters): string {
  if (operand.kind === 'constant') return parameters.bind(operand.type, operand.value);
  if (operand.unset === undefined || operand.unset === null) return operand.sql;
  if (operand.type === 'string_list') return `coalesce(${operand.sql}, '{}'::text[])`;
  return `coalesce(${operand.sql}, ${parameters.bind(operand.type, operand.unset)})`;
}
