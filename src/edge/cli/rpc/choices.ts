import type { DescEnum, EnumShape } from '@bufbuild/protobuf';
import { UsageWrong } from '../running/failures.ts';
import { type Options, textOf } from './session.ts';

/** The short names of an enum, such as `OPEN`; without the unspecified one. */
export const choicesOf = (schema: DescEnum): string[] => schema.values.filter(({ number }) => number !== 0).map(({ localName }) => localName);

/** The numbers that an option names, separated by commas, in letters of either size. @throws UsageWrong */
export function chosen<Schema extends DescEnum>(values: Options, option: string, schema: Schema): EnumShape<Schema>[] {
  return listed(values, option).map((word) => {
    const name = word.toUpperCase().replaceAll('-', '_');
    const found = schema.values.find((each) => each.number !== 0 && (each.localName === name || each.name === name));
    if (!found) throw new UsageWrong(`--${option} is some of ${choicesOf(schema).join(', ')}, not ${word}`);
    return found.number as EnumShape<Schema>;
  });
}

/** The parts of an option that takes several, separated by commas. */
export function listed(values: Options, option: string): string[] {
  return (textOf(values, option) ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** What a value of an enum is called, in short. */
export const shortNameOf = (schema: DescEnum, number: number): string => schema.value[number]?.localName ?? String(number);

/** A whole number of any size. @throws UsageWrong */
export function wholeNumber(name: string, text: string): bigint {
  if (!/^\d{1,18}$/.test(text)) throw new UsageWrong(`${name} must be a whole number, not ${text}`);
  return BigInt(text);
}
