import type { Instant } from '../../foundation/clock.ts';
import type { Sql } from '../../foundation/database/sql.ts';
import type { DecisionKind } from './assignments.ts';
import { type CandidateStanding, replayRound } from './replay.ts';
import type { Policy } from './roster.ts';
import type { Candidate } from './round.ts';
import type { LeftOutReason, TieBreak } from './rules.ts';

/** A stored decision with what was known when it was made. */
export interface DecisionRecord {
  readonly sequence: number;
  readonly kind: DecisionKind;
  readonly agentId: string;
  readonly previousAgentId: string | null;
  readonly groupId: string;
  readonly time: Instant;
  readonly businessDay: string;
  readonly tieBreak: TieBreak;
  /** Absent for a choice that a person made. */
  readonly round: RoundView | undefined;
}

/** The round of a decision, as it stood just before it. */
export interface RoundView {
  readonly rule: 'POLICY' | 'DEAL';
  readonly policy: Policy;
  /** Place in the round, from 0. */
  readonly position: number;
  readonly standings: readonly CandidateStanding[];
  readonly leftOut: readonly { readonly agentId: string; readonly reason: LeftOutReason }[];
}

interface DecisionRow {
  sequence: string;
  kind: DecisionKind;
  agent_id: string;
  previous_agent_id: string | null;
  group_id: string;
  time: Instant;
  business_day: string;
  tie_break: TieBreak;
  round_id: string | null;
  position: number | null;
}

interface RoundRow {
  rule: 'POLICY' | 'DEAL';
  policy: Policy;
  agent_ids: string[];
  assigned_today: number[];
  handicaps: number[];
  last_sequences: string[];
  open_tickets: number[];
  rooms: (number | null)[];
  received: number[];
  left_out_agent_ids: string[];
  left_out_reasons: LeftOutReason[];
}

/** A ticket's decision by its sequence number, or its latest one; undefined if there is none. */
export async function findDecision(sql: Sql, ticketId: string, sequence: string | undefined): Promise<DecisionRecord | undefined> {
  const [row] = await sql<DecisionRow>(
    `SELECT sequence, kind, agent_id, previous_agent_id, group_id, time, business_day::text, tie_break, round_id, position
     FROM assignment_decisions WHERE ticket_id = $1 AND ($2::bigint IS NULL OR sequence = $2) ORDER BY sequence DESC LIMIT 1`,
    [ticketId, sequence ?? null],
  );
  if (!row) return undefined;
  return {
    sequence: Number(row.sequence),
    kind: row.kind,
    agentId: row.agent_id,
    previousAgentId: row.previous_agent_id,
    groupId: row.group_id,
    time: row.time,
    businessDay: row.business_day,
    tieBreak: row.tie_break,
    round: row.round_id === null || row.position === null ? undefined : await findRound(sql, row.round_id, row.position, row.sequence),
  };
}

async function findRound(sql: Sql, roundId: string, position: number, sequence: string): Promise<RoundView> {
  const [row] = await sql<RoundRow>('SELECT * FROM assignment_rounds WHERE round_id = $1', [roundId]);
  if (!row) throw new Error(`round ${roundId} is not on record`);
  const decisions = await sql<{ sequence: string; kind: Exclude<DecisionKind, 'MANUAL'>; previous_agent_id: string | null }>(
    // A round's number is lower than those of its decisions: the primary key finds them.
    'SELECT sequence, kind, previous_agent_id FROM assignment_decisions WHERE sequence > $1 AND sequence <= $2 AND round_id = $1 ORDER BY position',
    [roundId, sequence],
  );
  const candidates = toCandidates(row);
  const { standings } = replayRound(
    { candidates, prefersPrevious: row.policy.preferPreviousAgent, isDeal: row.rule === 'DEAL' },
    decisions.map((decision) => ({ sequence: Number(decision.sequence), kind: decision.kind, previousAgentId: decision.previous_agent_id })),
  );
  const leftOut = row.left_out_agent_ids.map((agentId, at) => ({ agentId, reason: row.left_out_reasons[at] as LeftOutReason }));
  const present = new Set(standings.map((standing) => standing.agentId));
  // Who was a candidate when the round began but not any more: filled up on the way, or is the one it was taken from.
  const previous = decisions.at(-1)?.previous_agent_id;
  const gone = candidates
    .filter((candidate) => !present.has(candidate.agentId))
    .map(({ agentId }) => ({ agentId, reason: agentId === previous && decisions.at(-1)?.kind === 'REASSIGN' ? ('EXCLUDED' as const) : ('FULL' as const) }));
  return { rule: row.rule, policy: row.policy, position, standings, leftOut: [...leftOut, ...gone] };
}

function toCandidates(row: RoundRow): Candidate[] {
  return row.agent_ids.map((agentId, at) => ({
    agentId,
    assignedToday: row.assigned_today[at] as number,
    handicap: row.handicaps[at] as number,
    lastSequence: Number(row.last_sequences[at]),
    openTickets: row.open_tickets[at] as number,
    room: row.rooms[at] ?? null,
    received: row.received[at] as number,
  }));
}
