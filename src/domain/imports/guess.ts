import type { Cell, Field, Mapping } from './mapping.ts';

/** Headings as people write them, letters and digits only, the likeliest first. */
const headings: Readonly<Partial<Record<Field, readonly string[]>>> = {
  user_id: ['userid', 'user', 'customerid', 'clientid', 'accountid', 'callerid', 'customer', 'client'],
  group: ['group', 'groupkey', 'groupname', 'team', 'queue', 'tickettype', 'type', 'department'],
  priority: ['priority', 'prio'],
  title: ['title', 'subject', 'summary', 'shortdescription'],
  description: ['description', 'details'],
  labels: ['labels', 'tags'],
  agent_id: ['agentid'],
};

/** Columns that tell rows apart. */
const keys = ['number', 'ticketnumber', 'reference', 'externalid', 'caseid', 'casenumber'];

const plain = (heading: string): string => heading.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '');

/** A column as it is. */
export const plainCell = (column: string): Cell => ({ column, match: undefined, value: undefined, values: undefined, default: undefined });

/** Fills what the mapping leaves open from the headings of a plain sheet such as "User ID, Group, Priority". */
export function guessMapping(mapping: Mapping, columns: readonly string[]): Mapping {
  const taken = new Set(Object.values(mapping.fields).map((cell) => cell.column));
  const free = (names: readonly string[]): string | undefined =>
    names.map((name) => columns.find((column) => !taken.has(column) && plain(column) === name)).find((column) => column !== undefined);
  const fields: Partial<Record<Field, Cell>> = { ...mapping.fields };
  for (const [field, names] of Object.entries(headings) as [Field, readonly string[]][]) {
    if (fields[field]?.column !== undefined) continue;
    const column = free(names);
    if (column !== undefined) fields[field] = { ...plainCell(column), default: fields[field]?.default };
  }
  const key = free(keys);
  return { ...mapping, fields, key: mapping.key.length > 0 || key === undefined ? mapping.key : [key] };
}
