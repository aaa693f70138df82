import { RedactTicketResponseSchema } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import { timeOfChange } from '../../foundation/clock.ts';
import { loneCommand } from '../../foundation/commands/lone.ts';
import { type Sql, sqlOf } from '../../foundation/database/sql.ts';
import { assertEtag } from '../../foundation/etag.ts';
import { again, DONE, type Job } from '../../foundation/jobs/job.ts';
import { TicketNotFound } from './errors.ts';
import { loadTickets } from './load.ts';
import { toTicket } from './message.ts';
import type { TicketRow } from './row.ts';

/** What a ticket may say about a person, as each is once it is erased. */
const ERASED = { user_id: '0', title: '', description: '', attributes: {}, labels: [], external_references: [] } satisfies Partial<TicketRow>;
const REASON = 'reason';

/** Which ticket, and what of it; all for an empty list. */
export interface Redaction {
  readonly ticket: string;
  readonly fields: readonly string[];
  readonly etag: string;
}

/** Erases what a ticket says about a person from the ticket and from the audit log; a job does the same with what is kept for repeating requests. */
export const redactTicketCommand = loneCommand<Redaction, typeof RedactTicketResponseSchema>({
  name: 'RedactTicket',
  answer: RedactTicketResponseSchema,
  async plan(unit, { ticket, fields, etag }) {
    const [row] = await loadTickets(unit, [ticket]);
    if (!row) throw new TicketNotFound(ticket);
    assertEtag('ticket', row.ticket_id, etag, row.version);
    const all = [...Object.keys(ERASED), REASON];
    const named = fields.length === 0 ? all : all.filter((field) => fields.includes(field));
    const changes = Object.fromEntries(Object.entries(ERASED).filter(([column]) => named.includes(column)));
    const after = { ...row, ...changes, version: String(BigInt(row.version) + 1n), update_time: timeOfChange(unit.now, row.update_time) };
    return {
      answer: { ticket: toTicket(after) },
      async write() {
        const requests = await findReasonsOf(unit.sql, row.ticket_id, named.includes(REASON));
        // First the ticket: its entry holds what it was, and that is erased with the rest.
        await unit.sql(
          `UPDATE tickets t SET user_id = n.user_id, title = n.title, description = n.description, attributes = n.attributes, labels = n.labels,
             external_references = n.external_references, update_time = n.update_time, last_request = $2
           FROM jsonb_to_record($1) AS n(ticket_id uuid, user_id bigint, title text, description text, attributes jsonb, labels text[], external_references jsonb,
             update_time timestamptz)
           WHERE t.ticket_id = n.ticket_id`,
          [JSON.stringify(after), unit.requestKey],
        );
        if (named.includes('external_references')) await unit.sql('DELETE FROM external_reference_keys WHERE ticket_id = $1', [row.ticket_id]);
        const [erased] = await unit.sql<{ entries: string }>(`SELECT erase_entries('ticket', $1, $2) AS entries`, [row.ticket_id, named]);
        await unit.enqueue(ERASE_ANSWERS, { ticketId: row.ticket_id, transactions: requests, requestKey: unit.requestKey } satisfies AnswersToErase);
        return { ticket: toTicket(after), erasedEntries: BigInt(erased?.entries ?? 0) };
      },
    };
  },
});

/** Transactions whose requests may have given a reason that is to go: entries do not name their requests. */
async function findReasonsOf(sql: Sql, ticketId: string, wanted: boolean): Promise<string[]> {
  if (!wanted) return [];
  const rows = await sql<{ id: string }>(
    `SELECT DISTINCT transaction_id::text AS id FROM audit_entries
     WHERE entity_type = 'ticket' AND entity_id = $1 AND reason <> '' AND transaction_id <> pg_current_xact_id()`,
    [ticketId],
  );
  return rows.map(({ id }) => id);
}

const ERASE_ANSWERS = 'erase-answers';
/** Requests looked at in one transaction. */
const CHUNK = 2_000;

interface AnswersToErase {
  readonly ticketId: string;
  readonly transactions: readonly string[];
  /** The redaction itself, whose own answer may stay. */
  readonly requestKey: string;
  /** Goes on after this request. */
  readonly after?: string;
}

/** Takes the answers that hold a redacted ticket, the hashes of what was asked, and the reasons, out of the requests on record. Runs through all of them: an answer may hold any ticket. */
export const eraseAnswers: Job<AnswersToErase> = {
  name: ERASE_ANSWERS,
  async run({ ticketId, transactions, requestKey, after }, { orm, signal }) {
    const sql = sqlOf(orm.em.fork());
    for (let reached = after ?? '00000000-0000-0000-0000-000000000000'; ; ) {
      const [chunk] = await sql<{ last: string | null }>(
        `WITH chunk AS (
           SELECT request_key, position(convert_to($2, 'UTF8') IN answer) > 0 AS has_it, transaction_id FROM requests WHERE request_key > $1 ORDER BY request_key LIMIT ${CHUNK}
         ), answers AS (
           UPDATE requests r SET answer = NULL, body_hash = '' FROM chunk s WHERE r.request_key = s.request_key AND s.has_it
             AND r.request_key <> $4 AND NOT s.transaction_id::text = ANY ($3)
         ), reasons AS (
           UPDATE requests r SET reason = '', answer = CASE WHEN s.has_it THEN NULL ELSE r.answer END,
               body_hash = CASE WHEN s.has_it THEN '' ELSE r.body_hash END
             FROM chunk s WHERE r.request_key = s.request_key AND s.transaction_id::text = ANY ($3)
         )
         SELECT max(request_key::text) AS last FROM chunk`,
        [reached, ticketId, transactions, requestKey],
      );
      if (!chunk?.last) return DONE;
      reached = chunk.last;
      if (signal.aborted) return again(0, { ticketId, transactions, requestKey, after: reached });
    }
  },
};
