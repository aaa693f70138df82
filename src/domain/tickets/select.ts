import { readRows } from '../../foundation/database/rows.ts';
import type { Sql } from '../../foundation/database/sql.ts';
import { compileFilter } from '../../foundation/filter/index.ts';
import { isUuid } from '../../foundation/ids.ts';
import { OPERATION_TICKETS } from '../operations/index.ts';
import { TicketNotFound, TooManyTickets } from './errors.ts';
import { TICKET_FILTER } from './queries.ts';
import type { Groups } from './reach.ts';
import type { TicketRow } from './row.ts';
import { TICKETS_PER_CHANGE } from './rules.ts';

/** Which tickets a change of many is about; conditions that are given must all hold. */
export interface Selection {
  readonly ticketIds: readonly string[];
  readonly agentIds: readonly string[];
  readonly filter: string;
  /** Leave finished tickets out, unless they are named. */
  readonly pendingOnly: boolean;
}

/** A ticket that a selection named, and whether it meets the other conditions too. */
export interface Selected {
  readonly ticketId: string;
  readonly groupId: string;
  readonly meets: boolean;
}

/** A condition over tickets t, with its values. */
interface Condition {
  readonly text: string;
  readonly values: readonly unknown[];
  /** What a ticket that is named must meet besides. */
  readonly meets: string;
}

function conditionOf({ ticketIds, agentIds, filter, pendingOnly }: Selection, groups: Groups): Condition {
  const compiled = compileFilter(filter, TICKET_FILTER, { firstParameter: 5 });
  const meets = `(cardinality($3::text[]) = 0 OR t.agent_id = ANY ($3)) AND coalesce((${compiled.text}), false)`;
  const byAgent = agentIds.length > 0 ? 't.agent_id = ANY ($3) AND' : '';
  const chosen =
    ticketIds.length > 0
      ? '(t.ticket_id = ANY ($1::uuid[]) OR t.key = ANY ($2::text[]))'
      : `$1::uuid[] IS NOT NULL AND $2::text[] IS NOT NULL AND ${byAgent} ${meets} ${pendingOnly ? 'AND t.status <= 3' : ''}`;
  return {
    text: `($4::uuid[] IS NULL OR t.group_id = ANY ($4)) AND ${chosen}`,
    values: [ticketIds.filter(isUuid), ticketIds.filter((id) => !isUuid(id)), agentIds, groups === 'all' ? null : [...groups], ...compiled.values],
    meets,
  };
}

/**
 * Finds the tickets of a selection among the given groups, without locks; undefined when there are more than a thousand. A named ticket
 * that is not there, or in none of the groups, is not found.
 */
export async function selectTickets(sql: Sql, selection: Selection, groups: Groups): Promise<Selected[] | undefined> {
  const { text, values, meets } = conditionOf(selection, groups);
  const rows = await sql<{ ticket_id: string; key: string; group_id: string; meets: boolean }>(
    `SELECT t.ticket_id, t.key, t.group_id, (${meets}) AS meets FROM tickets t WHERE ${text} ORDER BY t.ticket_id LIMIT ${TICKETS_PER_CHANGE + 1}`,
    values,
  );
  if (rows.length > TICKETS_PER_CHANGE) return undefined;
  const found = new Set(rows.flatMap((row) => [row.ticket_id, row.key]));
  for (const id of selection.ticketIds) if (!found.has(isUuid(id) ? id.toLowerCase() : id)) throw new TicketNotFound(id, 'ticket_ids');
  return rows.map((row) => ({ ticketId: row.ticket_id, groupId: row.group_id, meets: row.meets }));
}

/** A query of all tickets of a selection, for an operation. */
export function selectionQuery(selection: Selection, groups: Groups): { readonly text: string; readonly values: readonly unknown[] } {
  const { text, values } = conditionOf(selection, groups);
  return { text: `SELECT t.ticket_id, t.priority, t.create_time FROM tickets t WHERE ${text}`, values };
}

/** How many tickets a selection has; throws `TooManyTickets` when there are more than an operation takes. */
export async function countSelected(sql: Sql, selection: Selection, groups: Groups): Promise<number> {
  const { text, values } = selectionQuery(selection, groups);
  const [found] = await sql<{ count: string }>(`SELECT count(*) FROM (${text} LIMIT ${OPERATION_TICKETS + 1}) selected`, values);
  const count = Number(found?.count);
  if (count > OPERATION_TICKETS) throw new TooManyTickets(selection.filter ? 'filter' : 'from_agent_ids', OPERATION_TICKETS);
  return count;
}

/** The groups of all tickets of a selection, however many, each once. */
export async function findGroupsSelected(sql: Sql, selection: Selection, groups: Groups): Promise<string[]> {
  const { text, values } = conditionOf(selection, groups);
  const rows = await sql<{ group_id: string }>(`SELECT DISTINCT t.group_id FROM tickets t WHERE ${text}`, values);
  return rows.map((row) => row.group_id);
}

/** All tickets of a selection, for plans that are not written, as `readLean` reads them. */
export const readForPlan = (sql: Sql, selection: Selection, groups: Groups): AsyncIterable<TicketRow> => readLean(sql, conditionOf(selection, groups));

/** All tickets `t` that meet a condition in waiting order, one by one, without what only people read. Inside a transaction. */
export function readLean(sql: Sql, { text, values }: { readonly text: string; readonly values: readonly unknown[] }): AsyncIterable<TicketRow> {
  return readRows<TicketRow>(
    sql,
    `SELECT t.ticket_id, t.key, t.group_id, t.user_id, t.agent_id, t.status, t.priority, '' AS title, '' AS description, '{}'::jsonb AS attributes,
       '[]'::jsonb AS labels, '[]'::jsonb AS external_references, t.reopen_count, t.version, t.create_time, t.update_time, t.assign_time, t.wait_start_time,
       t.resolve_time, t.close_time, t.last_request
     FROM tickets t WHERE ${text} ORDER BY t.priority DESC, t.create_time, t.ticket_id`,
    TICKETS_PER_CHANGE,
    values,
  );
}

/** The groups of selected tickets, each once. */
export const groupsOf = (selected: readonly Selected[]): string[] => [...new Set(selected.map((ticket) => ticket.groupId))];
