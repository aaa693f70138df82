import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Agent, AgentSchema } from '../../gen/ticketing/v1/agent_pb.ts';
import type { Group, GroupSchema } from '../../gen/ticketing/v1/group_pb.ts';
import type { Ticket } from '../../gen/ticketing/v1/ticket_pb.ts';
import { agentLimitsChanged, agentsBecameCandidates, agentsLeft, membersJoined, membersRemoved } from '../../src/domain/agents/index.ts';
import { groupClosed, groupRulesChanged } from '../../src/domain/groups/index.ts';
import { type EventHandler, when } from '../../src/foundation/commands/events.ts';
import type { Harness } from './harness.ts';

/** A group made by an administrator. */
export async function makeGroup(harness: Harness, key: string, more: MessageInitShape<typeof GroupSchema> = {}): Promise<Group> {
  const { group } = await harness.callAs('admin').groups.createGroup({ group: { ...more, key } as MessageInitShape<typeof GroupSchema> });
  if (!group) throw new Error('no group was made');
  return group;
}

/** An agent made by an administrator, in these groups. */
export async function makeAgent(
  harness: Harness,
  agentId: string,
  groups: readonly Group[] = [],
  more: MessageInitShape<typeof AgentSchema> = {},
): Promise<Agent> {
  const agent = { ...more, agentId, groupIds: groups.map((group) => group.groupId) } as MessageInitShape<typeof AgentSchema>;
  const { agent: made } = await harness.callAs('admin').agents.createAgent({ agent });
  if (!made) throw new Error('no agent was made');
  return made;
}

/** New tickets of a group, in the order they were given out; with an agent id, all given to him. */
export async function makeTickets(harness: Harness, group: Group, count: number, agentId = ''): Promise<Ticket[]> {
  const tickets: Ticket[] = [];
  for (let left = count; left > 0; left -= 1000) {
    const requests = Array.from({ length: Math.min(left, 1000) }, (_, at) => ({ groupId: group.groupId, userId: BigInt(at + 1), agentId }));
    tickets.push(...(await harness.callAs('service').tickets.batchCreateTickets({ requests })).tickets);
  }
  return tickets;
}

/** How many pending tickets of a group each agent holds; '' stands for nobody. */
export async function heldTickets(harness: Harness, group: Group): Promise<Record<string, number>> {
  const rows = await harness.sql<{ agent: string; count: number }>(
    `SELECT coalesce(agent_id, '') AS agent, count(*)::int AS count FROM tickets WHERE group_id = $1 AND status <= 3 GROUP BY 1 ORDER BY 1`,
    [group.groupId],
  );
  return Object.fromEntries(rows.map((row) => [row.agent, row.count]));
}

/** What groups and agents announce, as `name` and fact, in their order. */
export interface Announced {
  readonly name: string;
  readonly fact: Readonly<Record<string, unknown>>;
}

/** Reactions that only keep what they hear. They stand behind others, so that facts come with what those answered. */
export function listenTo(heard: Announced[]): EventHandler[] {
  const events = [groupRulesChanged, groupClosed, membersJoined, membersRemoved, agentsBecameCandidates, agentLimitsChanged, agentsLeft];
  return events.map((event) => when<object>(event, async (_unit, fact) => void heard.push({ name: event.name, fact: { ...fact } })));
}
