import type { Policy } from '../../assignment/index.ts';
import type { AgentState, GroupState } from '../steps.ts';
import { toMoment } from './range.ts';
import type { ChangeRecord } from './records.ts';

/** An agent's state as `eligibility_changes` has it. */
export interface AgentJson {
  readonly active: boolean;
  readonly deleted: boolean;
  readonly availability: AgentState['availability'];
  readonly skills: Readonly<Record<string, number>>;
  /** Absent in changes from before agents were weighed. */
  readonly weight?: number;
  readonly max_open_tickets: number | null;
}

/** A group's state as `eligibility_changes` has it. */
export interface GroupJson {
  readonly active: boolean;
  readonly deleted: boolean;
  readonly strategy: Policy['strategy'];
  readonly catch_up_limit: number | null;
  readonly max_open_per_agent: number | null;
  readonly required_skills: Readonly<Record<string, number>>;
  /** Absent in changes from before skills relaxed. */
  readonly skill_relaxation_seconds?: number | null;
  readonly prefer_previous_agent: boolean;
  readonly policy_version: number;
}

export const toAgentState = ({ active, deleted, availability, skills, weight, max_open_tickets: maxOpenTickets }: AgentJson): AgentState => ({
  active,
  deleted,
  availability,
  skills,
  weight: weight ?? 1,
  maxOpenTickets,
});

export const toGroupState = (json: GroupJson): GroupState => ({
  active: json.active,
  deleted: json.deleted,
  policy: {
    strategy: json.strategy,
    version: json.policy_version,
    catchUpLimit: json.catch_up_limit,
    maxOpenPerAgent: json.max_open_per_agent,
    requiredSkills: json.required_skills,
    skillRelaxationSeconds: json.skill_relaxation_seconds ?? null,
    preferPreviousAgent: json.prefer_previous_agent,
  },
});

/** A row of `eligibility_changes`. */
export interface ChangeRow {
  readonly sequence: string;
  readonly micros: string;
  readonly kind: 'AGENT' | 'GROUP' | 'MEMBERSHIP' | 'HANDICAP' | 'DAY';
  readonly group_id: string | null;
  readonly agent_id: string | null;
  readonly state: Readonly<Record<string, unknown>>;
  readonly xid: string;
}

/** The record of a row; undefined for handicaps, which follow from the rest. */
export function toChange(row: ChangeRow, groupIds: ReadonlySet<string>): ChangeRecord | undefined {
  const base = { sequence: Number(row.sequence), time: toMoment(row.micros), xid: row.xid };
  const groupId = row.group_id ?? '';
  const agentId = row.agent_id ?? '';
  switch (row.kind) {
    case 'AGENT':
      return { ...base, type: 'AGENT', agentId, state: toAgentState(row.state as unknown as AgentJson) };
    case 'GROUP':
      return { ...base, type: 'GROUP', groupId, state: toGroupState(row.state as unknown as GroupJson) };
    case 'MEMBERSHIP':
      return { ...base, type: 'MEMBERSHIP', groupId, agentId, member: row.state['member'] === true };
    case 'DAY': {
      const begins = row.state['start_micros'];
      const own = (row.state['group_ids'] as string[]).filter((id) => groupIds.has(id));
      return own.length === 0
        ? undefined
        : {
            ...base,
            type: 'DAY',
            day: String(row.state['business_day']),
            begins: begins === null || begins === undefined ? -Infinity : toMoment(String(begins)),
            groupIds: own,
          };
    }
    case 'HANDICAP':
      return undefined;
  }
}
