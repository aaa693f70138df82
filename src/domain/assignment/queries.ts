import type { Instant } from '../../foundation/clock.ts';
import type { Sql } from '../../foundation/database/sql.ts';
import type { DecisionKind } from './assignments.ts';
import { type CandidateStanding, replayRound } from './replay.ts';
import type { Policy } from './roster.ts';
import type { LeftOutReason } from './rules.ts';
import { restoreRound, type StoredRound } from './stored-round.ts';
import type { TieBreak } from './strategies.ts';

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
  /** Levels taken off each required skill. */
  readonly relaxedLevels: number;
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
  const [row] = await sql<StoredRound>('SELECT * FROM assignment_rounds WHERE round_id = $1', [roundId]);
  if (!row) throw new Error(`round ${roundId} is not on record`);
  const decisions = await sql<{ sequence: string; kind: Exclude<DecisionKind, 'MANUAL'>; previous_agent_id: string | null }>(
    // A round's number is lower than those of its decisions: the primary key finds them.
    'SELECT sequence, kind, previous_agent_id FROM assignment_decisions WHERE sequence > $1 AND sequence <= $2 AND round_id = $1 ORDER BY position',
    [roundId, sequence],
  );
  const { rule, policy, relaxedLevels, candidates, leftOut } = restoreRound(row);
  const made = decisions.map((decision) => ({ sequence: Number(decision.sequence), kind: decision.kind, previousAgentId: decision.previous_agent_id }));
  const round = { candidates, strategy: policy.strategy, prefersPrevious: policy.preferPreviousAgent, isDeal: rule === 'DEAL' };
  let standings: readonly CandidateStanding[] = [];
  for (const choice of replayRound(round, made)) standings = choice.standings;
  const present = new Set(standings.map((standing) => standing.agentId));
  // Who was a candidate when the round began but not any more: filled up on the way, or is the one it was taken from.
  const previous = decisions.at(-1)?.previous_agent_id;
  const gone = candidates
    .filter((candidate) => !present.has(candidate.agentId))
    .map(({ agentId }) => ({ agentId, reason: agentId === previous && decisions.at(-1)?.kind === 'REASSIGN' ? ('EXCLUDED' as const) : ('FULL' as const) }));
  return { rule, policy, position, relaxedLevels, standings, leftOut: [...leftOut, ...gone] };
}
