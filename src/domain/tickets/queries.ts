import type { Context } from '../../foundation/context.ts';
import type { Look } from '../../foundation/database/gathered-lookups.ts';
import { prepared } from '../../foundation/database/prepared.ts';
import type { Sql } from '../../foundation/database/sql.ts';
import { compileFilter, type FilterSchema } from '../../foundation/filter/index.ts';
import { isUuid } from '../../foundation/ids.ts';
import { afterPosition, type Order, orderBySql, type Position, parseOrderBy, positionSql, type SortFields } from '../../foundation/page/index.ts';
import { TicketNotFound } from './errors.ts';
import { TICKET_COLUMNS, type TicketRow } from './row.ts';
import { PRIORITY, STATUS } from './rules.ts';

/** Ids of the groups that the reader may see, or that there is no limit. */
export type Scope = 'all' | readonly string[];

/** Which tickets to list; '', '0', none and false mean any. */
export interface WantedTickets {
  readonly groupId: string;
  readonly agentId: string;
  readonly userId: string;
  readonly statuses: readonly number[];
  readonly priorities: readonly number[];
  readonly unassigned: boolean;
  /** CEL over `TICKET_FILTER`. */
  readonly filter: string;
}

/** What callers may filter tickets by, as columns of `tickets`. */
export const TICKET_FILTER: FilterSchema = {
  ticket_id: { sql: 'ticket_id', type: 'uuid' },
  key: { sql: 'key', type: 'string' },
  group_id: { sql: 'group_id', type: 'uuid' },
  user_id: { sql: 'user_id', type: 'int' },
  agent_id: { sql: 'agent_id', type: 'string', nullable: true },
  status: { sql: 'status', type: 'enum', constants: STATUS },
  priority: { sql: 'priority', type: 'enum', constants: PRIORITY, ordered: true },
  title: { sql: 'title', type: 'string' },
  description: { sql: 'description', type: 'string' },
  attributes: { sql: 'attributes', type: 'json' },
  labels: { sql: 'labels', type: 'string_list' },
  create_time: { sql: 'create_time', type: 'timestamp' },
  update_time: { sql: 'update_time', type: 'timestamp' },
  assign_time: { sql: 'assign_time', type: 'timestamp', nullable: true },
  wait_start_time: { sql: 'wait_start_time', type: 'timestamp', nullable: true },
  resolve_time: { sql: 'resolve_time', type: 'timestamp', nullable: true },
  close_time: { sql: 'close_time', type: 'timestamp', nullable: true },
  reopen_count: { sql: 'reopen_count', type: 'int' },
};

const SORT_FIELDS: SortFields = {
  create_time: { sql: 'create_time', type: 'timestamptz' },
  priority: { sql: 'priority', type: 'bigint' },
  ticket_id: { sql: 'ticket_id', type: 'uuid' },
};

/** Reads an `order_by`; empty means newest first. Throws OrderByError. */
export const ticketOrder = (orderBy: string): Order =>
  parseOrderBy(orderBy.trim() === '' ? 'create_time desc' : orderBy, SORT_FIELDS, ['create_time', 'priority'], ['create_time', 'ticket_id']);

const TICKETS_BY_ID = prepared(`SELECT ${TICKET_COLUMNS} FROM tickets WHERE ticket_id = ANY ($1::uuid[])`);
const TICKETS_BY_KEY = prepared(`SELECT ${TICKET_COLUMNS} FROM tickets WHERE key = ANY ($1::text[])`);

/** Tickets by id or key, whoever may see them; undefined where there is none. */
const findTickets: Look<string, TicketRow | undefined> = async (sql, references) => {
  const ids = references.filter(isUuid);
  const keys = references.filter((reference) => !isUuid(reference));
  const rows = [
    ...(ids.length > 0 ? await sql<TicketRow>(TICKETS_BY_ID, [ids]) : []),
    ...(keys.length > 0 ? await sql<TicketRow>(TICKETS_BY_KEY, [keys]) : []),
  ];
  const found = new Map(rows.flatMap((row) => [[row.ticket_id, row] as const, [row.key, row] as const]));
  return references.map((reference) => found.get(isUuid(reference) ? reference.toLowerCase() : reference));
};

/** One ticket by id or key; throws TicketNotFound, also when it lies outside the scope. */
export async function getTicket(ctx: Pick<Context, 'gather'>, reference: string, scope: Scope): Promise<TicketRow> {
  const row = await ctx.gather(findTickets, reference);
  if (!row || (scope !== 'all' && !scope.includes(row.group_id))) throw new TicketNotFound(reference);
  return row;
}

/** Tickets by id or key, in the order asked for; throws TicketNotFound for the first that is not there or outside the scope. */
export async function getTickets(sql: Sql, references: readonly string[], scope: Scope): Promise<TicketRow[]> {
  const where = new Where();
  where.add(
    'ticket_id IN (SELECT unnest(?::uuid[]) UNION SELECT ticket_id FROM tickets WHERE key = ANY (?::text[]))',
    references.filter(isUuid),
    references.filter((reference) => !isUuid(reference)),
  );
  where.addScope(scope);
  const rows = await sql<TicketRow>(`SELECT ${TICKET_COLUMNS} FROM tickets WHERE ${where.text}`, where.values);
  const found = new Map(rows.flatMap((row) => [[row.ticket_id, row] as const, [row.key, row] as const]));
  return references.map((reference) => {
    const row = found.get(isUuid(reference) ? reference.toLowerCase() : reference);
    if (!row) throw new TicketNotFound(reference, 'ticket_ids');
    return row;
  });
}

/**
 * At most `limit` tickets in the given order, with their positions. Every order starts from a position
 * in an index, so that a late page costs what the first one costs. Throws FilterError.
 */
export async function listTickets(sql: Sql, wanted: WantedTickets, scope: Scope, order: Order, limit: number, after?: Position): Promise<TicketRow[]> {
  const where = new Where();
  const mine = eachGroupAlone(wanted, scope, order);
  // The first placeholder: the groups to take one by one.
  if (mine) where.values.push(mine);
  else where.addScope(scope);
  const lead = mine ? { column: 'group_id', value: 'visible_group_id' } : addEqualities(where, wanted, order);
  if (lead) where.add(heldBetween(lead, order, after));
  addConditions(where, wanted);
  if (after) where.addAfter(lead, order, after);
  const columns = `${TICKET_COLUMNS}, ${positionSql(order)}`;
  // Tickets without an agent are all equal in that column: naming it lets the agents' index serve the order.
  const sorted = orderedFrom(lead ?? (wanted.unassigned ? { column: 'agent_id', value: 'NULL' } : undefined), order);
  if (!mine) return sql(`SELECT ${columns} FROM tickets WHERE ${where.text} ORDER BY ${sorted} LIMIT ${limit}`, where.values);
  // The first of each group, each from that group's index, and of those the first of all.
  return sql(
    `SELECT ${columns} FROM tickets WHERE ticket_id = ANY (ARRAY(
       SELECT found.ticket_id FROM unnest($1::uuid[]) AS visible(visible_group_id) CROSS JOIN LATERAL (
         SELECT ${order.map((key) => key.sql).join(', ')} FROM tickets WHERE ${where.text} ORDER BY ${sorted} LIMIT ${limit}
       ) found ORDER BY ${orderBySql(order)} LIMIT ${limit}
     )) ORDER BY ${orderBySql(order)}`,
    where.values,
  );
}

/** Adds what a list asks for besides user, agent and group. Throws FilterError. */
function addConditions(where: Where, wanted: WantedTickets): void {
  if (wanted.unassigned) where.add('agent_id IS NULL');
  if (wanted.statuses.length > 0) where.add('status = ANY (?::smallint[])', wanted.statuses);
  if (wanted.priorities.length > 0) where.add('priority = ANY (?::smallint[])', wanted.priorities);
  where.addCompiled((first) => compileFilter(wanted.filter, TICKET_FILTER, { firstParameter: first }));
}

/** The same conditions as SQL over columns of `tickets`, whatever they are read from; `values` are those of the placeholders so far. Throws FilterError. */
export function wantedSql(wanted: WantedTickets, values: readonly unknown[]): { readonly text: string; readonly values: readonly unknown[] } {
  const where = new Where(values);
  addEqualities(where, wanted, undefined);
  addConditions(where, wanted);
  return where;
}

// A reader of a few small groups among millions of tickets must not search them all for his own; where
// something else narrows the list already, or no index of a group serves the order, the plain form is better.
function eachGroupAlone(wanted: WantedTickets, scope: Scope, order: Order): readonly string[] | undefined {
  const narrowed = wanted.groupId !== '' || wanted.agentId !== '' || wanted.userId !== '0' || wanted.unassigned;
  return scope === 'all' || narrowed || order[0].name !== 'create_time' ? undefined : scope;
}

/** A column that is the same in all rows of a list, and leads the index that serves it. */
interface Lead {
  readonly column: string;
  /** SQL of its value. */
  readonly value: string;
}

/**
 * Adds what user, agent and group must equal; the first of them leads a list by create time. It is held
 * between two bounds instead of being called equal, and named in the order: else the planner may walk
 * all tickets by create time, taking for granted that those of a group lie evenly among them.
 */
function addEqualities(where: Where, wanted: WantedTickets, order: Order | undefined): Lead | undefined {
  let lead: Lead | undefined;
  const equal = (column: string, type: string, value: string, unset: string): void => {
    if (value === unset) return;
    if (lead || order?.[0].name !== 'create_time') where.add(`${column} = ?::${type}`, value);
    else lead = { column, value: `$${where.values.push(value)}::${type}` };
  };
  equal('user_id', 'bigint', wanted.userId, '0');
  equal('agent_id', 'text', wanted.agentId, '');
  equal('group_id', 'uuid', wanted.groupId, '');
  return lead;
}

// A position is a bound too; beside the plain one, the index would be entered at the wrong place.
function heldBetween({ column, value }: Lead, order: Order, after: Position | undefined): string {
  const operators = after === undefined ? ['>=', '<='] : order[0].descending ? ['>='] : ['<='];
  return operators.map((operator) => `${column} ${operator} ${value}`).join(' AND ');
}

const orderedFrom = (lead: Lead | undefined, order: Order): string =>
  lead ? `${lead.column} ${order[0].descending ? 'DESC' : 'ASC'}, ${orderBySql(order)}` : orderBySql(order);

/** Conditions and the values of their placeholders. */
class Where {
  readonly #conditions: string[] = [];
  readonly values: unknown[];

  constructor(values: readonly unknown[] = []) {
    this.values = [...values];
  }

  get text(): string {
    return this.#conditions.join(' AND ') || 'true';
  }

  /** Adds a condition; each `?` in it stands for the next value. */
  add(condition: string, ...values: readonly unknown[]): void {
    let next = 0;
    this.#conditions.push(condition.replaceAll('?', () => `$${this.values.push(values[next++])}`));
  }

  addScope(scope: Scope): void {
    if (scope !== 'all') this.add('group_id = ANY (?::uuid[])', scope);
  }

  addCompiled(compile: (firstParameter: number) => { readonly text: string; readonly values: readonly unknown[] }): void {
    const { text, values } = compile(this.values.length + 1);
    this.#conditions.push(text);
    this.values.push(...values);
  }

  /** What follows a position, in one descent of the index that the lead leads. */
  addAfter(lead: Lead | undefined, order: Order, position: Position): void {
    if (!lead) {
      this.addCompiled((first) => afterPosition(order, position, first));
      return;
    }
    const columns = [lead.column, ...order.map((key) => key.sql)];
    const values = [lead.value, ...order.map((key, index) => `$${this.values.push(position[index])}::${key.type}`)];
    this.#conditions.push(`(${columns.join(', ')}) ${order[0].descending ? '<' : '>'} (${values.join(', ')})`);
  }
}
