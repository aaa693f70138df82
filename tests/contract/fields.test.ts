import { type DescField, ScalarType, toJson } from '@bufbuild/protobuf';
import { type FieldRules, FieldRulesSchema } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { describe, expect, it } from 'vitest';
import { FieldBehavior } from '../../gen/google/api/field_behavior_pb.ts';
import { patternInWords } from '../../src/edge/rpc/patterns.ts';
import { behavioursOf, inputsOf, isOutput, messageOf, readContract, rulesOf } from './contract.ts';

const contract = readContract();
const fields = contract.messages.flatMap((message) => message.fields).filter((each) => each.parent.name !== 'Permission');
const isTime = (each: DescField): boolean => messageOf(each)?.typeName === 'google.protobuf.Timestamp';

describe('a message', () => {
  it('stands at the top of its file, with a comment', () => {
    for (const message of contract.messages) {
      expect(message.nestedMessages.length + message.nestedEnums.length, message.name).toBe(0);
      expect(contract.commentOf(message), message.name).toMatch(/^[A-Z].*\.$/);
    }
  });
});

describe('an enum', () => {
  it('starts with an unspecified value and explains each value', () => {
    for (const each of contract.enums) {
      expect(each.values[0]?.name, each.name).toMatch(/_UNSPECIFIED$/);
      expect(each.values[0]?.number, each.name).toBe(0);
      for (const value of each.values) expect(contract.commentOf(value), value.name).toMatch(/^[A-Z].*\.$/);
    }
  });
});

describe('a field', () => {
  it('has a comment in whole sentences', () => {
    for (const each of fields) expect(contract.commentOf(each), String(each)).toMatch(/^[A-Z*`].*\.$/);
  });

  it('has a pattern only that can be told in words', () => {
    const patterns = fields.flatMap((each) => {
      const rules = rulesOf(each);
      const found = rules ? JSON.stringify(toJson(FieldRulesSchema, rules)).matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g) : [];
      return [...found].map(([, text = '']) => JSON.parse(text) as string);
    });
    expect(new Set(patterns).size).toBeGreaterThan(5);
    for (const pattern of patterns) expect(patternInWords(pattern), pattern).toMatch(/^must be /);
  });

  it('says once how it behaves', () => {
    for (const each of fields) expect(behavioursOf(each), String(each)).toHaveLength(1);
  });

  it('is required or optional in a request, output only in a response', () => {
    for (const { input, output } of contract.methods) {
      for (const each of input.fields) expect([FieldBehavior.REQUIRED, FieldBehavior.OPTIONAL], String(each)).toContain(behavioursOf(each)[0]);
      for (const each of output.fields) expect(isOutput(each), String(each)).toBe(true);
    }
  });

  it('is a time named …_time, but for those that the design names otherwise', () => {
    const times = fields.filter(isTime).map((each) => `${each.parent.name}.${each.name}`);
    expect(times.filter((name) => !name.endsWith('_time') && !name.endsWith('Request.as_of')).toSorted()).toEqual([
      'AuditEntry.time',
      'SetAvailabilityRequest.until',
    ]);
    expect(fields.filter((each) => each.name.endsWith('_time') && !isTime(each)).map(String)).toEqual([]);
  });

  it('is a string where it is an id, but for the user, who has a number in his own system', () => {
    // A column that an id is made from is none itself.
    const ids = fields.filter((each) => /(^|_)ids?$/.test(each.name) && messageOf(each)?.name !== 'ImportColumn');
    const idsAsNumbers = ids.filter((each) => each.scalar !== ScalarType.STRING);
    expect([...new Set(idsAsNumbers.map((each) => each.name))]).toEqual(['user_id']);
    expect(ids.filter((each) => each.name === 'user_id').every((each) => each.scalar === ScalarType.INT64)).toBe(true);
  });

  it('is never a floating point number, which would not survive every language', () => {
    expect(fields.filter((each) => each.scalar === ScalarType.DOUBLE || each.scalar === ScalarType.FLOAT).map(String)).toEqual([]);
  });
});

describe('a field that callers fill', () => {
  const inputs = [...new Map(inputsOf(contract).map(({ field }) => [String(field), field])).values()];

  it('has a rule, unless it is a yes or no or a message with rules of its own', () => {
    const open = inputs.filter((each) => {
      const own = messageOf(each)?.file.proto.package === 'ticketing.v1' && each.fieldKind === 'message';
      return !own && each.scalar !== ScalarType.BOOL && rulesOf(each) === undefined;
    });
    expect(open.map(String)).toEqual([]);
  });

  it('names its limits in its comment', () => {
    for (const each of inputs) {
      for (const limit of limitsOf(rulesOf(each))) {
        expect([limit, contract.commentOf(each), String(each)]).toSatisfy(([, comment]) => mentions(String(comment), limit));
      }
    }
  });
});

/** The numbers in a field's rules that its reader must know; 0 and 1 go without saying. */
function limitsOf(rules: FieldRules | undefined): bigint[] {
  const type = rules?.type;
  switch (type?.case) {
    case 'string':
      return [type.value.minLen, type.value.maxLen].filter((limit) => limit > 1n);
    case 'repeated':
      return [type.value.maxItems, ...limitsOf(type.value.items)].filter((limit) => limit > 1n);
    case 'map':
      return [type.value.maxPairs, ...limitsOf(type.value.keys), ...limitsOf(type.value.values)];
    case 'int32':
    case 'int64':
      return [type.value.lessThan.value ?? 0n, type.value.greaterThan.value ?? 0n].map(BigInt).filter((limit) => limit > 1n);
    default:
      return [];
  }
}

function mentions(comment: string, limit: bigint): boolean {
  return [String(limit), limit.toLocaleString('en-US')].some((form) => new RegExp(`(^|[^0-9,])${form}([^0-9]|$)`).test(comment));
}
