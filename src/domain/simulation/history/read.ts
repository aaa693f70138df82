import { Rows, readRows } from '../../../foundation/database/rows.ts';
import type { Sql } from '../../../foundation/database/sql.ts';
import type { ToldStep } from '../steps.ts';
import { type ChangeRow, toChange } from './changes.ts';
import { Interpreter } from './interpreter.ts';
import { micros, microsOfColumn, type Range, timeOf, toMoment } from './range.ts';
import type { DecisionRecord, NumberedRecord, ReleaseRecord, TicketEntry } from './records.ts';
import { readStanding, readTickets } from './standing.ts';

/** Steps that are handed on at once. */
const BATCH_STEPS = 2_000;

/** What else is known of tickets that come while history is played. */
export interface Telling {
  /** Whether the waits of a group's tickets are measured. */
  readonly counts: (groupId: string) => boolean;
  /** How long work on a ticket took, where that is known. */
  readonly handlingMs: (ticketId: string) => number | undefined;
}

/**
 * A part of history as steps: how everything stood, then what happened. `sql` must be inside one repeatable read
 * transaction; memory stays flat, except for the changes of one transaction.
 * @throws HistoryIncomplete
 */
export async function* readHistory(sql: Sql, range: Range, telling: Telling): AsyncGenerator<readonly ToldStep[]> {
  let batch: ToldStep[] = [];
  const interpreter = new Interpreter(await openEntries(sql, range), (entry) => ({
    createTime: entry.createTime,
    counts: telling.counts(entry.new.groupId),
    handlingMs: telling.handlingMs(entry.ticket),
  }));
  for await (const step of standing(sql, range)) {
    if (step.type === 'AGENT') interpreter.departures.know(step.agentId, step.state);
    if (batch.push(step) < BATCH_STEPS) continue;
    yield batch;
    batch = [];
  }
  const records = await Rows.open(readNumbered(sql, range));
  for (let record = await records.take(); record; record = await records.take()) {
    for (const step of await interpreter.interpret(record, records.next)) batch.push(step);
    if (batch.length < BATCH_STEPS) continue;
    yield batch;
    batch = [];
  }
  yield [...batch, ...(await interpreter.end())];
}

async function* standing(sql: Sql, range: Range): AsyncGenerator<ToldStep> {
  yield* readStanding(sql, range);
  yield* readTickets(sql, range);
  yield { type: 'OPENED', time: range.startTime };
}

interface DecisionRow {
  sequence: string;
  micros: string;
  ticket_id: string;
  kind: DecisionRecord['kind'];
  agent_id: string;
  tie_break: string;
  deal_id: string | null;
  excluded: string[] | null;
}

interface ReleaseRow {
  sequence: string;
  micros: string;
  ticket_id: string;
}

/** Everything that has a number of the sequence, in its order. */
async function* readNumbered(sql: Sql, range: Range): AsyncGenerator<NumberedRecord, undefined> {
  const values = [micros(range.startTime), micros(range.endTime), range.groupIds];
  const within = `e.time >= ${timeOf(1)} AND e.time < ${timeOf(2)}`;
  const decisions = await Rows.open(
    readRows<DecisionRow>(
      sql,
      `SELECT e.sequence, ${microsOfColumn('e.time')} AS micros, e.ticket_id, e.kind, e.agent_id, e.tie_break, r.deal_id,
         ARRAY(SELECT agent_id FROM unnest(r.left_out_agent_ids, r.left_out_reasons) AS l(agent_id, why) WHERE why = 'EXCLUDED') AS excluded
       FROM assignment_decisions e LEFT JOIN assignment_rounds r ON e.kind = 'REASSIGN' AND r.round_id = e.round_id
       WHERE ${within} AND e.group_id = ANY ($3::uuid[]) ORDER BY e.sequence`,
      undefined,
      values,
    ),
  );
  const releases = await Rows.open(
    readRows<ReleaseRow>(
      sql,
      `SELECT e.sequence, ${microsOfColumn('e.time')} AS micros, e.ticket_id FROM assignment_releases e
       WHERE ${within} AND e.group_id = ANY ($3::uuid[]) ORDER BY e.sequence`,
      undefined,
      values,
    ),
  );
  const changes = await Rows.open(
    readRows<ChangeRow>(
      sql,
      `SELECT e.sequence, ${microsOfColumn('e.time')} AS micros, e.kind, e.group_id, e.agent_id, e.state, e.xmin::text AS xid FROM eligibility_changes e
       WHERE ${within} AND (e.kind = 'DAY' OR e.group_id = ANY ($3::uuid[]) OR (e.kind = 'AGENT' AND e.agent_id = ANY ($4::text[]))) ORDER BY e.sequence`,
      undefined,
      [...values, range.agentIds],
    ),
  );
  const groupIds = new Set(range.groupIds);
  const numberOf = (row: { readonly sequence: string } | undefined): number => (row ? Number(row.sequence) : Infinity);
  for (;;) {
    const [decision, release, change] = [numberOf(decisions.next), numberOf(releases.next), numberOf(changes.next)];
    const first = Math.min(decision, release, change);
    if (first === Infinity) return;
    if (first === decision) yield toDecision((await decisions.take()) as DecisionRow);
    else if (first === release) yield toRelease((await releases.take()) as ReleaseRow);
    else {
      const changed = toChange((await changes.take()) as ChangeRow, groupIds);
      if (changed) yield changed;
    }
  }
}

function toDecision(row: DecisionRow): DecisionRecord {
  const { sequence, ticket_id: ticket, kind, agent_id: agentId, tie_break: tieBreak, deal_id: dealId } = row;
  const deal = dealId === null ? null : { dealId: Number(dealId), excluded: row.excluded ?? [] };
  return { type: 'DECISION', sequence: Number(sequence), time: toMoment(row.micros), ticket, kind, agentId, tieBreak, deal };
}

const toRelease = (row: ReleaseRow): ReleaseRecord => ({ type: 'RELEASE', sequence: Number(row.sequence), time: toMoment(row.micros), ticket: row.ticket_id });

interface EntryRow {
  entry_id: string;
  transaction_id: string;
  micros: string;
  ticket_id: string;
  rpc: string;
  create_micros: string;
  created: boolean;
  assigned: boolean;
  old_group_id: string;
  old_status: number;
  old_priority: number;
  old_agent_id: string | null;
  group_id: string;
  status: number;
  priority: number;
  agent_id: string | null;
  wait_micros: string | null;
}

/** Changes of tickets that touch their assignment, in the order of the audit log. */
async function openEntries(sql: Sql, range: Range): Promise<Rows<TicketEntry>> {
  const rows = readRows<EntryRow>(
    sql,
    `SELECT entry_id, transaction_id::text, ${microsOfColumn('time')} AS micros, entity_id AS ticket_id, rpc,
       ${microsOfColumn(`(after ->> 'create_time')::timestamptz`)} AS create_micros, operation = 'CREATE' AS created,
       changed_fields && '{assign_time}' AS assigned,
       was ->> 'group_id' AS old_group_id, (was ->> 'status')::integer AS old_status, (was ->> 'priority')::integer AS old_priority, was ->> 'agent_id' AS old_agent_id,
       after ->> 'group_id' AS group_id, (after ->> 'status')::integer AS status, (after ->> 'priority')::integer AS priority, after ->> 'agent_id' AS agent_id,
       ${microsOfColumn(`(after ->> 'wait_start_time')::timestamptz`)} AS wait_micros
     FROM (SELECT *, after || coalesce(before, '{}') AS was FROM audit_entries) e
     WHERE entity_type = 'ticket' AND time >= ${timeOf(1)} AND time < ${timeOf(2)}
       AND (operation = 'CREATE' OR (operation = 'UPDATE' AND changed_fields && '{group_id,status,priority,agent_id,assign_time}'))
       AND (after ->> 'group_id' = ANY ($3::text[]) OR before ->> 'group_id' = ANY ($3::text[]))
     ORDER BY entry_id`,
    undefined,
    [micros(range.startTime), micros(range.endTime), range.groupIds],
  );
  async function* entries(): AsyncGenerator<TicketEntry, undefined> {
    for await (const row of rows) yield toEntry(row);
  }
  return Rows.open(entries());
}

function toEntry(row: EntryRow): TicketEntry {
  const old = { groupId: row.old_group_id, status: row.old_status, priority: row.old_priority, agentId: row.old_agent_id, waitStart: null };
  return {
    entryId: Number(row.entry_id),
    transactionId: row.transaction_id,
    time: toMoment(row.micros),
    rpc: row.rpc,
    ticket: row.ticket_id,
    createTime: toMoment(row.create_micros),
    old: row.created ? null : old,
    assigned: row.assigned,
    new: {
      groupId: row.group_id,
      status: row.status,
      priority: row.priority,
      agentId: row.agent_id,
      waitStart: row.wait_micros === null ? null : toMoment(row.wait_micros),
    },
  };
}
