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

/** Seconds of a span as people write it, such as 90m, 12h or 30d. @throws UsageWrong */
export function spanSeconds(name: string, text: string): number {
  const [, count, unit] = /^(\d{1,9})([smhdw])$/.exec(text) ?? [];
  if (count === undefined || unit === undefined) throw new UsageWrong(`${name} must look like 90m, 12h, 30d or 52w, not ${JSON.stringify(text)}`);
  return Number(count) * (SECONDS[unit] ?? 0);
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** The levels of skills that an option names, such as german=3,iban=1. @throws UsageWrong */
export const skillLevels = (values: Options, option: string): Record<string, number> =>
  Object.fromEntries(
    listed(values, option).map((text) => {
      const [, skill, level] = /^(.+)=(\d{1,3})$/.exec(text) ?? [];
      if (skill === undefined) throw new UsageWrong(`--${option} takes skills with their levels, such as german=3, not ${text}`);
      return [skill, Number(level)];
    }),
  );

/** The mask of an update: the fields whose options were given. @throws UsageWrong when none was */
export function maskOf(values: Options, pathOf: Readonly<Record<string, string>>): { readonly paths: string[] } {
  const paths = Object.entries(pathOf).flatMap(([option, path]) => (values[option] === undefined ? [] : [path]));
  const options = Object.keys(pathOf).map((option) => `--${option}`);
  if (paths.length === 0) throw new UsageWrong(`say what to change: ${options.join(', ')}`);
  return { paths };
}
