import type { Policy } from './roster.ts';
import type { RoundRecord } from './round.ts';
import type { LeftOutReason } from './rules.ts';
import { STRATEGIES } from './strategies.ts';

/** A row of `assignment_rounds`; lists of candidates run in parallel. Large integers may come back as text. */
export interface StoredRound {
  readonly rule: 'POLICY' | 'DEAL';
  readonly deal_id: number | string | null;
  readonly group_id: string;
  readonly policy: Policy;
  readonly business_day: string;
  readonly relaxed_levels: number;
  readonly agent_ids: readonly string[];
  readonly assigned_today: readonly number[];
  readonly handicaps: readonly number[];
  readonly last_sequences: readonly (number | string)[];
  readonly open_tickets: readonly number[];
  /** Null where the strategy does not weigh. */
  readonly weights: readonly number[] | null;
  /** Null where ranks do not depend on time. */
  readonly present_ms: readonly (number | string)[] | null;
  /** Null is no limit. */
  readonly rooms: readonly (number | null)[];
  readonly received: readonly number[];
  readonly left_out_agent_ids: readonly string[];
  readonly left_out_reasons: readonly LeftOutReason[];
}

/** The stored form of a round. */
export function storeRound(record: RoundRecord): StoredRound {
  const { candidates, leftOut, policy } = record;
  const { weighs, dependsOnTime } = STRATEGIES[policy.strategy];
  return {
    rule: record.rule,
    deal_id: record.dealId,
    group_id: record.groupId,
    policy,
    business_day: record.businessDay,
    relaxed_levels: record.relaxedLevels,
    agent_ids: candidates.map((candidate) => candidate.agentId),
    assigned_today: candidates.map((candidate) => candidate.assignedToday),
    handicaps: candidates.map((candidate) => candidate.handicap),
    last_sequences: candidates.map((candidate) => candidate.lastSequence),
    open_tickets: candidates.map((candidate) => candidate.openTickets),
    weights: weighs ? candidates.map((candidate) => candidate.weight) : null,
    present_ms: dependsOnTime ? candidates.map((candidate) => candidate.presentMs) : null,
    rooms: candidates.map((candidate) => candidate.room),
    received: candidates.map((candidate) => candidate.received),
    left_out_agent_ids: leftOut.map((agent) => agent.agentId),
    left_out_reasons: leftOut.map((agent) => agent.reason),
  };
}

/** A round from its stored form: all that its choices depend on. */
export function restoreRound(row: StoredRound): RoundRecord {
  return {
    rule: row.rule,
    dealId: row.deal_id === null ? null : Number(row.deal_id),
    groupId: row.group_id,
    policy: row.policy,
    businessDay: row.business_day,
    relaxedLevels: row.relaxed_levels,
    candidates: row.agent_ids.map((agentId, at) => ({
      agentId,
      assignedToday: row.assigned_today[at] as number,
      handicap: row.handicaps[at] as number,
      lastSequence: Number(row.last_sequences[at]),
      openTickets: row.open_tickets[at] as number,
      weight: row.weights?.[at] ?? 1,
      presentMs: Number(row.present_ms?.[at] ?? 0),
      room: row.rooms[at] ?? null,
      received: row.received[at] as number,
    })),
    leftOut: row.left_out_agent_ids.map((agentId, at) => ({ agentId, reason: row.left_out_reasons[at] as LeftOutReason })),
  };
}
