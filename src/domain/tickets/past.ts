import type { Instant } from '../../foundation/clock.ts';
import type { Context } from '../../foundation/context.ts';
import type { Look } from '../../foundation/database/gathered-lookups.ts';
import { prepared } from '../../foundation/database/prepared.ts';
import { isUuid } from '../../foundation/ids.ts';
import { assertKept, KEPT_FROM, pastRow, removedSince } from '../audit/index.ts';
import { TicketNotFound } from './errors.ts';
import type { Scope } from './queries.ts';
import { TICKET_COLUMNS, type TicketRow } from './row.ts';

/** A ticket by id or key, and an instant. */
interface Asked {
  readonly reference: string;
  readonly at: Instant;
}

/** A ticket as it was, and where it is now. */
interface PastTicket extends TicketRow {
  /** Null when it was not there at the instant. */
  readonly existed: boolean | null;
  /** Null when its row is gone. */
  readonly present_group_id: string | null;
  readonly kept_from: Instant | null;
}

const TICKETS_AT = prepared(
  `SELECT ${TICKET_COLUMNS}, t.create_time <= asked.at AS existed, (c.present).group_id AS present_group_id, ${KEPT_FROM} AS kept_from
   FROM unnest($1::uuid[], $2::timestamptz[]) WITH ORDINALITY AS asked(id, at, place)
   LEFT JOIN LATERAL (SELECT q AS present FROM tickets q WHERE q.ticket_id = asked.id OFFSET 0) c ON true
   ${pastRow('tickets', { id: 'asked.id::text', present: 'c.present', at: 'asked.at', as: 't' })}
   ORDER BY asked.place`,
);

// A ticket whose row is gone still has its key in the log.
const IDS_OF_KEYS = prepared(
  `SELECT coalesce(
     (SELECT ticket_id FROM tickets WHERE key = asked.key),
     (SELECT e.entity_id::uuid FROM ${removedSince('tickets', 'asked.at')} AND e.before ->> 'key' = asked.key ORDER BY e.entry_id LIMIT 1)) AS ticket_id
   FROM unnest($1::text[], $2::timestamptz[]) WITH ORDINALITY AS asked(key, at, place) ORDER BY asked.place`,
);

const findTicketsAt: Look<Asked, PastTicket> = async (sql, asked) => {
  const keys = asked.filter(({ reference }) => !isUuid(reference));
  const ids = keys.length === 0 ? [] : await sql<{ ticket_id: string | null }>(IDS_OF_KEYS, [keys.map(({ reference }) => reference), keys.map(({ at }) => at)]);
  const idOf = new Map(keys.map((key, at) => [key, ids[at]?.ticket_id ?? null]));
  return sql<PastTicket>(TICKETS_AT, [asked.map((one) => (idOf.has(one) ? idOf.get(one) : one.reference)), asked.map(({ at }) => at)]);
};

/**
 * One ticket by id or key as it was at an instant that is settled. Throws TicketNotFound when it was not there, or when it was then or is now
 * outside the scope; HistoryDropped.
 */
export async function getTicketAt(ctx: Pick<Context, 'gather'>, reference: string, at: Instant, scope: Scope): Promise<TicketRow> {
  const row = await ctx.gather(findTicketsAt, { reference, at });
  assertKept(at, row.kept_from);
  const seen = scope === 'all' || (scope.includes(row.group_id) && row.present_group_id !== null && scope.includes(row.present_group_id));
  if (!row.existed || !seen) throw new TicketNotFound(reference);
  return row;
}
