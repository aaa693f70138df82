import { hash } from 'node:crypto';
import { type EntryText, ERASABLE_COLUMNS } from './entry-text.ts';
import { leafHash } from './merkle.ts';

/** What is left of an entry's values where some were erased, by their names (`after.title`). */
export interface Erased {
  /** Digests of values that are gone. */
  readonly digests: Readonly<Record<string, string>>;
  /** Salts of values that stay. */
  readonly salts: Readonly<Record<string, string>>;
}

/** What an entry's digests are salted with: 16 bytes in hexadecimal, or what is left of them. */
export type Salting = string | Erased;

/** Values that say nothing are hashed as they are, and never erased. */
const EMPTY: ReadonlySet<string> = new Set(['""', '{}', '[]', 'null']);
const LONGEST_EMPTY = 'null'.length;

/** The salt of one value, from which the entry's salt cannot be told. */
const saltOf = (salt: string, name: string): string => hash('sha256', salt + name, 'hex');

/**
 * The leaf of an entry, in hexadecimal: the hash of its clear part and, on a line each, the names of all that can be erased with digests salted
 * for each alone. So a value can go, and the leaf stays what it was. Undefined when a salt is missing, or a digest is given for what is there: then
 * nothing can be told.
 */
export function leafOf({ clear, values }: EntryText, salting: Salting): string | undefined {
  if (typeof salting !== 'string' && !isErased(salting, values)) return undefined;
  const lines: string[] = [];
  for (const { name, content } of values) {
    if (content.length <= LONGEST_EMPTY && EMPTY.has(content)) {
      lines.push(`${name}=${content}`);
      continue;
    }
    const own = typeof salting === 'string' ? saltOf(salting, name) : salting.salts[name];
    if (own === undefined) return undefined;
    lines.push(`${name}=${hash('sha256', own + content, 'hex')}`);
  }
  if (typeof salting !== 'string') insertDigests(lines, values, salting.digests);
  return leafHash(`${clear}\n${lines.join('\n')}`);
}

const DIGEST = /^[0-9a-f]{64}$/;
const NAME = /^(reason|(before|after)\.(\w+))$/;

/** Whether digests stand for values that are gone, and for no others: they would hide what was put in their place. */
function isErased(erased: Erased, values: EntryText['values']): boolean {
  const present = new Set(values.filter(({ content }) => !EMPTY.has(content)).map(({ name }) => name));
  return Object.entries(erased.digests).every(([name, digest]) => {
    const column = NAME.exec(name)?.[3];
    return (name === 'reason' || (column !== undefined && ERASABLE_COLUMNS.has(column))) && DIGEST.test(String(digest)) && !present.has(name);
  });
}

/** A value that is erased left nothing, or an empty text where there must be one: of a reason. */
function insertDigests(lines: string[], values: EntryText['values'], digests: Erased['digests']): void {
  const all = new Map(values.map(({ name }, at) => [name, lines[at] as string]));
  for (const [name, digest] of Object.entries(digests)) all.set(name, `${name}=${digest}`);
  const names = [...all.keys()].sort();
  lines.splice(0, lines.length, ...names.map((name) => all.get(name) as string));
}
