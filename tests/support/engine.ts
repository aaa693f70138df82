import { expect } from 'vitest';
import type { Group } from '../../gen/ticketing/v1/group_pb.ts';
import type { Ticket } from '../../gen/ticketing/v1/ticket_pb.ts';
import type { Clients, Harness } from './harness.ts';
import { makeAgent, makeGroup } from './team.ts';

type CreateRequest = Parameters<Clients['tickets']['createTicket']>[0];
type Patch = Omit<NonNullable<Parameters<Clients['tickets']['updateTicket']>[0]['ticket']>, '$typeName' | 'ticketId'>;

/** A ticket that a backend creates in a group, about user 7 where nothing else is said. */
export async function createTicket(harness: Harness, group: Pick<Group, 'groupId'>, more: CreateRequest = {}): Promise<Ticket> {
  const { ticket } = await harness.callAs('service').tickets.createTicket({ groupId: group.groupId, userId: 7n, ...more } as CreateRequest);
  if (!ticket) throw new Error('no ticket was answered');
  return ticket;
}

/** The ticket after an administrator changed the fields that are given. */
export async function updateTicket(harness: Harness, ticketId: string, patch: Patch, paths: readonly string[] = []): Promise<Ticket> {
  const updateMask = paths.length > 0 ? { updateMask: { paths: [...paths] } } : {};
  const { ticket } = await harness.callAs('admin').tickets.updateTicket({ ticket: { ...patch, ticketId }, ...updateMask });
  if (!ticket) throw new Error('no ticket was answered');
  return ticket;
}

/** The ticket as it is read now. */
export async function readTicket(harness: Harness, ticketId: string): Promise<Ticket> {
  const { ticket } = await harness.callAs('admin').tickets.getTicket({ ticketId });
  if (!ticket) throw new Error('no ticket was answered');
  return ticket;
}

/** What an agent's counters say. */
export interface Counters {
  readonly assignedToday: number;
  readonly resolvedToday: number;
  readonly totalAssigned: number;
  readonly totalResolved: number;
  readonly open: number;
}

/** The counters of an agent as they are stored. */
export async function countersOf(harness: Harness, agentId: string): Promise<Counters> {
  const [row] = await harness.sql<Record<keyof Counters, number>>(
    `SELECT assigned_today AS "assignedToday", resolved_today AS "resolvedToday", total_assigned::int AS "totalAssigned", total_resolved::int AS "totalResolved", open_tickets AS open
     FROM agent_counters WHERE agent_id = $1`,
    [agentId],
  );
  if (!row) throw new Error(`agent ${agentId} has no counters`);
  return row;
}

/** The decisions about a ticket, in their order: kind, who got it, from whom. */
export async function decisionsOf(harness: Harness, ticketId: string): Promise<string[]> {
  const rows = await harness.sql<{ words: string }>(
    `SELECT kind || ' ' || agent_id || coalesce(' from ' || previous_agent_id, '') AS words FROM assignment_decisions WHERE ticket_id = $1 ORDER BY sequence`,
    [ticketId],
  );
  return rows.map((row) => row.words);
}

/** How many rows each table has that a change would leave a trace in. */
export async function traces(harness: Pick<Harness, 'sql'>): Promise<Record<string, string>> {
  const [row] = await harness.sql<Record<string, string>>(
    `SELECT (SELECT count(*) FROM tickets) AS tickets, (SELECT count(*) FROM requests) AS requests, (SELECT count(*) FROM audit_entries) AS entries,
       (SELECT count(*) FROM assignment_decisions) AS decisions, (SELECT count(*) FROM assignment_rounds) AS rounds,
       (SELECT count(*) FROM assignment_releases) AS releases, (SELECT coalesce(sum(last_ticket_number), 0) FROM group_counters) AS numbers,
       (SELECT coalesce(sum(total_assigned + total_resolved + open_tickets), 0) FROM agent_counters) AS counted,
       (SELECT last_value FROM assignment_sequence) AS sequence, (SELECT coalesce(sum(sequence), 0) FROM pools) AS pools`,
  );
  return row ?? {};
}

/**
 * Expects of the whole database what must hold at every commit: counters equal a recount from history, each
 * ticket is with whom its last decision says, every row has one entry for each of its versions, and nothing
 * waits where somebody could take it.
 */
export async function expectSound(harness: Pick<Harness, 'sql'>): Promise<void> {
  expect(await harness.sql(MISCOUNTED), 'counters that differ from history').toEqual([]);
  expect(await harness.sql(MISPLACED), 'tickets that are not with whom they were last given to').toEqual([]);
  expect(await harness.sql(UNRECORDED), 'tickets without exactly one entry for each version').toEqual([]);
  expect(await harness.sql(NEEDLESSLY_WAITING), 'tickets that wait although somebody can take them').toEqual([]);
}

const MISCOUNTED = `
  SELECT c.agent_id, c.assigned_today, c.resolved_today, c.total_assigned, c.total_resolved, c.open_tickets, recount.*
  FROM agent_counters c CROSS JOIN LATERAL (
    SELECT (SELECT count(*) FROM assignment_decisions d WHERE d.agent_id = c.agent_id) AS assigned,
      (SELECT count(*) FROM assignment_decisions d WHERE d.agent_id = c.agent_id AND d.business_day = c.business_day) AS today,
      (SELECT count(*) FROM assignment_releases r WHERE r.agent_id = c.agent_id AND r.resolved) AS resolved,
      (SELECT count(*) FROM assignment_releases r WHERE r.agent_id = c.agent_id AND r.resolved AND r.business_day = c.business_day) AS resolved_on_day,
      (SELECT count(*) FROM tickets t WHERE t.agent_id = c.agent_id AND t.status <= 3) AS open,
      (SELECT coalesce(max(sequence), 0) FROM assignment_decisions d WHERE d.agent_id = c.agent_id) AS last
  ) recount
  WHERE (c.total_assigned, c.assigned_today, c.total_resolved, c.resolved_today, c.open_tickets, c.last_assigned_sequence)
    IS DISTINCT FROM (recount.assigned, recount.today::int, recount.resolved, recount.resolved_on_day::int, recount.open::int, recount.last)`;

const MISPLACED = `
  SELECT t.key, t.agent_id, given.agent_id AS given_to FROM tickets t LEFT JOIN LATERAL (
    SELECT d.agent_id, d.sequence FROM assignment_decisions d WHERE d.ticket_id = t.ticket_id ORDER BY sequence DESC LIMIT 1
  ) given ON true
  WHERE t.agent_id IS NOT NULL AND t.agent_id IS DISTINCT FROM given.agent_id
    OR t.agent_id IS NULL AND given.agent_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM assignment_releases r WHERE r.ticket_id = t.ticket_id AND r.sequence > given.sequence)`;

const UNRECORDED = `
  SELECT t.key, t.version, entries.count FROM tickets t CROSS JOIN LATERAL (
    SELECT count(*) AS count, count(DISTINCT e.version) AS versions FROM audit_entries e WHERE e.entity_type = 'ticket' AND e.entity_id = t.ticket_id::text
  ) entries WHERE entries.count <> t.version OR entries.versions <> t.version`;

const NEEDLESSLY_WAITING = `
  SELECT t.key, a.agent_id FROM tickets t JOIN groups g USING (group_id) JOIN memberships m USING (group_id)
  JOIN agents a ON a.agent_id = m.agent_id JOIN agent_counters c ON c.agent_id = a.agent_id
  WHERE t.agent_id IS NULL AND t.status <= 3 AND g.active AND g.delete_time IS NULL AND g.strategy <> 'MANUAL'
    AND a.active AND a.delete_time IS NULL AND a.availability = 'AVAILABLE'
    AND c.open_tickets < least(coalesce(a.max_open_tickets, 2147483647), coalesce(g.max_open_per_agent, 2147483647))
    AND NOT EXISTS (SELECT FROM jsonb_each(g.required_skills) s WHERE coalesce((a.skills ->> s.key)::int, 0) < s.value::int)`;

/** A group named by the key, with agents `<key>-a`, `<key>-b`, … */
export async function makeTeam(
  harness: Harness,
  key: string,
  size: number,
  more: Parameters<typeof makeGroup>[2] = {},
): Promise<{ readonly group: Group; readonly names: string[] }> {
  const group = await makeGroup(harness, key, more);
  const names = Array.from({ length: size }, (_, at) => `${key}-${'abcdef'[at]}`);
  for (const name of names) await makeAgent(harness, name, [group]);
  return { group, names };
}
