import { create, type DescField, type DescMessage, fromJson, type JsonObject, type JsonValue, ScalarType } from '@bufbuild/protobuf';
import { pathToString } from '@bufbuild/protobuf/reflect';
import { createValidator } from '@bufbuild/protovalidate';
import { describe, expect, it } from 'vitest';
import { FieldBehavior } from '../../gen/google/api/field_behavior_pb.ts';
import { behavioursOf, type Input, inputsOf, readContract } from './contract.ts';

const contract = readContract();
const validator = createValidator({ registry: contract.registry });
const inputs = inputsOf(contract);

/** Paths of the fields that the rules refuse in a request. */
function refusals(request: DescMessage, json: JsonObject): string[] {
  const result = validator.validate(request, fromJson(request, json, { registry: contract.registry }));
  if (result.kind === 'error') throw result.error;
  return result.kind === 'invalid' ? result.violations.map((violation) => pathToString(violation.field)) : [];
}

/** A request with one value at the end of the path, in the first item of every list on the way. */
function requestWith(path: readonly DescField[], value: JsonValue): JsonObject {
  const [first, ...rest] = path as [DescField, ...DescField[]];
  const inner = rest.length === 0 ? value : requestWith(rest, value);
  return { [first.name]: rest.length > 0 && first.fieldKind === 'list' ? [inner] : inner };
}

const placeOf = (path: readonly DescField[]): string =>
  path.map((each, index) => (each.fieldKind === 'list' && index < path.length - 1 ? `${each.name}[0]` : each.name)).join('.');

/** Expects each value to be refused at the very field, or inside it where `inside` is set. */
function expectRefused({ request, path }: Input, values: readonly JsonValue[], inside = false): void {
  for (const value of values) {
    const place = placeOf(path);
    const refused = refusals(request, requestWith(path, value));
    const shown = `${request.name}.${place} = ${JSON.stringify(value).slice(0, 60)}`;
    expect(
      refused.some((each) => each === place || (inside && each.startsWith(`${place}[`))),
      shown,
    ).toBe(true);
  }
}

const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `x${index}`);
const ofKind = (kind: DescField['fieldKind'], scalars: readonly (ScalarType | undefined)[] = []): Input[] =>
  inputs.filter(({ field }) => field.fieldKind === kind && (scalars.length === 0 || scalars.includes(field.scalar)));
const ofType = (typeName: string): Input[] => inputs.filter(({ field }) => field.message?.typeName === typeName);

describe('the rules of the contract', () => {
  it('refuse an empty request at its required fields and nowhere else', () => {
    for (const { input } of contract.methods) {
      const required = input.fields.filter((each) => behavioursOf(each).includes(FieldBehavior.REQUIRED)).map((each) => each.name);
      const refused = refusals(input, {}).filter((place) => place !== '');
      expect([...new Set(refused)].toSorted(), input.name).toEqual(required.toSorted());
      expect(create(input).$typeName).toBe(input.typeName);
    }
  });

  it('refuse text that is too long, and the character that databases cannot store', () => {
    const texts = ofKind('scalar', [ScalarType.STRING]);
    expect(texts.length).toBeGreaterThan(100);
    for (const input of texts) expectRefused(input, ['x'.repeat(10_001), 'a\u0000b']);
  });

  it('refuse negative numbers, and numbers beyond the stated bounds', () => {
    const unbounded = ['page_size', 'user_id', 'sequence', 'start_sequence', 'end_sequence', 'after_sequence', 'version', 'from_version', 'to_version'];
    for (const input of ofKind('scalar', [ScalarType.INT32, ScalarType.INT64])) {
      expectRefused(input, unbounded.includes(input.field.name) ? [-1] : [-1, 2_147_483_647]);
    }
  });

  it('refuse numbers that name no value of an enum', () => {
    for (const input of ofKind('enum')) expectRefused(input, [99, -1]);
  });

  it('refuse lists with more than 1000 items, empty items and unknown values', () => {
    for (const input of ofKind('list')) {
      const { field } = input;
      if (field.enum) expectRefused(input, [[0], [99], [1, 1]], true);
      else if (field.message) expectRefused(input, [many(1001).map(() => ({}))], true);
      else expectRefused(input, [many(1001), [''], ['x'.repeat(10_001)], ['a\u0000b']], true);
    }
  });

  it('refuse maps with too many pairs, or with keys or values out of bounds', () => {
    expect(ofKind('map').length).toBeGreaterThan(0);
    for (const input of ofKind('map')) {
      expectRefused(input, [Object.fromEntries(many(1001).map((key) => [key, 1])), { '': 1 }, { 'a\u0000': 1 }, { a: 0 }, { a: 101 }], true);
    }
  });

  it('refuse times before 1970', () => {
    expect(ofType('google.protobuf.Timestamp').length).toBeGreaterThan(0);
    // Events come by the million: the service checks their times itself, see the test of SimulatePolicy.
    const ruled = ofType('google.protobuf.Timestamp').filter(({ field }) => String(field) !== 'field ticketing.v1.SimulationEvent.event_time');
    for (const input of ruled) expectRefused(input, ['1969-12-31T23:59:59Z']);
  });

  it('refuse masks with unknown fields', () => {
    expect(ofType('google.protobuf.FieldMask')).toHaveLength(4);
    for (const input of ofType('google.protobuf.FieldMask')) expectRefused(input, ['nonsense', 'createTime']);
  });

  it('refuse attributes with more names than anybody reads', () => {
    expect(ofType('google.protobuf.Struct').length).toBeGreaterThan(0);
    for (const input of ofType('google.protobuf.Struct')) expectRefused(input, [Object.fromEntries(many(257).map((key) => [key, 1]))]);
  });
});
