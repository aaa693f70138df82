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

/** Between the parts of a line: JSON text never holds it, and lines end where JSON text never does. */
export const PART_SEPARATOR = '\x1f';

/**
 * SQL for the parts of `audit_entries e` in the order of `EntryParts`, to be joined by the separator: PostgreSQL prints text many times faster than
 * it builds JSON. In a session that works in UTC.
 */
export const ENTRY_PARTS = `e.entry_id, e.time::text, to_json(e.actor)::text, e.actor_kind, to_json(e.rpc)::text, coalesce(e.request_id::text, ''), e.entity_type,
  to_json(e.entity_id)::text, e.version, e.operation, CASE e.changed_fields WHEN '{}' THEN '[]' ELSE to_jsonb(e.changed_fields)::text END, CASE e.reason WHEN '' THEN '""' ELSE to_json(e.reason)::text END,
  coalesce(e.before::text, ''), coalesce(e.after::text, '')`;

/** An entry as the database prints it. */
export type EntryParts = readonly [
  entryId: string,
  time: string,
  actorJson: string,
  actorKind: string,
  rpcJson: string,
  requestId: string,
  entityType: string,
  entityIdJson: string,
  version: string,
  operation: string,
  changedFieldsJson: string,
  reasonJson: string,
  beforeOrNothing: string,
  afterOrNothing: string,
];

/** What a leaf is made from: canonical JSON of the entry without the values that can be erased, and these, each with its name. */
export interface EntryText {
  readonly clear: string;
  /** In order of their names: `after.title`, `before.title`, `reason`. */
  readonly values: readonly { readonly name: string; readonly content: string }[];
}

/** The text of an entry. What is clear is one list; its times are in RFC 3339. */
export function entryText(parts: EntryParts): EntryText {
  const [entryId, time, actor, actorKind, rpc, requestId, entityType, entityId, version, operation, changedFields, reason, before, after] = parts;
  const values: EntryText['values'][number][] = [];
  const clearAfter = takeErasable('after', after, values);
  const clearBefore = takeErasable('before', before, values);
  values.push({ name: 'reason', content: reason });
  const request = requestId === '' ? 'null' : `"${requestId}"`;
  return {
    clear:
      `[${entryId}, "${rfc3339(time)}", ${actor}, "${actorKind}", ${rpc}, ${request}, "${entityType}", ${entityId}, ` +
      `${version}, "${operation}", ${changedFields}, ${clearBefore}, ${clearAfter}]`,
    values,
  };
}

/** PostgreSQL's text of a time in UTC, as the rest of the world writes it. */
export const rfc3339 = (time: string): string => `${time.slice(0, 10)}T${time.slice(11, -3)}Z`;

/** Puts what can be erased among the values, in order of the names; answers what is left. */
function takeErasable(image: 'after' | 'before', text: string, values: { name: string; content: string }[]): string {
  if (text === '') return 'null';
  // Nothing but an object is ever written; what else is there is no object in disguise.
  if (!text.startsWith('{')) return JSON.stringify(text);
  const from = values.length;
  return cutMembers(text, ERASABLE_COLUMNS, ({ name, content }) => {
    const value = { name: `${image}.${name}`, content };
    let at = values.length;
    while (at > from && (values[at - 1] as { name: string }).name > value.name) at -= 1;
    values.splice(at, 0, value);
  });
}
