import { add, negate } from './arithmetic.ts';
import { attributeAs, isSet, member } from './attribute.ts';
import { among, compare, contained } from './compare.ts';
import { Fault, quoted } from './error.ts';
import { sizeOf, testText, timeOf } from './functions.ts';
import type { ComparisonOperator, Constant, Expression, Operand, Parameters, Value, ValueType } from './operand.ts';
import { condition, nameOf, settled } from './operand.ts';
import type { EnumField, FilterField, FilterSchema } from './schema.ts';
import { fieldNamed } from './schema.ts';
import { parseTime } from './time.ts';
import type { Node } from './tree.ts';

type Call = Extract<Node, { kind: 'call' }>;

const COMPARISONS: Readonly<Record<string, ComparisonOperator>> = {
  '_==_': '=',
  '_!=_': '<>',
  '_<_': '<',
  '_<=_': '<=',
  '_>_': '>',
  '_>=_': '>=',
};

const FUNCTIONS = 'startsWith, endsWith, contains, size, has, timestamp, duration';

/** Turns one filter's tree into SQL over the fields of one schema. */
export class Compiler {
  readonly #schema: FilterSchema;
  readonly #parameters: Parameters;
  readonly #now: string | undefined;

  constructor(schema: FilterSchema, parameters: Parameters, now: string | undefined) {
    this.#schema = schema;
    this.#parameters = parameters;
    this.#now = now;
  }

  /** SQL that is true, false or unknown exactly as the condition is; a node that is no condition is a Fault. */
  condition(node: Node): string {
    const operand = this.#operand(node);
    if (operand.type === 'bool') return settled(operand, this.#parameters);
    if (operand.kind === 'expression' && operand.type === 'json' && operand.field === undefined) return attributeAs('bool', operand);
    throw new Fault(node.at, `a condition is expected here, not ${nameOf(operand)}`);
  }

  // `named` is the field whose constants bare names and texts stand for in this place.
  #operand(node: Node, named?: NamedField): Operand {
    switch (node.kind) {
      case 'name':
        return this.#name(node.name, node.at, named);
      case 'literal':
        return this.#literal(node.value, node.at, named);
      case 'path': {
        const of = this.#operand(node.of);
        if (of.kind === 'expression' && of.type === 'json') return member(of, node.key, this.#parameters);
        throw new Fault(node.at, `${nameOf(of)} has nothing inside`);
      }
      case 'has':
        return this.#has(node.of, node.at);
      case 'list':
        throw new Fault(node.at, 'a list stands only after "in"');
      case 'call':
        return this.#call(node);
    }
  }

  #name(name: string, at: number, named: NamedField | undefined): Operand {
    const field = fieldNamed(this.#schema, name);
    if (field !== undefined) return fieldOperand(name, field, at);
    if (named !== undefined) return constantNamed(name, at, named);
    if (name === 'now' && this.#now !== undefined) return { kind: 'constant', type: 'timestamp', value: parseTime(this.#now, at), at };
    const owner = Object.entries(this.#schema).find(([, other]) => other.type === 'enum' && Object.hasOwn(other.constants, name));
    if (owner !== undefined) throw new Fault(at, `${name} is a constant of ${owner[0]} and stands only in a comparison with it`);
    throw new Fault(at, `unknown name ${quoted(name)}; the fields are ${Object.keys(this.#schema).join(', ')}`);
  }

  #literal(value: Value, at: number, named: NamedField | undefined): Constant {
    if (typeof value === 'string' && named !== undefined) return constantNamed(value, at, named);
    return { kind: 'constant', type: typeOf(value), value, at };
  }

  #has(of: Node, at: number): Operand {
    const operand = this.#operand(of);
    if (operand.kind !== 'expression' || (operand.field === undefined && operand.type !== 'json')) {
      throw new Fault(of.at, 'has() takes a field or a key of attributes');
    }
    if (operand.type === 'json' && operand.field !== undefined) return condition(`(${operand.sql} <> '{}'::jsonb)`, at);
    if (operand.type === 'string_list') return condition(`(cardinality(${settled(operand, this.#parameters)}) > 0)`, at);
    if (operand.type === 'json') return condition(`(${isSet(operand.sql)})`, at);
    if (operand.type === 'timestamp') return condition(`(${operand.sql} IS NOT NULL)`, at);
    const unset: Constant = { kind: 'constant', type: operand.type, value: defaultOf(operand.type, operand.named), at };
    return compare('<>', operand, unset, this.#parameters);
  }

  #call(call: Call): Operand {
    const { name, target, args, at } = call;
    const [first, second, third] = args;
    const comparison = COMPARISONS[name];
    if (first !== undefined && target === undefined) {
      if (second !== undefined && third === undefined) {
        if (comparison !== undefined) return this.#compare(comparison, first, second);
        if (name === '_&&_') return condition(`(${this.condition(first)} AND ${this.condition(second)})`, at);
        if (name === '_||_') return condition(`(${this.condition(first)} OR ${this.condition(second)})`, at);
        if (name === '@in') return this.#in(first, second);
        if (name === '_+_' || name === '_-_') return add(name === '_+_' ? '+' : '-', this.#operand(first), this.#operand(second), this.#parameters);
      }
      if (name === '!_') return condition(`(NOT ${this.condition(first)})`, at);
      if (name === '-_') return negate(this.#operand(first), at);
      if (name === '_?_:_' && second !== undefined && third !== undefined) return this.#choose(first, second, third);
    }
    return this.#function(call);
  }

  #function({ name, target, args, at }: Call): Operand {
    if (/^[-!_@]/.test(name)) throw new Fault(at, `the operator ${name.replaceAll('_', '')} is not available in filters`);
    const [first] = args;
    if (target !== undefined && first !== undefined && args.length === 1 && (name === 'startsWith' || name === 'endsWith' || name === 'contains')) {
      return testText(name, this.#operand(target), this.#operand(first), this.#parameters);
    }
    const only = target === undefined && args.length === 1 ? first : args.length === 0 ? target : undefined;
    if (only !== undefined && name === 'size') return sizeOf(this.#operand(only), this.#parameters);
    if (only !== undefined && target === undefined && (name === 'timestamp' || name === 'duration')) return timeOf(name, this.#operand(only));
    if (FUNCTIONS.split(', ').includes(name)) throw new Fault(at, `${name}() is not called like this`);
    throw new Fault(at, `unknown function ${quoted(name)}(); there are ${FUNCTIONS}`);
  }

  #compare(operator: ComparisonOperator, left: Node, right: Node): Operand {
    const named = this.#named(left) ?? this.#named(right);
    const [a, b] = [this.#operand(left, named), this.#operand(right, named)];
    if (a.kind === 'expression' && b.kind === 'expression' && a.type === 'enum' && b.type === 'enum' && a.named?.constants !== b.named?.constants) {
      throw new Fault(right.at, `${nameOf(a)} and ${nameOf(b)} have different constants`);
    }
    return compare(operator, a, b, this.#parameters);
  }

  #in(left: Node, right: Node): Operand {
    if (right.kind !== 'list') return contained(this.#operand(left), this.#operand(right), this.#parameters);
    const named = this.#named(left);
    const items = right.items.map((item) => this.#operand(item, named));
    return among(this.#operand(left, named), items, this.#parameters);
  }

  // Written as a simple CASE so that the condition appears once: nested choices would double it each time.
  #choose(test: Node, yes: Node, no: Node): Operand {
    const sql = `(CASE ${this.condition(test)} WHEN true THEN ${this.#choice(yes)} WHEN false THEN ${this.#choice(no)} END)`;
    return condition(sql, test.at);
  }

  #choice(node: Node): string {
    // CEL would choose the attribute itself, which need not be true or false, and go on with that.
    if (node.kind === 'path') throw new Fault(node.at, '? : chooses between conditions; compare the attribute, for instance with == true');
    return this.condition(node);
  }

  #named(node: Node): NamedField | undefined {
    if (node.kind !== 'name') return undefined;
    const field = fieldNamed(this.#schema, node.name);
    return field?.type === 'enum' ? { name: node.name, field } : undefined;
  }
}

interface NamedField {
  readonly name: string;
  readonly field: EnumField;
}

function fieldOperand(name: string, field: FilterField, at: number): Expression {
  const common = { kind: 'expression', at, field: name } as const;
  const unset = field.nullable === true ? { unset: unsetOf(field) } : {};
  if (field.type === 'json') return { ...common, type: 'json', sql: field.nullable === true ? `coalesce(${field.sql}, '{}'::jsonb)` : field.sql };
  if (field.type === 'uuid') return { ...common, ...unset, type: 'string', sql: `(${field.sql})::text`, uuid: field.sql };
  if (field.type === 'enum') assertOrderStored(name, field);
  if (field.type === 'enum') return { ...common, ...unset, type: 'enum', sql: field.sql, named: field };
  return { ...common, ...unset, type: field.type, sql: field.sql };
}

function assertOrderStored(name: string, field: EnumField): void {
  if (field.ordered === true && Object.values(field.constants).some((value) => typeof value !== 'number')) {
    throw new Error(`the constants of ${name} are ordered, so they must be numbers`);
  }
}

function unsetOf(field: FilterField): Value {
  if (field.type === 'uuid') return '';
  if (field.type === 'timestamp') return null;
  return defaultOf(field.type, field.type === 'enum' ? field : undefined);
}

// What a field counts as when nobody has set it.
function defaultOf(type: ValueType, named: EnumField | undefined): Value {
  if (type === 'int') return 0n;
  if (type === 'bool') return false;
  if (named !== undefined) return named.nullAs ?? (Object.values(named.constants).every((value) => typeof value === 'number') ? 0 : '');
  return '';
}

function constantNamed(name: string, at: number, { name: fieldName, field }: NamedField): Constant {
  const value = Object.hasOwn(field.constants, name) ? field.constants[name] : undefined;
  if (value !== undefined) return { kind: 'constant', type: 'enum', value, at };
  throw new Fault(at, `${fieldName} is never ${quoted(name)}; it is one of ${Object.keys(field.constants).join(', ')}`);
}

function typeOf(value: Value): ValueType {
  if (value === null) return 'null';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return 'double';
  return typeof value === 'string' ? 'string' : 'bool';
}
