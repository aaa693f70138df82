import type { Instant } from '../../foundation/clock.ts';
import type { Sql } from '../../foundation/database/sql.ts';
import { type Order, OrderByError, orderBySql, type Position, positionSql } from '../../foundation/page/index.ts';
import { assertStillKept, hiddenInstant, pastRows } from '../audit/index.ts';
import { type Scope, ticketOrder, type WantedTickets, wantedSql } from './queries.ts';
import { TICKET_COLUMNS, type TicketRow } from './row.ts';

/** Tickets that one page of the past looks at. */
const STRETCH = 2_000;

/** Reads an `order_by` of a list of the past: only the time of creation is the same at every instant. Throws OrderByError. */
export function pastTicketOrder(orderBy: string): Order {
  const order = ticketOrder(orderBy);
  if (order[0].name === 'create_time' && order.length === 2) return order;
  throw new OrderByError('a list with as_of is ordered by "create_time" or "create_time desc"');
}

/** Which tickets, and when. */
export interface WantedPast {
  readonly wanted: WantedTickets;
  /** Settled. */
  readonly at: Instant;
  readonly scope: Scope;
  /** One of `pastTicketOrder`. */
  readonly order: Order;
}

/** A part of such a list, and where it ends before the end of the list. */
export interface PastTickets {
  readonly rows: readonly TicketRow[];
  readonly end: Position | undefined;
}

/**
 * Tickets as they were at an instant, at most `limit` of them, from among the next few thousand: all that were created by then are looked at, since which of them
 * are wanted only their past says. A ticket that is now outside the scope is left out, as is one that was outside then. Throws FilterError, HistoryDropped.
 */
export async function listTicketsAt(sql: Sql, past: WantedPast, limit: number, after: Position | undefined): Promise<PastTickets> {
  const { wanted, at, scope, order } = past;
  const end = await findEnd(sql, past, after);
  const values: unknown[] = [at];
  const bind = (value: unknown, type: string): string => `$${values.push(value)}::${type}`;
  const where = [`q.create_time <= $1::timestamptz`, ...range(order, after, end, bind)];
  const seen = scope === 'all' ? undefined : bind(scope, 'uuid[]');
  if (seen) where.push(`q.group_id = ANY (${seen})`);
  const conditions = wantedSql(wanted, values);
  // The same values, but in an order that is known before the past is looked up: what is beyond the limit is not.
  const way = order[0].descending ? 'DESC' : 'ASC';
  const rows = await sql<TicketRow>(
    `SELECT ${TICKET_COLUMNS}, ${positionSql(order)} FROM (
       SELECT t.*, t_known.create_time AS place_time, t_known.ticket_id AS place_id FROM ${pastRows('tickets', { at: hiddenInstant(1), as: 't', where: where.join(' AND '), inOrder: orderBySql(order) })}
       WHERE t.ticket_id IS NOT NULL
       ${seen ? `AND t.group_id = ANY (${seen}) AND EXISTS (SELECT FROM tickets n WHERE n.ticket_id = t.ticket_id AND n.group_id = ANY (${seen}))` : ''}
     ) past WHERE ${conditions.text} ORDER BY place_time ${way}, place_id ${way} LIMIT ${limit}`,
    conditions.values,
  );
  await assertStillKept(sql, at);
  return { rows, end };
}

/** Where the stretch ends that begins after a position; undefined when it reaches to the end of the list. Of tickets that are there now: what is gone lies among them. */
async function findEnd(sql: Sql, { at, scope, order }: WantedPast, after: Position | undefined): Promise<Position | undefined> {
  const values: unknown[] = [at];
  const bind = (value: unknown, type: string): string => `$${values.push(value)}::${type}`;
  const where = [`create_time <= $1::timestamptz`, ...range(order, after, undefined, bind)].join(' AND ');
  const of = `SELECT create_time, ticket_id FROM tickets q WHERE ${where}`;
  const last = `ORDER BY ${orderBySql(order)} OFFSET ${STRETCH - 1} LIMIT 1`;
  // Of each group from its own index: a reader of small groups is not to look at all tickets for his own.
  const ofGroups = () =>
    `SELECT f.* FROM unnest(${bind(scope, 'uuid[]')}) seen(visible_group_id)
     CROSS JOIN LATERAL (${of} AND group_id = visible_group_id ORDER BY ${orderBySql(order)} LIMIT ${STRETCH}) f`;
  const [end] = await sql<Record<string, string>>(`SELECT ${positionSql(order)} FROM (${scope === 'all' ? of : ofGroups()}) q ${last}`, values);
  return end && [end.sort_0 ?? null, end.sort_1 ?? null];
}

/** Conditions on a ticket's place in the order: after one position, up to another. */
function range(order: Order, after: Position | undefined, end: Position | undefined, bind: (value: unknown, type: string) => string): string[] {
  const place = ([time, id]: Position) => `(${bind(time, 'timestamptz')}, ${bind(id, 'uuid')})`;
  const { descending } = order[0];
  return [
    ...(after ? [`(q.create_time, q.ticket_id) ${descending ? '<' : '>'} ${place(after)}`] : []),
    ...(end ? [`(q.create_time, q.ticket_id) ${descending ? '>=' : '<='} ${place(end)}`] : []),
  ];
}
