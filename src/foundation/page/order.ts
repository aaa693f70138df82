import { DomainError } from '../errors.ts';

/** How a sort value is cast when it comes back from a page token. */
export type SortType = 'text' | 'uuid' | 'bigint' | 'boolean' | 'timestamptz';

/** One field that a list can be sorted by. */
export interface SortField {
  /** The column, or an SQL expression in parentheses. Written by us, never by a caller. */
  readonly sql: string;
  /** The type of the column; `text` is ordered by code point, `bigint` serves every whole number. */
  readonly type: SortType;
  /** Whether it can be NULL. An unset value sorts last ascending and first descending, as in a plain index. */
  readonly nullable?: boolean;
}

/** The fields of one list that callers may sort by, and its tie breakers. */
export type SortFields = Readonly<Record<string, SortField>>;

/** One step of an order. */
export interface SortKey extends SortField {
  readonly name: string;
  readonly descending: boolean;
}

/** A total order: its last key is unique. */
export type Order = readonly [SortKey, ...SortKey[]];

/** The order asked for cannot be used. Reaches the caller as INVALID_ARGUMENT with reason ORDER_BY_INVALID. */
export class OrderByError extends DomainError {
  constructor(description: string) {
    super('invalid_argument', 'ORDER_BY_INVALID', `order_by: ${description}`, {
      violations: [{ field: 'order_by', description }],
      facts: { field: 'order_by' },
    });
  }
}

/**
 * Reads an `order_by` such as `priority desc, create_time`: fields separated by commas, each
 * ascending unless followed by `desc` (`asc` may be written). `sortable` names the fields a caller
 * may use. The tie breakers follow in the direction of the last field written, so that one index
 * serves the whole order; the last of them must be unique. An empty source sorts by them alone.
 *
 * Throws OrderByError for an unknown field, a field twice, or anything else.
 */
export function parseOrderBy(source: string, fields: SortFields, sortable: readonly string[], tieBreakers: readonly [string, ...string[]]): Order {
  const keys: SortKey[] = [];
  for (const part of source.trim() === '' ? [] : source.split(',')) {
    const [name = '', direction = 'asc', ...rest] = part.trim().split(/\s+/);
    if (name === '') throw new OrderByError('a field is missing; write fields separated by commas, such as "create_time desc"');
    if (!sortable.includes(name)) throw new OrderByError(`"${name}" cannot be sorted by; the fields are ${sortable.join(', ')}`);
    if (!['asc', 'desc'].includes(direction) || rest.length > 0) throw new OrderByError(`after "${name}" stands "desc" or nothing`);
    if (keys.some((key) => key.name === name)) throw new OrderByError(`"${name}" is named twice`);
    keys.push(sortKey(name, direction === 'desc', fields));
  }
  const descending = keys.at(-1)?.descending ?? false;
  for (const name of tieBreakers) {
    if (!keys.some((key) => key.name === name)) keys.push(sortKey(name, descending, fields));
  }
  // Past a unique key nothing decides any more.
  const unique = keys.findIndex((key) => key.name === tieBreakers.at(-1));
  return keys.slice(0, unique + 1) as [SortKey, ...SortKey[]];
}

function sortKey(name: string, descending: boolean, fields: SortFields): SortKey {
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (field === undefined) throw new Error(`no sort field is named ${name}`);
  return { ...field, name, descending };
}

/** The order as text: equal for equal orders. Page tokens are bound to it. */
export function orderText(order: Order): string {
  return order.map((key) => (key.descending ? `${key.name} desc` : key.name)).join(', ');
}

/** What follows ORDER BY. */
export function orderBySql(order: Order): string {
  return order.map((key) => `${sortSql(key)} ${key.descending ? 'DESC' : 'ASC'}`).join(', ');
}

/** The select list that reads a row's position: one text column per key, named `sort_0`, `sort_1`, … */
export function positionSql(order: Order): string {
  return order.map((key, index) => `(${key.sql})::text AS sort_${index}`).join(', ');
}

/** The SQL a key sorts by. */
export function sortSql(key: SortKey): string {
  return key.type === 'text' ? `${key.sql} COLLATE "C"` : key.sql;
}
