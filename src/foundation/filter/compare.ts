import { attributeAmong, compareAttribute, isSet, withinAttribute } from './attribute.ts';
import { Fault } from './error.ts';
import type { ComparisonOperator, Constant, Expression, Operand, Parameters, Value } from './operand.ts';
import { condition, nameOf, settled } from './operand.ts';
import { microseconds } from './time.ts';

const MIRRORED: Readonly<Record<ComparisonOperator, ComparisonOperator>> = {
  '=': '=',
  '<>': '<>',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** `left operator right` in SQL. Operands of types that do not fit together are a Fault. */
export function compare(operator: ComparisonOperator, left: Operand, right: Operand, parameters: Parameters): Expression {
  if (left.type === 'null') return compareNull(operator, right, left);
  if (right.type === 'null') return compareNull(operator, left, right);
  if (left.type === 'json') return compareAttribute(operator, left as Expression, right, parameters);
  if (right.type === 'json') return compareAttribute(MIRRORED[operator], right as Expression, left, parameters);
  assertComparable(operator, left, right);
  if (left.kind === 'constant') {
    if (right.kind === 'expression') return compareConstant(MIRRORED[operator], right, left, parameters);
    return condition(parameters.bind('bool', holds(operator, left.value, right.value)), left.at);
  }
  if (right.kind === 'constant') return compareConstant(operator, left, right, parameters);
  if (isEquality(operator) && (left.unset === null || right.unset === null)) return compareTimes(operator, left, right);
  // Two columns may have different collations, which PostgreSQL refuses to choose between.
  const collation = left.type === 'string' ? ' COLLATE "C"' : '';
  return condition(`(${settled(left, parameters)}${collation} ${operator} ${settled(right, parameters)})`, left.at);
}

function advice(left: Operand, right: Operand): string {
  if (left.type !== 'string' && right.type !== 'string') return '';
  const other = left.type === 'string' ? right.type : left.type;
  return other === 'timestamp' || other === 'duration' ? `; write ${other}("…") around the text` : '';
}

function isEquality(operator: ComparisonOperator): operator is '=' | '<>' {
  return operator === '=' || operator === '<>';
}

function assertComparable(operator: ComparisonOperator, left: Operand, right: Operand): void {
  if (left.type !== right.type) throw new Fault(right.at, `${nameOf(left)} cannot be compared with ${nameOf(right)}${advice(left, right)}`);
  if (left.type === 'string_list') throw new Fault(left.at, 'lists cannot be compared; write "text" in list');
  if (isEquality(operator) || left.type !== 'enum') return;
  for (const side of [left, right]) {
    if (side.kind === 'expression' && side.named?.ordered !== true) throw new Fault(side.at, `${nameOf(side)} has no order`);
  }
}

// A comparison of a column with a constant keeps the bare column on one side, so that indexes serve it.
function compareConstant(operator: ComparisonOperator, left: Expression, right: Constant, parameters: Parameters): Expression {
  if (isEquality(operator)) return equalConstant(operator, left, right, parameters);
  // The database keeps microseconds: between two of them lies a constant that no row can equal.
  const between = (right.type === 'timestamp' || right.type === 'duration') && microseconds(right.value as bigint).cut;
  const exact = between ? (operator === '<' || operator === '<=' ? '<=' : '>') : operator;
  const collation = left.type === 'string' ? ' COLLATE "C"' : '';
  const core = `${left.sql}${collation} ${exact} ${parameters.bind(right.type, right.value)}`;
  // An unset time has no order, so it stays unknown.
  const { unset } = left;
  return withDefault(left, core, unset === undefined || unset === null ? undefined : holds(operator, unset, right.value));
}

function equalConstant(operator: '=' | '<>', left: Expression, right: Constant, parameters: Parameters): Expression {
  const whenUnset = left.unset === undefined ? undefined : holds(operator, left.unset, right.value);
  if (!isStorable(left, right.value)) return withDefault(left, never(left, operator), whenUnset);
  const value = left.uuid === undefined ? parameters.bind(right.type, right.value) : parameters.raw(right.value, 'uuid');
  return withDefault(left, `${left.uuid ?? left.sql} ${operator} ${value}`, whenUnset);
}

// Whether the database could hold the value at all: a time to the microsecond, an id in its one spelling.
function isStorable(left: Expression, value: Value): boolean {
  if (left.uuid !== undefined) return UUID.test(value as string);
  return !((left.type === 'timestamp' || left.type === 'duration') && microseconds(value as bigint).cut);
}

// What equality with something that cannot be stored comes to; unknown where a computed span or time is.
function never(left: Expression, operator: '=' | '<>'): string {
  if (left.field !== undefined) return operator === '=' ? 'false' : 'true';
  return `${left.sql} ${operator === '=' ? '<>' : '='} ${left.sql}`;
}

// Puts the answer for an unset column beside the comparison, so that it is not unknown.
function withDefault(left: Expression, core: string, whenUnset: boolean | undefined): Expression {
  if (whenUnset === undefined) return condition(`(${core})`, left.at);
  const column = left.uuid ?? left.sql;
  return condition(whenUnset ? `(${column} IS NULL OR ${core})` : `(${column} IS NOT NULL AND ${core})`, left.at);
}

// An unset time equals another unset one; a computed time that has no value equals nothing.
function compareTimes(operator: '=' | '<>', left: Expression, right: Expression): Expression {
  const equality = `${left.sql} IS ${operator === '=' ? 'NOT ' : ''}DISTINCT FROM ${right.sql}`;
  const computed = [left, right].find((side) => side.field === undefined);
  return condition(computed === undefined ? `(${equality})` : `(CASE WHEN ${computed.sql} IS NOT NULL THEN ${equality} END)`, left.at);
}

function compareNull(operator: ComparisonOperator, operand: Operand, literal: Operand): Expression {
  if (!isEquality(operator)) throw new Fault(literal.at, 'null is neither before nor after anything');
  const { sql, field, type } = operand as Expression;
  if (operand.kind === 'expression' && type === 'json' && field === undefined) {
    return condition(operator === '=' ? `(NOT ${isSet(sql)})` : `(${isSet(sql)})`, operand.at);
  }
  if (operand.kind === 'expression' && type === 'timestamp' && field !== undefined) {
    return condition(`(${sql} IS ${operator === '=' ? '' : 'NOT '}NULL)`, operand.at);
  }
  throw new Fault(literal.at, `${nameOf(operand)} is never null; something unset equals its default, such as ""`);
}

/** `left in [right, …]`; all items are constants. */
export function among(left: Operand, items: readonly Operand[], parameters: Parameters): Expression {
  if (left.type === 'json') return attributeAmong(left as Expression, items, parameters);
  if (left.type === 'string_list' || left.type === 'null') throw new Fault(left.at, `${nameOf(left)} cannot be an item of a list`);
  const values = items.map((item) => {
    if (item.kind !== 'constant') throw new Fault(item.at, 'the items of a list are written out, not read from fields');
    if (item.type !== left.type) throw new Fault(item.at, `${nameOf(left)} cannot be compared with ${nameOf(item)}`);
    return item.value;
  });
  if (left.kind === 'constant') return condition(parameters.bind('bool', values.includes(left.value)), left.at);
  const whenUnset = left.unset === undefined ? undefined : values.includes(left.unset);
  const findable = values.filter((value) => isStorable(left, value));
  if (findable.length === 0) return withDefault(left, never(left, '='), whenUnset);
  const array = left.uuid === undefined ? parameters.bindAll(left.type, findable) : parameters.raw(findable, 'uuid[]');
  return withDefault(left, `${left.uuid ?? left.sql} = ANY(${array})`, whenUnset);
}

/** `left in right`, where the right side is a list of texts or an attribute. */
export function contained(left: Operand, right: Operand, parameters: Parameters): Expression {
  if (right.kind === 'expression' && right.type === 'json') return withinAttribute(left, right, parameters);
  if (right.kind !== 'expression' || right.type !== 'string_list') {
    throw new Fault(right.at, `${nameOf(right)} holds no items; after "in" stands a list`);
  }
  if (left.type !== 'string') throw new Fault(left.at, `${nameOf(left)} cannot be an item of ${nameOf(right)}`);
  if (left.kind === 'expression') {
    return condition(`(${settled(left, parameters)} = ANY(${settled(right, parameters)}))`, left.at);
  }
  // Containment is what an inverted index on the column answers.
  return withDefault(right, `${right.sql} @> ARRAY[${parameters.bind('string', left.value)}]`, right.unset === undefined ? undefined : false);
}

function holds(operator: ComparisonOperator, left: Value, right: Value): boolean {
  const order = compareValues(left, right);
  switch (operator) {
    case '=':
      return order === 0;
    case '<>':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
  }
}

function compareValues(left: Value, right: Value): number {
  if (typeof left === 'string' && typeof right === 'string') return Buffer.compare(Buffer.from(left), Buffer.from(right));
  if (left === right) return 0;
  return (left ?? 0) < (right ?? 0) ? -1 : 1;
}
