import { Availability } from '../../../../gen/ticketing/v1/agent_pb.ts';
import type { Group } from '../../../../gen/ticketing/v1/group_pb.ts';
import type { Ticket } from '../../../../gen/ticketing/v1/ticket_pb.ts';
import type { DocketClient } from '../../../client/index.ts';
import { type Print, wrap } from './print.ts';

const PAGE_SIZE = 1000;

/** What the demo made, as the service tells it. */
export interface Scene {
  readonly groups: readonly Group[];
  readonly tickets: readonly Ticket[];
  /** Group ids by agent id. */
  readonly groupsOf: ReadonlyMap<string, readonly string[]>;
}

/** Reads everything through the RPCs. */
export async function readScene(client: DocketClient): Promise<Scene> {
  const { groups } = await client.groups.listGroups({ pageSize: PAGE_SIZE });
  const { agents } = await client.agents.listAgents({ pageSize: PAGE_SIZE });
  const tickets: Ticket[] = [];
  for await (const ticket of client.tickets.listTickets({ orderBy: 'create_time', pageSize: PAGE_SIZE })) tickets.push(ticket);
  return { groups, tickets, groupsOf: new Map(agents.map((agent) => [agent.agentId, agent.groupIds])) };
}

/** How many tickets each group has given to each of its members, most first, beside what they have from all groups. */
export function tellSpread({ groups, tickets, groupsOf }: Scene, print: Print): void {
  const ofAll = countBy(tickets, (ticket) => ticket.agentId);
  for (const group of groups) {
    const own = tickets.filter((ticket) => ticket.groupId === group.groupId);
    if (own.length === 0) continue;
    const ofGroup = countBy(own, (ticket) => ticket.agentId);
    const members = [...groupsOf].filter(([, groupIds]) => groupIds.includes(group.groupId));
    const shared = members.filter(([, groupIds]) => groupIds.length > 1).length;
    const waiting = ofGroup.get('') ?? 0;
    const also = shared === 0 ? 'none of them in another group' : `${shared} of them in other groups too`;
    print(`  ${group.key.padEnd(4)} ${String(own.length).padStart(3)} tickets, ${members.length} members, ${also}${waiting > 0 ? `, ${waiting} waiting` : ''}`);
    const counts = (from: ReadonlyMap<string, number>): string => inOrder(members.map(([agentId]) => from.get(agentId) ?? 0)).join(' ');
    for (const line of wrap(counts(ofGroup), '       given here   ', '                    ')) print(line);
    if (shared > 0) for (const line of wrap(counts(ofAll), '       in all       ', '                    ')) print(line);
  }
}

/** Why the last ticket of a group with several members went where it went. Answers its key. */
export async function tellReason(client: DocketClient, { tickets }: Scene, print: Print): Promise<string | undefined> {
  const ticket = tickets.findLast((each) => each.agentId !== '');
  if (!ticket) return undefined;
  const { explanation } = await client.tickets.explainAssignment({ ticketId: ticket.key });
  for (const line of wrap(explanation?.summary ?? '', '  ', '  ')) print(line);
  return ticket.key;
}

/** The one with the most pending tickets goes away, and they are dealt out; tells who received how many. */
export async function tellLeaving(client: DocketClient, { tickets, groupsOf, groups }: Scene, print: Print): Promise<void> {
  const pending = countBy(tickets, (ticket) => ticket.agentId);
  const rank = (agentId: string): number => (pending.get(agentId) ?? 0) * 100 + (groupsOf.get(agentId)?.length ?? 0);
  const [leaver] = [...groupsOf.keys()].toSorted((a, b) => rank(b) - rank(a));
  const held = tickets.filter((ticket) => ticket.agentId === leaver);
  if (leaver === undefined || held.length === 0) return;
  await client.agents.setAvailability({ agentId: leaver, availability: Availability.AWAY, reassignPending: true, reason: 'the demo shows a leave' });
  const after = await client.tickets.batchGetTickets({ ticketIds: held.map((ticket) => ticket.ticketId) });
  const names = groups.filter((group) => groupsOf.get(leaver)?.includes(group.groupId)).map((group) => group.key);
  print(`  ${leaver} of ${names.join(', ')} goes away with ${held.length} pending tickets. In the same step they went to:`);
  const received = [...countBy(after.tickets, (ticket) => ticket.agentId)].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const told = received.map(([agentId, count]) =>
    agentId === '' ? `nobody (${count} wait)` : agentId === leaver ? `himself ${count}` : `${agentId} ${count}`,
  );
  for (const line of wrap(told.join(' · '), '  ', '  ')) print(line);
}

const inOrder = (counts: readonly number[]): number[] => counts.toSorted((a, b) => b - a);

function countBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return counts;
}
