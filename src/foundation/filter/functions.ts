import { attributeAs, attributeSize } from './attribute.ts';
import { Fault } from './error.ts';
import type { Operand, Parameters } from './operand.ts';
import { condition, nameOf, settled } from './operand.ts';
import { parseSpan, parseTime } from './time.ts';

/** `timestamp("…")` and `duration("…")`; both take a text that is written out. */
export function timeOf(name: 'timestamp' | 'duration', operand: Operand): Operand {
  if (operand.kind !== 'constant' || operand.type !== 'string') {
    throw new Fault(operand.at, `${name}() takes a text that is written out, not ${nameOf(operand)}`);
  }
  const text = operand.value as string;
  const value = name === 'timestamp' ? parseTime(text, operand.at) : parseSpan(text, operand.at);
  return { kind: 'constant', type: name, value, at: operand.at };
}

/** Characters (code points) of a text, items of a list, keys of a map. */
export function sizeOf(operand: Operand, parameters: Parameters): Operand {
  const { at } = operand;
  if (operand.type === 'string') {
    if (operand.kind === 'constant') return { kind: 'constant', type: 'int', value: BigInt([...(operand.value as string)].length), at };
    return { kind: 'expression', type: 'int', sql: `char_length(${settled(operand, parameters)})::bigint`, at };
  }
  if (operand.kind === 'expression' && operand.type === 'string_list') {
    return { kind: 'expression', type: 'int', sql: `cardinality(${settled(operand, parameters)})::bigint`, at };
  }
  if (operand.kind === 'expression' && operand.type === 'json') {
    return { kind: 'expression', type: 'int', sql: attributeSize(operand), at };
  }
  throw new Fault(at, `${nameOf(operand)} has no size`);
}

/** The tests of a text against another. */
export type TextTest = 'startsWith' | 'endsWith' | 'contains';

/** `subject.startsWith(part)` and its like, without patterns: every character stands for itself. */
export function testText(test: TextTest, subject: Operand, part: Operand, parameters: Parameters): Operand {
  if (subject.type === 'string_list' && test === 'contains') throw new Fault(subject.at, 'write "text" in list');
  const whole = textOf(subject, parameters);
  // Two columns may have different collations, which PostgreSQL refuses to choose between.
  const piece = `${textOf(part, parameters)} COLLATE "C"`;
  switch (test) {
    case 'startsWith':
      return condition(`starts_with(${whole}, ${piece})`, subject.at);
    case 'endsWith':
      return condition(`(right(${whole}, char_length(${piece})) = ${piece})`, subject.at);
    case 'contains':
      return condition(`(strpos(${whole}, ${piece}) > 0)`, subject.at);
  }
}

function textOf(operand: Operand, parameters: Parameters): string {
  if (operand.type === 'string') return settled(operand, parameters);
  if (operand.kind === 'expression' && operand.type === 'json') return attributeAs('string', operand);
  throw new Fault(operand.at, `a text is expected here, not ${nameOf(operand)}`);
}
