import { Fault } from './error.ts';
import type { Operand, Parameters } from './operand.ts';
import { nameOf, settled } from './operand.ts';
import { microseconds, spanInRange, timeInRange } from './time.ts';
import { int64 } from './tree.ts';

const SUMS: Readonly<Record<string, 'timestamp' | 'duration'>> = {
  'timestamp + duration': 'timestamp',
  'duration + timestamp': 'timestamp',
  'timestamp - duration': 'timestamp',
  'timestamp - timestamp': 'duration',
  'duration + duration': 'duration',
  'duration - duration': 'duration',
};

/** `left + right` or `left - right` over times and spans, worked out at once where both are constants. Anything else is a Fault. */
export function add(operator: '+' | '-', left: Operand, right: Operand, parameters: Parameters): Operand {
  const { at } = left;
  const type = SUMS[`${left.type} ${operator} ${right.type}`];
  if (type === undefined) {
    throw new Fault(at, `${nameOf(left)} ${operator} ${nameOf(right)}: only times and spans can be added and subtracted`);
  }
  if (left.kind === 'constant' && right.kind === 'constant') {
    const [a, b] = [left.value as bigint, right.value as bigint];
    const nanos = operator === '+' ? a + b : a - b;
    return { kind: 'constant', type, value: type === 'timestamp' ? timeInRange(nanos, at) : spanInRange(nanos, at), at };
  }
  for (const operand of [left, right]) {
    if (operand.kind === 'constant' && microseconds(operand.value as bigint).cut) {
      throw new Fault(operand.at, 'times are kept to the microsecond; this one is finer');
    }
    if (type === 'timestamp' && operand.type === 'duration' && operand.kind === 'expression') {
      // PostgreSQL counts the difference of two times in days, and adds days by the calendar.
      throw new Fault(operand.at, 'only a span that is written out can be added to a time');
    }
  }
  return { kind: 'expression', type, sql: `(${settled(left, parameters)} ${operator} ${settled(right, parameters)})`, at };
}

/** `-operand`, for numbers that are written out. */
export function negate(operand: Operand, at: number): Operand {
  if (operand.kind === 'constant' && typeof operand.value === 'bigint' && operand.type === 'int') {
    return { ...operand, value: int64(-operand.value, at), at };
  }
  if (operand.kind === 'constant' && typeof operand.value === 'number' && operand.type === 'double') {
    return { ...operand, value: -operand.value, at };
  }
  throw new Fault(at, `- stands before numbers that are written out, not before ${nameOf(operand)}`);
}
