import type { Unit } from '../../foundation/commands/command.ts';
import { type EventHandler, when } from '../../foundation/commands/events.ts';
import { agentLimitsChanged, agentsBecameCandidates, agentsLeft, type DealtOut, membersJoined, membersRemoved } from '../agents/index.ts';
import { chargeHandicaps, compareWaiting, type Deal, isAutomatic, loadRoster } from '../assignment/index.ts';
import { groupClosed, groupRulesChanged } from '../groups/index.ts';
import { loadPendingOf, loadTickets, loadWaiting } from './load.ts';
import { setNextRelaxations } from './relaxation.ts';
import { STATUS, TICKETS_PER_CHANGE } from './rules.ts';
import { changeTicket } from './update.ts';
import { openTicketWork, type TicketWork } from './work.ts';
import { writeTickets } from './write.ts';

/**
 * What happens to tickets, in the same transaction, when agents and groups change: nobody keeps a ticket
 * he can no longer work on, and nothing waits while somebody can take it.
 */
export const ticketReactions: readonly EventHandler[] = [
  when(agentsLeft, async (unit, fact) => {
    Object.assign(fact, await dealOut(unit, fact.agentIds));
  }),
  when(membersRemoved, async (unit, fact) => {
    fact.left = (await dealOut(unit, fact.agentIds, fact.groupId)).left;
  }),
  when(membersJoined, async (unit, { memberships }) => {
    await chargeHandicaps(unit, memberships);
    await handOutWaiting(
      unit,
      memberships.map((membership) => membership.groupId),
    );
  }),
  when(agentsBecameCandidates, async (unit, { agentIds }) => {
    const memberships = await findMemberships(unit, agentIds);
    await chargeHandicaps(unit, memberships);
    await handOutWaiting(
      unit,
      memberships.map((membership) => membership.groupId),
    );
  }),
  when(agentLimitsChanged, async (unit, { agentIds }) => {
    const memberships = await findMemberships(unit, agentIds);
    await handOutWaiting(
      unit,
      memberships.map((membership) => membership.groupId),
    );
  }),
  when(groupRulesChanged, async (unit, { groupId }) => {
    await handOutWaiting(unit, [groupId]);
    const group = (await loadRoster(unit)).groups.get(groupId);
    if (group) await setNextRelaxations(unit, [group]);
  }),
  when(groupClosed, async (unit, fact) => {
    fact.left = await emptyGroup(unit, fact.groupId, fact.disposal);
  }),
];

/** Gives out everything that waits in the groups and that somebody can take. */
async function handOutWaiting(unit: Unit, groupIds: readonly string[]): Promise<void> {
  if (groupIds.length === 0) return;
  const [found] = await unit.sql<{ count: string }>('SELECT count(*) FROM tickets WHERE group_id = ANY ($1::uuid[]) AND agent_id IS NULL AND status <= 3', [
    groupIds,
  ]);
  const count = Number(found?.count);
  if (count === 0) return;
  const work = await openTicketWork(unit, count, []);
  const groups = [...new Set(groupIds)].filter((groupId) => {
    const group = work.roster.groups.get(groupId);
    return group && isAutomatic(group);
  });
  work.load(await loadWaiting(unit, groups, count));
  work.handOut(unit.requestKey);
  await writeTickets(work);
}

/**
 * Deals out what lies on the desks of agents who left, a thousand at most; what nobody can take waits.
 */
async function dealOut(unit: Unit, agentIds: readonly string[], groupId?: string): Promise<DealtOut> {
  const rows = await loadPendingOf(unit, agentIds, TICKETS_PER_CHANGE, groupId);
  if (rows.length === 0) return { reassigned: 0, waiting: 0, left: 0 };
  const work = await openTicketWork(unit, rows.length, rows);
  let reassigned = 0;
  const deal: Deal = { dealId: work.assignments.nextNumber(), received: new Map(), givers: new Set(agentIds), receivers: undefined };
  for (const row of rows.sort(compareWaiting)) {
    const group = work.roster.groups.get(row.group_id);
    const dealt = group && isAutomatic(group) && work.deal(row, deal, unit.requestKey);
    if (dealt) reassigned += 1;
    else work.unseat(row, unit.requestKey);
  }
  await writeTickets(work);
  // Who was taken out of one group may have room now for what waits in his others.
  await handOutWaiting(unit, freedGroups(work, agentIds));
  return { reassigned, waiting: rows.length - reassigned, left: await countPending(unit, agentIds, groupId) };
}

async function countPending(unit: Unit, agentIds: readonly string[], groupId?: string): Promise<number> {
  const [left] = await unit.sql<{ count: string }>(
    'SELECT count(*) FROM tickets WHERE agent_id = ANY ($1::text[]) AND status <= 3 AND ($2::uuid IS NULL OR group_id = $2)',
    [agentIds, groupId ?? null],
  );
  return Number(left?.count);
}

/** Moves or cancels a thousand pending tickets of a group that closes; answers how many are left. */
async function emptyGroup(unit: Unit, groupId: string, disposal: { readonly moveTo: string } | 'cancel'): Promise<number> {
  const ids = await unit.sql<{ ticket_id: string }>(
    'SELECT ticket_id FROM tickets WHERE group_id = $1 AND status <= 3 ORDER BY priority DESC, create_time, ticket_id LIMIT $2',
    [groupId, TICKETS_PER_CHANGE],
  );
  const rows = await loadTickets(
    unit,
    ids.map((row) => row.ticket_id),
  );
  const work = await openTicketWork(unit, 2 * rows.length, rows);
  const holders = rows.flatMap((row) => row.agent_id ?? []);
  const patch = disposal === 'cancel' ? { status: STATUS.CANCELLED } : { groupId: disposal.moveTo };
  for (const row of rows.sort(compareWaiting)) changeTicket(work, row, patch, unit.requestKey);
  await writeTickets(work);
  // Agents who serve other groups too have room for those.
  await handOutWaiting(unit, freedGroups(work, holders));
  const [left] = await unit.sql<{ count: string }>('SELECT count(*) FROM tickets WHERE group_id = $1 AND status <= 3', [groupId]);
  return Number(left?.count);
}

/** Groups in which these agents may have room again, since tickets left their desks. */
function freedGroups(work: TicketWork, agentIds: readonly string[]): string[] {
  const agents = agentIds.flatMap((agentId) => (work.makesRoom(agentId) ? (work.roster.agents.get(agentId) ?? []) : []));
  return [...new Set(agents.flatMap((agent) => agent.groups.map((group) => group.groupId)))];
}

async function findMemberships(unit: Unit, agentIds: readonly string[]): Promise<{ agentId: string; groupId: string }[]> {
  return unit.sql<{ agentId: string; groupId: string }>(
    'SELECT agent_id AS "agentId", group_id AS "groupId" FROM memberships WHERE agent_id = ANY ($1::text[]) ORDER BY 1, 2',
    [agentIds],
  );
}
