import type { EligibilityChange, HistoryEvent, Replay, RoundRow } from '../../../domain/assignment/index.ts';
import type { Sql } from '../../../foundation/database/sql.ts';
import { readRows, Rows } from './rows.ts';

interface ChangeRow {
  sequence: string;
  kind: EligibilityChange['type'];
  group_id: string | null;
  agent_id: string | null;
  state: Record<string, never>;
}

interface DecisionRow {
  sequence: string;
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
  /** With its first ticket only: the rows that follow belong to the round already at hand. */
  round: StoredRound | null;
}

interface StoredRound {
  rule: RoundRow['rule'];
  deal_id: number | null;
  group_id: string;
  policy: RoundRow['policy'];
  business_day: string;
  agent_ids: string[];
  assigned_today: number[];
  handicaps: number[];
  last_sequences: number[];
  open_tickets: number[];
  rooms: (number | null)[];
  received: number[];
  left_out_agent_ids: string[];
  left_out_reasons: string[];
}

interface ReleaseRow {
  sequence: string;
  ticket_id: string;
  group_id: string;
  agent_id: string;
  resolved: boolean;
  business_day: string;
}

/** Rounds of concurrent pools interleave; this many are kept at hand for the tickets that follow. */
const ROUNDS_REMEMBERED = 4_096;

/** Plays the whole stored history into a replay, in the order of the one sequence. */
export async function replayHistory(sql: Sql, replay: Replay): Promise<void> {
  const changes = await Rows.open(readRows<ChangeRow>(sql, 'SELECT sequence, kind, group_id, agent_id, state FROM eligibility_changes ORDER BY sequence'));
  const decisions = await Rows.open(
    readRows<DecisionRow>(
      sql,
      `SELECT d.sequence, d.ticket_id, d.group_id, d.kind, d.round_id, d.position, d.agent_id, d.previous_agent_id, d.tie_break,
         d.business_day::text, d.time::text, CASE WHEN d.position = 0 THEN to_jsonb(r) END AS round
       FROM assignment_decisions d LEFT JOIN assignment_rounds r ON r.round_id = d.round_id AND d.position = 0
       ORDER BY d.sequence`,
      500,
    ),
  );
  const releases = await Rows.open(
    readRows<ReleaseRow>(sql, 'SELECT sequence, ticket_id, group_id, agent_id, resolved, business_day::text FROM assignment_releases ORDER BY sequence'),
  );
  const rounds = new Map<number, RoundRow>();
  const numberOf = (row: { sequence: string } | undefined): number => (row ? Number(row.sequence) : Infinity);
  for (;;) {
    const [change, decision, release] = [numberOf(changes.next), numberOf(decisions.next), numberOf(releases.next)];
    const first = Math.min(change, decision, release);
    if (first === Infinity) break;
    if (first === change) replay.feed(toChange((await changes.take()) as ChangeRow));
    else if (first === decision) replay.feed(toDecision((await decisions.take()) as DecisionRow, rounds));
    else replay.feed(toRelease((await releases.take()) as ReleaseRow));
  }
  replay.end();
}

function toChange(row: ChangeRow): EligibilityChange {
  const sequence = Number(row.sequence);
  const groupId = row.group_id ?? '';
  const agentId = row.agent_id ?? '';
  const { state } = row;
  switch (row.kind) {
    case 'AGENT':
      return { type: 'AGENT', sequence, agentId, state: state as never };
    case 'GROUP':
      return { type: 'GROUP', sequence, groupId, state: state as never };
    case 'MEMBERSHIP':
      return { type: 'MEMBERSHIP', sequence, groupId, agentId, member: state['member'] === true };
    case 'HANDICAP':
      return { type: 'HANDICAP', sequence, groupId, agentId, businessDay: String(state['business_day']), handicap: Number(state['handicap']) };
    case 'DAY':
      return { type: 'DAY', sequence, businessDay: String(state['business_day']), groupIds: state['group_ids'] as unknown as string[] };
  }
}

function toDecision(row: DecisionRow, rounds: Map<number, RoundRow>): HistoryEvent {
  const roundId = row.round_id === null ? null : Number(row.round_id);
  if (row.round && roundId !== null) {
    rounds.set(roundId, toRound(roundId, row.round));
    const [oldest] = rounds.keys();
    if (rounds.size > ROUNDS_REMEMBERED && oldest !== undefined) rounds.delete(oldest);
  }
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
    round: roundId === null ? undefined : rounds.get(roundId),
  };
}

function toRound(roundId: number, row: StoredRound): RoundRow {
  return {
    roundId,
    rule: row.rule,
    dealId: row.deal_id,
    groupId: row.group_id,
    policy: row.policy,
    businessDay: row.business_day,
    agentIds: row.agent_ids,
    assignedToday: row.assigned_today,
    handicaps: row.handicaps,
    lastSequences: row.last_sequences,
    openTickets: row.open_tickets,
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
