import {
  type Commit,
  type EligibilityChange,
  type HistoryEvent,
  lineOf,
  type Replay,
  type RoundRow,
  type WaitingChange,
} from '../../../domain/assignment/index.ts';
import { Rows, readRows } from '../../../foundation/database/rows.ts';
import type { Sql } from '../../../foundation/database/sql.ts';
import { type FactColumns, newOf, oldOf, TICKET_ENTRIES } from './tickets.ts';

interface EventRow {
  sequence: string;
  transaction_id: string;
  /** Null when nothing else tells what the transaction did, for instance after a restore. */
  first_entry_id: string | null;
}

interface ChangeRow extends EventRow {
  kind: EligibilityChange['type'];
  time: string;
  group_id: string | null;
  agent_id: string | null;
  state: Record<string, never>;
}

interface DecisionRow extends EventRow {
  ticket_id: string;
  group_id: string;
  kind: 'CREATE' | 'WAITING' | 'REOPEN' | 'REASSIGN' | 'MANUAL';
  round_id: string | null;
  position: number | null;
  agent_id: string;
  previous_agent_id: string | null;
  tie_break: string;
  business_day: string;
  time: string;
  wait_start: string | null;
}

interface StoredRound {
  round_id: number;
  rule: RoundRow['rule'];
  deal_id: number | null;
  group_id: string;
  policy: RoundRow['policy'];
  business_day: string;
  time: string;
  relaxed_levels: number;
  agent_ids: string[];
  assigned_today: number[];
  handicaps: number[];
  last_sequences: number[];
  open_tickets: number[];
  weights: number[] | null;
  present_ms: number[] | null;
  rooms: (number | null)[];
  received: number[];
  left_out_agent_ids: string[];
  left_out_reasons: string[];
}

interface ReleaseRow extends EventRow {
  ticket_id: string;
  group_id: string;
  agent_id: string;
  resolved: boolean;
  business_day: string;
}

interface WaitingRow extends FactColumns {
  entry_id: string;
  ticket_id: string;
  since_micros: string | null;
}

/** Rounds of concurrent pools interleave; this many are kept at hand for the tickets that follow. */
const ROUNDS_REMEMBERED = 4_096;

// These rows are written once and never changed, so their xmin names the transaction that wrote them.
const COMMIT = 'LEFT JOIN (SELECT transaction_id::xid AS xid, min(entry_id) AS first_entry_id FROM audit_entries GROUP BY transaction_id) f ON f.xid = e.xmin';
const COMMIT_COLUMNS = 'e.sequence, e.xmin::text AS transaction_id, f.first_entry_id';

// Since when the ticket of a decision had waited, by the audit log; looked up where skills ever relaxed.
const WAIT_START = `LEFT JOIN (
    SELECT DISTINCT group_id FROM eligibility_changes WHERE kind = 'GROUP' AND state ->> 'skill_relaxation_seconds' IS NOT NULL
  ) relaxing USING (group_id)
  LEFT JOIN LATERAL (
    SELECT (a.before ->> 'wait_start_time')::timestamptz::text AS wait_start FROM audit_entries a
    WHERE relaxing.group_id IS NOT NULL AND e.kind IN ('WAITING', 'REASSIGN') AND e.previous_agent_id IS NULL
      AND a.entity_type = 'ticket' AND a.entity_id = e.ticket_id::text AND a.operation = 'UPDATE' AND a.before ->> 'wait_start_time' IS NOT NULL
      AND a.after ->> 'agent_id' = e.agent_id AND (a.after ->> 'assign_time')::timestamptz = e.time
    ORDER BY a.entry_id LIMIT 1
  ) w ON true`;

/** Plays the whole stored history into a replay, in the order of the one sequence. */
export async function replayHistory(sql: Sql, replay: Replay): Promise<void> {
  const changes = await Rows.open(
    readRows<ChangeRow>(
      sql,
      `SELECT ${COMMIT_COLUMNS}, e.kind, e.time::text, e.group_id, e.agent_id, e.state FROM eligibility_changes e ${COMMIT} ORDER BY e.sequence`,
    ),
  );
  const decisions = await Rows.open(
    readRows<DecisionRow>(
      sql,
      `SELECT ${COMMIT_COLUMNS}, e.ticket_id, e.group_id, e.kind, e.round_id, e.position, e.agent_id, e.previous_agent_id, e.tie_break,
         e.business_day::text, e.time::text, w.wait_start
       FROM assignment_decisions e ${COMMIT} ${WAIT_START} ORDER BY e.sequence`,
    ),
  );
  const releases = await Rows.open(
    readRows<ReleaseRow>(
      sql,
      `SELECT ${COMMIT_COLUMNS}, e.ticket_id, e.group_id, e.agent_id, e.resolved, e.business_day::text FROM assignment_releases e ${COMMIT} ORDER BY e.sequence`,
    ),
  );
  const waiting = await Rows.open(
    readRows<WaitingRow>(
      sql,
      `SELECT e.entry_id, e.entity_id AS ticket_id, e.old_group_id, e.old_status::integer, e.old_priority::integer, e.old_agent_id,
         e.new_group_id, e.new_status::integer, e.new_priority::integer, e.new_agent_id,
         (extract(epoch FROM (e.after ->> 'wait_start_time')::timestamptz) * 1000000)::bigint AS since_micros
       FROM (${TICKET_ENTRIES}) e WHERE (e.old_agent_id IS NULL AND e.operation <> 'CREATE') OR e.new_agent_id IS NULL ORDER BY e.entry_id`,
    ),
  );
  // A round takes its number just before its first decision.
  const rounds = await Rows.open(
    readRows<{ round: StoredRound; time: string }>(sql, 'SELECT row_to_json(r) AS round, time::text FROM assignment_rounds r ORDER BY round_id', 500),
  );
  const atHand = new Map<number, RoundRow>();
  const numberOf = (row: { sequence: string } | undefined): number => (row ? Number(row.sequence) : Infinity);
  for (;;) {
    const [change, decision, release] = [numberOf(changes.next), numberOf(decisions.next), numberOf(releases.next)];
    const first = Math.min(change, decision, release);
    if (first === Infinity) break;
    const row = (first === change ? await changes.take() : first === decision ? await decisions.take() : await releases.take()) as
      | ChangeRow
      | DecisionRow
      | ReleaseRow;
    const commit = commitOf(row);
    if (commit) for (const entry of await waiting.takeWhile((next) => Number(next.entry_id) < commit.firstEntryId)) replay.waiting.hear(toWaiting(entry));
    for (const { round, time } of await rounds.takeWhile((next) => next.round.round_id < first)) keep(toRound({ ...round, time }), atHand);
    const event = 'state' in row ? toChange(row) : 'kind' in row ? toDecision(row, atHand) : toRelease(row);
    replay.feed({ ...event, commit });
  }
  for (const entry of await waiting.takeWhile(() => true)) replay.waiting.hear(toWaiting(entry));
  replay.end();
}

function commitOf(row: EventRow): Commit | undefined {
  return row.first_entry_id === null ? undefined : { transactionId: row.transaction_id, firstEntryId: Number(row.first_entry_id) };
}

function toWaiting(row: WaitingRow): WaitingChange {
  return {
    entryId: Number(row.entry_id),
    ticketId: row.ticket_id,
    from: lineOf(oldOf(row)),
    to: lineOf(newOf(row)),
    since: row.since_micros === null ? null : Number(row.since_micros),
  };
}

function toChange(row: ChangeRow): EligibilityChange {
  const sequence = Number(row.sequence);
  const groupId = row.group_id ?? '';
  const agentId = row.agent_id ?? '';
  const { state } = row;
  switch (row.kind) {
    case 'AGENT':
      return { type: 'AGENT', sequence, time: row.time, agentId, state: state as never };
    case 'GROUP':
      return { type: 'GROUP', sequence, groupId, state: state as never };
    case 'MEMBERSHIP':
      return { type: 'MEMBERSHIP', sequence, groupId, agentId, member: state['member'] === true };
    case 'HANDICAP':
      return { type: 'HANDICAP', sequence, groupId, agentId, businessDay: String(state['business_day']), handicap: Number(state['handicap']) };
    case 'RELAXATION':
      return { type: 'RELAXATION', sequence, groupId, effectiveMicros: Number(state['effective_micros']) };
    case 'DAY':
      return {
        type: 'DAY',
        sequence,
        businessDay: String(state['business_day']),
        startMicros: state['start_micros'] ?? null,
        groupIds: state['group_ids'] as unknown as string[],
      };
  }
}

function toDecision(row: DecisionRow, rounds: ReadonlyMap<number, RoundRow>): HistoryEvent {
  const roundId = row.round_id === null ? null : Number(row.round_id);
  return {
    type: 'DECISION',
    sequence: Number(row.sequence),
    ticketId: row.ticket_id,
    groupId: row.group_id,
    kind: row.kind,
    roundId,
    position: row.position,
    agentId: row.agent_id,
    previousAgentId: row.previous_agent_id,
    tieBreak: row.tie_break,
    businessDay: row.business_day,
    time: row.time,
    waitStart: row.wait_start,
    round: roundId === null ? undefined : rounds.get(roundId),
  };
}

function keep(round: RoundRow, rounds: Map<number, RoundRow>): void {
  rounds.set(round.roundId, round);
  const [oldest] = rounds.keys();
  if (rounds.size > ROUNDS_REMEMBERED && oldest !== undefined) rounds.delete(oldest);
}

function toRound(row: StoredRound): RoundRow {
  return {
    roundId: row.round_id,
    rule: row.rule,
    dealId: row.deal_id,
    groupId: row.group_id,
    policy: row.policy,
    businessDay: row.business_day,
    time: row.time,
    relaxedLevels: row.relaxed_levels,
    agentIds: row.agent_ids,
    assignedToday: row.assigned_today,
    handicaps: row.handicaps,
    lastSequences: row.last_sequences,
    openTickets: row.open_tickets,
    weights: row.weights,
    presentMs: row.present_ms,
    rooms: row.rooms,
    received: row.received,
    leftOutAgentIds: row.left_out_agent_ids,
    leftOutReasons: row.left_out_reasons,
  };
}

const toRelease = (row: ReleaseRow): HistoryEvent => ({
  type: 'RELEASE',
  sequence: Number(row.sequence),
  ticketId: row.ticket_id,
  groupId: row.group_id,
  agentId: row.agent_id,
  resolved: row.resolved,
  businessDay: row.business_day,
});
