import type { Sql } from '../../foundation/database/sql.ts';
import { AgentDeleted, AgentNotFound } from '../agents/index.ts';
import type { RosterGroup } from '../assignment/index.ts';
import { AgentInactive, AgentNotInGroup } from './errors.ts';

/** Agents that commands name, members of the pool or not, so that each refusal can say exactly why. */
export class KnownAgents {
  readonly #states: ReadonlyMap<string, { readonly active: boolean; readonly deleted: boolean }>;

  constructor(states: ReadonlyMap<string, { readonly active: boolean; readonly deleted: boolean }>) {
    this.#states = states;
  }

  /** Throws unless a person may give this agent a ticket of the group: an active, undeleted member, whatever his availability and room. */
  assertAssignable(agentId: string, group: RosterGroup): void {
    const state = this.#states.get(agentId);
    if (!state) throw new AgentNotFound(agentId);
    if (state.deleted) throw new AgentDeleted(agentId);
    if (!state.active) throw new AgentInactive(agentId);
    if (!group.members.some((member) => member.agentId === agentId)) throw new AgentNotInGroup(agentId, group.groupId);
  }
}

/** Looks up the agents that commands name. */
export async function findKnownAgents(sql: Sql, agentIds: readonly string[]): Promise<KnownAgents> {
  if (agentIds.length === 0) return new KnownAgents(new Map());
  const rows = await sql<{ agent_id: string; active: boolean; deleted: boolean }>(
    'SELECT agent_id, active, delete_time IS NOT NULL AS deleted FROM agents WHERE agent_id = ANY ($1::text[])',
    [[...new Set(agentIds)]],
  );
  return new KnownAgents(new Map(rows.map((row) => [row.agent_id, row])));
}
