import type { Order, SortKey } from './order.ts';
import { sortSql } from './order.ts';

/** The sort values of a row, one for each key of the order, as PostgreSQL writes them as text. */
export type Position = readonly (string | null)[];

/** The position of a row that was read with `positionSql`. */
export function positionOf(row: Readonly<Record<string, unknown>>, order: Order): Position {
  return order.map((_, index) => {
    const value = row[`sort_${index}`];
    return value === null || value === undefined ? null : `${value as string}`;
  });
}

/**
 * The condition for WHERE that leaves only what follows the position in the order, with `$n`
 * placeholders from `firstParameter`. Skips nothing and repeats nothing, whatever was inserted or
 * removed before the position meanwhile; costs the same on every page.
 */
export function afterPosition(order: Order, position: Position, firstParameter = 1): { readonly text: string; readonly values: unknown[] } {
  if (position.length !== order.length) throw new Error('a position has one value for each key of its order');
  const values: unknown[] = [];
  const bind: Bind = (value, key) => `$${firstParameter + values.push(value) - 1}::${key.type}`;
  if (isUniform(order) && position.every((value) => value !== null)) {
    // One comparison of rows is one descent of an index.
    const left = order.map(sortSql).join(', ');
    const right = order.map((key, index) => bind(position[index] as string, key)).join(', ');
    return { text: `((${left}) ${order[0].descending ? '<' : '>'} (${right}))`, values };
  }
  return { text: `(${bound(order, position, bind)}${after(order, position, 0, bind)})`, values };
}

type Bind = (value: string, key: SortKey) => string;

// Implied by the rest, but an index on the first key can start from it.
function bound(order: Order, position: Position, bind: Bind): string {
  const [key] = order;
  const value = position[0] ?? null;
  if (value === null || (key.nullable === true && !key.descending)) return '';
  return `${sortSql(key)} ${key.descending ? '<=' : '>='} ${bind(value, key)} AND `;
}

function isUniform(order: Order): boolean {
  return order.every((key) => key.nullable !== true && key.descending === order[0].descending);
}

// "Beyond this key's value, or equal in it and beyond in the next."
function after(order: Order, position: Position, index: number, bind: Bind): string {
  const key = order[index] as SortKey;
  const value = position[index] ?? null;
  const beyond = beyondSql(key, value, bind);
  if (index === order.length - 1) return beyond;
  const next = after(order, position, index + 1, bind);
  const equal = value === null ? `${key.sql} IS NULL` : `${sortSql(key)} = ${bind(value, key)}`;
  return `(${beyond} OR (${equal} AND ${next}))`;
}

// NULL counts as greater than everything, as in a plain index.
function beyondSql(key: SortKey, value: string | null, bind: Bind): string {
  if (value === null) return key.descending ? `(${key.sql} IS NOT NULL)` : 'false';
  const compared = `${sortSql(key)} ${key.descending ? '<' : '>'} ${bind(value, key)}`;
  return key.nullable === true && !key.descending ? `(${compared} OR ${key.sql} IS NULL)` : `(${compared})`;
}
