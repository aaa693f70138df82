import { checkTicket, type TicketEntry, type TicketEvent, type TicketFacts, type WaitingEntry, WaitingOrder } from '../../../domain/assignment/index.ts';
import { Rows, readRows } from '../../../foundation/database/rows.ts';
import type { Sql } from '../../../foundation/database/sql.ts';
import type { Findings } from './findings.ts';

/** The old and new values that `TICKET_ENTRIES` has. */
export interface FactColumns {
  old_group_id: string | null;
  old_status: number | null;
  old_priority: number | null;
  old_agent_id: string | null;
  new_group_id: string | null;
  new_status: number | null;
  new_priority: number | null;
  new_agent_id: string | null;
}

interface EntryRow extends FactColumns {
  ticket_id: string;
  entry_id: string;
  transaction_id: string;
  time: string;
  assigned: boolean;
}

interface EventRow {
  ticket_id: string;
  sequence: string;
  kind: TicketEvent['kind'];
  agent_id: string;
  previous_agent_id: string | null;
  resolved: boolean;
  time: string;
  transaction_id: string | null;
}

interface TicketRow {
  ticket_id: string;
  group_id: string;
  status: number;
  priority: number;
  agent_id: string | null;
}

// What a ticket was before a change: the old value where the column changed, else the value it still has.
const OLD = ['group_id', 'status', 'priority', 'agent_id']
  .map(
    (column) =>
      `CASE WHEN operation = 'CREATE' THEN NULL WHEN before ? '${column}' THEN before ->> '${column}' ELSE after ->> '${column}' END AS old_${column}, after ->> '${column}' AS new_${column}`,
  )
  .join(', ');
/** Audit entries of tickets that touch their assignment, with what they were before and after. */
export const TICKET_ENTRIES = `SELECT entity_id, entry_id, transaction_id, time, operation, after, before, changed_fields, ${OLD}
  FROM audit_entries WHERE entity_type = 'ticket'
    AND (operation <> 'UPDATE' OR changed_fields && '{group_id,status,priority,agent_id,assign_time,wait_start_time}')`;

/** Holds every ticket's row, entries, decisions and releases against each other, ticket by ticket. */
export async function checkTicketHistories(sql: Sql, findings: Findings): Promise<void> {
  const rows = await Rows.open(readRows<TicketRow>(sql, 'SELECT ticket_id, group_id, status, priority, agent_id FROM tickets ORDER BY ticket_id'));
  const entries = await Rows.open(
    readRows<EntryRow>(
      sql,
      `SELECT entity_id AS ticket_id, entry_id, transaction_id::text, time::text, old_group_id, old_status::integer, old_priority::integer, old_agent_id,
         new_group_id, new_status::integer, new_priority::integer, new_agent_id, operation = 'CREATE' OR 'assign_time' = ANY (changed_fields) AS assigned
       FROM (${TICKET_ENTRIES}) e ORDER BY e.entity_id, e.entry_id`,
    ),
  );
  const events = await Rows.open(
    readRows<EventRow>(
      sql,
      `SELECT e.ticket_id, e.sequence, e.kind, e.agent_id, e.previous_agent_id, e.resolved, e.time::text, r.transaction_id::text
       FROM (
         SELECT ticket_id, sequence, kind, agent_id, previous_agent_id, false AS resolved, time, request_key FROM assignment_decisions
         UNION ALL SELECT ticket_id, sequence, 'RELEASE', agent_id, NULL, resolved, time, request_key FROM assignment_releases
       ) e LEFT JOIN requests r USING (request_key)
       ORDER BY e.ticket_id, e.sequence`,
    ),
  );
  let tickets = 0;
  for (;;) {
    // Ids are hexadecimal digits in fixed places, so they have one order as text and as UUIDs.
    const [ticketId] = [rows.next, entries.next, events.next].flatMap((row) => row?.ticket_id ?? []).sort();
    if (ticketId === undefined) break;
    const mine = (row: { ticket_id: string }): boolean => row.ticket_id === ticketId;
    const [row] = await rows.takeWhile(mine);
    const record = {
      ticketId,
      row: row && { groupId: row.group_id, status: row.status, priority: row.priority, agentId: row.agent_id },
      entries: (await entries.takeWhile(mine)).map(toEntry),
      events: (await events.takeWhile(mine)).map((event) => ({
        sequence: Number(event.sequence),
        kind: event.kind,
        agentId: event.agent_id,
        previousAgentId: event.previous_agent_id,
        resolved: event.resolved,
        time: event.time,
        transactionId: event.transaction_id,
      })),
    };
    checkTicket(record, findings.report);
    tickets += 1;
  }
  findings.note('I3', `${tickets} tickets held against their audit entries, decisions and releases`);
}

/** Checks that whatever waited was given out in waiting order. */
export async function checkWaitingOrder(sql: Sql, findings: Findings): Promise<void> {
  const order = new WaitingOrder(findings.report);
  const entries = readRows<
    FactColumns & {
      ticket_id: string;
      transaction_id: string;
      create_time: string;
      since_micros: string | null;
      decision: string | null;
      decision_kind: string | null;
      relaxed: number | null;
    }
  >(
    sql,
    `SELECT e.entity_id AS ticket_id, e.transaction_id::text, e.old_group_id, e.old_status::integer, e.old_priority::integer, e.old_agent_id,
       e.new_group_id, e.new_status::integer, e.new_priority::integer, e.new_agent_id,
       (coalesce(e.after, e.before) ->> 'create_time')::timestamptz::text AS create_time,
       (extract(epoch FROM coalesce(e.after ->> 'wait_start_time', e.before ->> 'wait_start_time')::timestamptz) * 1000000)::bigint AS since_micros,
       d.sequence AS decision, d.kind AS decision_kind, d.relaxed
     FROM (${TICKET_ENTRIES}) e
     LEFT JOIN LATERAL (
       SELECT d.sequence, d.kind, coalesce(r.relaxed_levels, 0) AS relaxed FROM assignment_decisions d LEFT JOIN assignment_rounds r USING (round_id)
       WHERE d.ticket_id = e.entity_id::uuid AND d.agent_id = e.new_agent_id AND d.time = (e.after ->> 'assign_time')::timestamptz
       ORDER BY d.sequence DESC LIMIT 1
     ) d ON e.new_agent_id IS NOT NULL AND (e.operation = 'CREATE' OR e.old_agent_id IS NULL)
     ORDER BY e.entry_id`,
  );
  for await (const row of entries) {
    const entry: WaitingEntry = {
      transactionId: row.transaction_id,
      ticketId: row.ticket_id,
      createTime: row.create_time,
      since: row.since_micros === null ? null : Number(row.since_micros),
      old: oldOf(row),
      new: newOf(row),
      decision: row.decision === null ? null : { sequence: Number(row.decision), kind: String(row.decision_kind), relaxed: row.relaxed ?? 0 },
    };
    order.enter(entry);
  }
  order.end();
  findings.note('I4', `${order.checked} decisions about waiting tickets held to the waiting order (changes of priority are told apart by transaction only)`);
}

const toEntry = (row: EntryRow): TicketEntry => ({
  entryId: Number(row.entry_id),
  transactionId: row.transaction_id,
  time: row.time,
  old: oldOf(row),
  new: newOf(row),
  assigned: row.assigned,
});

/** What the ticket was before an entry; null for its creation. */
export function oldOf(row: FactColumns): TicketFacts | null {
  return toFacts(row.old_group_id, row.old_status, row.old_priority, row.old_agent_id);
}

/** What the ticket was after an entry; null for its deletion. */
export function newOf(row: FactColumns): TicketFacts | null {
  return toFacts(row.new_group_id, row.new_status, row.new_priority, row.new_agent_id);
}

function toFacts(groupId: string | null, status: number | null, priority: number | null, agentId: string | null): TicketFacts | null {
  return groupId === null || status === null || priority === null ? null : { groupId, status, priority, agentId };
}
