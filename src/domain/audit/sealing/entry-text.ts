import { cutMembers } from './members.ts';

/** Columns that may hold something about a person: the same as in the database's function erasable_columns. */
export const ERASABLE_COLUMNS: ReadonlySet<string> = new Set([
  'attributes',
  'description',
  'display_name',
  'email',
  'external_references',
  'labels',
  'title',
  'user_id',
]);

/**
 * SQL for the columns of `audit_entries e` that make an `EntryRow`: PostgreSQL prints JSON many times faster than anybody reads it. In a session that works in UTC.
 */
export const ENTRY_COLUMNS = `e.entry_id, e.time::text, e.actor, e.actor_kind, e.rpc, e.request_id, e.entity_type, e.entity_id, e.version, e.operation,
  CASE e.changed_fields WHEN '{}' THEN '[]' ELSE to_jsonb(e.changed_fields)::text END AS changed_fields, e.reason, e.before::text, e.after::text`;

/** An entry as the database prints it; numbers and ids as text. */
export interface EntryRow {
  readonly entry_id: string;
  readonly time: string;
  readonly actor: string;
  readonly actor_kind: string;
  readonly rpc: string;
  readonly request_id: string | null;
  readonly entity_type: string;
  readonly entity_id: string;
  readonly version: string;
  readonly operation: string;
  /** A list in JSON. */
  readonly changed_fields: string;
  readonly reason: string;
  /** JSON, as `after`. */
  readonly before: string | null;
  readonly after: string | null;
}

/** What a leaf is made from: canonical JSON of the entry without the values that can be erased, and these, each with its name. */
export interface EntryText {
  readonly clear: string;
  /** In order of their names: `after.title`, `before.title`, `reason`. */
  readonly values: readonly { readonly name: string; readonly content: string }[];
}

const ERASABLE_NAMES = [...ERASABLE_COLUMNS];

/** The text of an entry. What is clear is one list; its times are in RFC 3339. */
export function entryText(row: EntryRow): EntryText {
  const values: EntryText['values'][number][] = [];
  const clearAfter = takeErasable('after', row.after, values);
  const clearBefore = takeErasable('before', row.before, values);
  values.push({ name: 'reason', content: quoted(row.reason) });
  const request = row.request_id === null ? 'null' : `"${row.request_id}"`;
  return {
    clear:
      `[${row.entry_id}, "${rfc3339(row.time)}", ${quoted(row.actor)}, "${row.actor_kind}", ${quoted(row.rpc)}, ${request}, ` +
      `"${row.entity_type}", ${quoted(row.entity_id)}, ${row.version}, "${row.operation}", ${row.changed_fields}, ${clearBefore}, ${clearAfter}]`,
    values,
  };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what JSON escapes.
const ESCAPED = /["\\\u0000-\u001f]/;
/** A text in JSON. */
export const quoted = (text: string): string => (ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`);

/** PostgreSQL's text of a time in UTC, as the rest of the world writes it. */
export const rfc3339 = (time: string): string => `${time.slice(0, 10)}T${time.slice(11, -3)}Z`;

/** Puts what can be erased among the values, in order of the names; answers what is left. */
function takeErasable(image: 'after' | 'before', text: string | null, values: { name: string; content: string }[]): string {
  if (text === null) return 'null';
  // Nothing but an object is ever written; what else is there is no object in disguise.
  if (!text.startsWith('{')) return JSON.stringify(text);
  const from = values.length;
  return cutMembers(text, ERASABLE_NAMES, ({ name, content }) => {
    const value = { name: `${image}.${name}`, content };
    let at = values.length;
    while (at > from && (values[at - 1] as { name: string }).name > value.name) at -= 1;
    values.splice(at, 0, value);
  });
}
