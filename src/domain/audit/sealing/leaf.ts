import { hash } from 'node:crypto';
import { type EntryText, ERASABLE_COLUMNS } from './entry-text.ts';
import { leafHash } from './merkle.ts';

/** What an entry's digests are salted with, and what is left of values that are gone. */
export interface Salting {
  /** Of each value that is there and has a digest, in order of their names: 32 hexadecimal digits each, nothing between them. */
  readonly salts: string;
  /** Digests of values that were erased, by their names (`after.title`). */
  readonly digests?: Readonly<Record<string, string>> | undefined;
}

/** In bytes. */
export const SALT_BYTES = 16;
const SALT_DIGITS = 2 * SALT_BYTES;

/** Values that say nothing are hashed as they are, and never erased. */
const EMPTY: ReadonlySet<string> = new Set(['""', '{}', '[]', 'null']);
const LONGEST_EMPTY = 'null'.length;
const isEmpty = (content: string): boolean => content.length <= LONGEST_EMPTY && EMPTY.has(content);

/** How many of the values have a digest, and so a salt each. */
export const countSalts = ({ values }: EntryText): number => values.reduce((count, { content }) => (isEmpty(content) ? count : count + 1), 0);

/**
 * The leaf of an entry, in hexadecimal: the hash of its clear part and, on a line each, the names of all that can be erased with digests salted
 * for each alone. So a value can go, and the leaf stays what it was. Undefined when there are more or fewer salts than values, or a digest is
 * given for what is there: then nothing can be told.
 */
export function leafOf({ clear, values }: EntryText, { salts, digests }: Salting): string | undefined {
  let text = clear;
  let at = 0;
  const lines: string[] | undefined = digests && [];
  for (const { name, content } of values) {
    let told = content;
    if (!isEmpty(content)) {
      told = hash('sha256', salts.slice(at, at + SALT_DIGITS) + content, 'hex');
      at += SALT_DIGITS;
    }
    if (lines) lines.push(`${name}=${told}`);
    else text += `\n${name}=${told}`;
  }
  if (at !== salts.length) return undefined;
  if (!lines) return leafHash(text);
  return areOfErased(digests ?? {}, values) ? leafHash(`${clear}\n${withDigests(lines, values, digests ?? {}).join('\n')}`) : undefined;
}

const DIGEST = /^[0-9a-f]{64}$/;
const NAME = /^(reason|(before|after)\.(\w+))$/;

/** Whether digests stand for values that are gone, and for no others: they would hide what was put in their place. */
function areOfErased(digests: Readonly<Record<string, string>>, values: EntryText['values']): boolean {
  const present = new Set(values.filter(({ content }) => !isEmpty(content)).map(({ name }) => name));
  return Object.entries(digests).every(([name, digest]) => {
    const column = NAME.exec(name)?.[3];
    return (name === 'reason' || (column !== undefined && ERASABLE_COLUMNS.has(column))) && DIGEST.test(String(digest)) && !present.has(name);
  });
}

/** A value that is erased left nothing, or an empty text where there must be one: of a reason. */
function withDigests(lines: readonly string[], values: EntryText['values'], digests: Readonly<Record<string, string>>): string[] {
  const all = new Map(values.map(({ name }, at) => [name, lines[at] as string]));
  for (const [name, digest] of Object.entries(digests)) all.set(name, `${name}=${digest}`);
  return [...all.keys()].sort().map((name) => all.get(name) as string);
}
