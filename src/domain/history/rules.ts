import { isDeepStrictEqual } from 'node:util';
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';

/** A field in which two versions differ. */
export interface Difference {
  readonly field: string;
  readonly from: JsonValue;
  readonly to: JsonValue;
  /** One of the two was erased from the log. */
  readonly erased: boolean;
}

/** Columns by name, and those whose value was erased. */
export interface State {
  readonly values: JsonObject;
  readonly erased: readonly string[];
}

/** They say which version it is. */
const OF_EVERY_VERSION = ['version', 'update_time'];
/** Characters of a value that are shown in words. */
const SHOWN = 80;

/** The fields in which two versions differ, by name; inside objects, such as attributes, member by member. */
export function computeDifferences(from: State, to: State): Difference[] {
  const erased = new Set([...from.erased, ...to.erased]);
  const fields = [...new Set([...Object.keys(from.values), ...Object.keys(to.values), ...erased])].filter((field) => !OF_EVERY_VERSION.includes(field)).sort();
  return fields.flatMap((field) => {
    const [before, after] = [from.values[field] ?? null, to.values[field] ?? null];
    if (erased.has(field)) return [{ field, from: before, to: after, erased: true }];
    return differencesOf(field, before, after);
  });
}

function differencesOf(field: string, from: JsonValue, to: JsonValue): Difference[] {
  if (isDeepStrictEqual(from, to)) return [];
  if (!isObject(from) || !isObject(to)) return [{ field, from, to, erased: false }];
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
  return names.flatMap((name) => differencesOf(`${field}.${name}`, from[name] ?? null, to[name] ?? null));
}

const isObject = (value: JsonValue): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A difference in words: `status: OPEN → RESOLVED`; of a list what came and what went. */
export function wordsOf({ field, from, to, erased }: Difference): string {
  if (erased) return `${field}: erased`;
  if (Array.isArray(from) && Array.isArray(to)) {
    const without = (items: readonly JsonValue[], others: readonly JsonValue[]) =>
      items.filter((item) => !others.some((other) => isDeepStrictEqual(item, other)));
    const changes = [...without(to, from).map((item) => `+${wordOf(item)}`), ...without(from, to).map((item) => `-${wordOf(item)}`)];
    return `${field}: ${changes.length > 0 ? changes.join(' ') : 'another order'}`;
  }
  return `${field}: ${wordOf(from)} → ${wordOf(to)}`;
}

function wordOf(value: JsonValue): string {
  if (value === null || value === '') return '(none)';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const line = text.replaceAll(/\s+/g, ' ');
  return [...line].length > SHOWN ? `${[...line].slice(0, SHOWN).join('')}…` : line;
}
