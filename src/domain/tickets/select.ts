import type { Sql } from '../../foundation/database/sql.ts';
import { compileFilter } from '../../foundation/filter/index.ts';
import { isUuid } from '../../foundation/ids.ts';
import { TicketNotFound, TooManyTickets } from './errors.ts';
import { TICKET_FILTER } from './queries.ts';
import type { Groups } from './reach.ts';
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

/**
 * Finds the tickets of a selection among the given groups, without locks. A named ticket that is not
 * there, or in none of the groups, is not found; more than a thousand are refused.
 */
export async function selectTickets(sql: Sql, selection: Selection, groups: Groups): Promise<Selected[]> {
  const { ticketIds, agentIds } = selection;
  const filter = compileFilter(selection.filter, TICKET_FILTER, { firstParameter: 6 });
  const named = ticketIds.length > 0;
  const meets = `(cardinality($3::text[]) = 0 OR t.agent_id = ANY ($3)) AND coalesce((${filter.text}), false)`;
  const rows = await sql<{ ticket_id: string; key: string; group_id: string; meets: boolean }>(
    `SELECT t.ticket_id, t.key, t.group_id, (${meets}) AS meets FROM tickets t
     WHERE ($4::uuid[] IS NULL OR t.group_id = ANY ($4))
       AND ${named ? '(t.ticket_id = ANY ($1::uuid[]) OR t.key = ANY ($2::text[]))' : `$1::uuid[] IS NOT NULL AND $2::text[] IS NOT NULL AND ${agentIds.length > 0 ? 't.agent_id = ANY ($3) AND' : ''} ${meets} ${selection.pendingOnly ? 'AND t.status <= 3' : ''}`}
     ORDER BY t.ticket_id LIMIT $5`,
    [
      ticketIds.filter(isUuid),
      ticketIds.filter((id) => !isUuid(id)),
      agentIds,
      groups === 'all' ? null : [...groups],
      TICKETS_PER_CHANGE + 1,
      ...filter.values,
    ],
  );
  if (rows.length > TICKETS_PER_CHANGE) throw new TooManyTickets(selection.filter ? 'filter' : 'from_agent_ids', TICKETS_PER_CHANGE);
  const found = new Set(rows.flatMap((row) => [row.ticket_id, row.key]));
  for (const id of ticketIds) if (!found.has(isUuid(id) ? id.toLowerCase() : id)) throw new TicketNotFound(id, 'ticket_ids');
  return rows.map((row) => ({ ticketId: row.ticket_id, groupId: row.group_id, meets: row.meets }));
}

/** The groups of selected tickets, each once. */
export const groupsOf = (selected: readonly Selected[]): string[] => [...new Set(selected.map((ticket) => ticket.groupId))];
