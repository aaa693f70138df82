import type { Sql } from '../../foundation/database/sql.ts';
import { AgentDeleted, AgentNotFound } from '../agents/index.ts';
import type { RosterGroup } from '../assignment/index.ts';
import { AgentInactive, AgentNotInGroup } from './errors.ts';
import type { Reach } from './reach.ts';

interface AgentState {
  readonly active: boolean;
  readonly deleted: boolean;
  readonly group_ids: readonly string[];
}

/** Agents that commands name, members of the pool or not, so that each refusal can say exactly why. */
export class KnownAgents {
  readonly #states: ReadonlyMap<string, AgentState>;

  constructor(states: ReadonlyMap<string, AgentState>) {
    this.#states = states;
  }

  /** Whether the agent is there, and one whom the caller meets. */
  knows(agentId: string, reach: Reach): boolean {
    const state = this.#states.get(agentId);
    return state !== undefined && isMet(agentId, state, reach);
  }

  /** Throws unless the agent is active and undeleted, and one whom the caller meets. */
  assertActive(agentId: string, reach: Reach): void {
    const state = this.#states.get(agentId);
    if (!state || !isMet(agentId, state, reach)) throw new AgentNotFound(agentId);
    if (state.deleted) throw new AgentDeleted(agentId);
    if (!state.active) throw new AgentInactive(agentId);
  }

  /**
   * Throws unless a person may give this agent a ticket of the group: an active, undeleted member, whatever his
   * availability and room. One whom the caller does not meet is not found.
   */
  assertAssignable(agentId: string, group: RosterGroup, reach: Reach): void {
    this.assertActive(agentId, reach);
    if (!group.members.some((member) => member.agentId === agentId)) throw new AgentNotInGroup(agentId, group.groupId);
  }
}

const isMet = (agentId: string, { group_ids }: AgentState, { visible, agentId: self }: Reach): boolean =>
  visible === 'all' || agentId === self || group_ids.some((groupId) => visible.has(groupId));

/** Looks up the agents that commands name. */
export async function findKnownAgents(sql: Sql, agentIds: readonly string[]): Promise<KnownAgents> {
  if (agentIds.length === 0) return new KnownAgents(new Map());
  const rows = await sql<{ agent_id: string } & AgentState>(
    `SELECT agent_id, active, delete_time IS NOT NULL AS deleted,
       to_jsonb(ARRAY(SELECT group_id FROM memberships m WHERE m.agent_id = a.agent_id)) AS group_ids
     FROM agents a WHERE agent_id = ANY ($1::text[])`,
    [[...new Set(agentIds)]],
  );
  return new KnownAgents(new Map(rows.map((row) => [row.agent_id, row])));
}
