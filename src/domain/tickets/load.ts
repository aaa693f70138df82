import { type Instant, instantOf, microsOf } from '../../foundation/clock.ts';
import { forUpdate, type Unit } from '../../foundation/commands/command.ts';
import { prepared } from '../../foundation/database/prepared.ts';
import type { Sql } from '../../foundation/database/sql.ts';
import { isUuid } from '../../foundation/ids.ts';
import { highestLevel, isAutomatic, type RosterGroup, relaxationInstant, relaxes } from '../assignment/index.ts';
import { type Existing, type ExternalReference, type NewTicket, type Obstacles, referenceKey, userKey } from './create.ts';
import { TICKET_COLUMNS, type TicketRow } from './row.ts';
import type { TicketWork } from './work.ts';

const loadTicketsSql = (lock: string): string =>
  prepared(
    `SELECT ${TICKET_COLUMNS} FROM tickets t WHERE t.ticket_id IN (
       SELECT unnest($1::uuid[]) UNION SELECT ticket_id FROM tickets WHERE key = ANY ($2::text[])
     ) ORDER BY t.ticket_id ${lock}`,
  );

/** Reads tickets by id or key, locked in the order of their ids. Unknown references are missing in the answer. */
export async function loadTickets(unit: Unit, references: readonly string[]): Promise<TicketRow[]> {
  if (references.length === 0) return [];
  const { ids, keys } = splitReferences(references);
  return unit.sql<TicketRow>(loadTicketsSql(forUpdate(unit)), [ids, keys]);
}

// One by one, by key (OFFSET 0): as a join, a plan made while there were few tickets goes through all of a group's.
const POOLS_OF_TICKETS = prepared(
  `SELECT t.ticket_id, t.key, p.pool_id
   FROM (
     SELECT f.* FROM unnest($1::uuid[]) AS wanted(ticket_id)
     CROSS JOIN LATERAL (SELECT q.ticket_id, q.key, q.group_id FROM tickets q WHERE q.ticket_id = wanted.ticket_id OFFSET 0) f
     UNION ALL SELECT f.* FROM unnest($2::text[]) AS wanted(key)
     CROSS JOIN LATERAL (SELECT q.ticket_id, q.key, q.group_id FROM tickets q WHERE q.key = wanted.key OFFSET 0) f
   ) t CROSS JOIN LATERAL (SELECT g.pool_id FROM group_pools g WHERE g.group_id = t.group_id OFFSET 0) p`,
);

/** The pools of tickets' groups, by the reference they were asked for, read without a lock; unknown ones are missing. */
export async function findPoolsOfTickets(sql: Sql, references: readonly string[]): Promise<Map<string, string>> {
  if (references.length === 0) return new Map();
  const { ids, keys } = splitReferences(references);
  const rows = await sql<{ ticket_id: string; key: string; pool_id: string }>(POOLS_OF_TICKETS, [ids, keys]);
  const pools = new Map(rows.flatMap((row) => [[row.ticket_id, row.pool_id] as const, [row.key, row.pool_id] as const]));
  return new Map(
    references.flatMap((reference) => {
      const poolId = pools.get(isUuid(reference) ? reference.toLowerCase() : reference);
      return poolId ? [[reference, poolId] as const] : [];
    }),
  );
}

const GROUPS_OF_TICKETS = prepared('SELECT DISTINCT group_id FROM tickets WHERE ticket_id = ANY ($1::uuid[])');

/** The groups that tickets are in, each once, read without a lock. */
export async function findGroupsOfTickets(sql: Sql, ticketIds: readonly string[]): Promise<string[]> {
  const rows = await sql<{ group_id: string }>(GROUPS_OF_TICKETS, [ticketIds]);
  return rows.map((row) => row.group_id);
}

/**
 * Loads into the work what could be given out once up to so many places become free: the first waiting tickets of
 * every automatic group of the held pools in which a limit can fill somebody up. Answers whether there are such groups.
 */
export async function loadWhatWaitsForRoom(work: TicketWork, places: number): Promise<boolean> {
  if (places === 0) return false;
  const limited = [...work.roster.groups.values()].filter(
    (group) => isAutomatic(group) && (group.policy.maxOpenPerAgent !== null || group.members.some((member) => member.maxOpenTickets !== null)),
  );
  const [relaxing, steady] = [limited.filter((group) => relaxes(group.policy)), limited.filter((group) => !relaxes(group.policy))];
  work.load(
    await loadWaiting(
      work.unit,
      steady.map((group) => group.groupId),
      places,
    ),
  );
  work.load(await loadWaitingByLevel(work.unit, relaxing, places));
  return limited.length > 0;
}

/**
 * The first waiting tickets of each level of relaxation in groups whose skills relax, locked: whoever has room may be able to
 * take none but one far down the line that has waited long. Looks at all that waits in these groups.
 */
async function loadWaitingByLevel(unit: Unit, groups: readonly RosterGroup[], perLevel: number): Promise<TicketRow[]> {
  if (groups.length === 0) return [];
  return unit.sql<TicketRow>(
    `SELECT ${TICKET_COLUMNS} FROM tickets t WHERE t.ticket_id IN (
       SELECT ticket_id FROM (
         SELECT w.ticket_id, row_number() OVER (PARTITION BY w.group_id, ${LEVEL_REACHED} ORDER BY w.priority DESC, w.create_time, w.ticket_id) AS place
         FROM ${RELAXING} JOIN tickets w ON w.group_id = g.group_id AND w.agent_id IS NULL AND w.status <= 3
       ) ranked WHERE place <= $5
     ) ORDER BY t.ticket_id ${forUpdate(unit)}`,
    [...relaxingParameters(unit, groups), perLevel],
  );
}

/**
 * The waiting tickets of a group that have reached another level since the waiting there was last put into effect, locked. Nobody
 * can take any other, or it would not wait.
 */
export async function loadRelaxed(unit: Unit, group: RosterGroup): Promise<TicketRow[]> {
  const before = `greatest(0, least(g.highest, div(extract(epoch FROM $5::timestamptz - w.wait_start_time), g.span_seconds)))`;
  return unit.sql<TicketRow>(
    `SELECT ${TICKET_COLUMNS} FROM tickets t WHERE t.ticket_id IN (
       SELECT w.ticket_id FROM ${RELAXING} JOIN tickets w ON w.group_id = g.group_id AND w.agent_id IS NULL AND w.status <= 3
       WHERE ${LEVEL_REACHED} > CASE WHEN isfinite($5::timestamptz) THEN ${before} ELSE 0 END
     ) ORDER BY t.ticket_id ${forUpdate(unit)}`,
    [...relaxingParameters(unit, [group]), Number.isFinite(group.relaxedMicros) ? instantOf(group.relaxedMicros) : '-infinity'],
  );
}

/** The soonest instant at which a ticket that waits in one of these groups reaches its next level, by group; missing where none will. */
export async function findNextRelaxations(unit: Unit, groups: readonly RosterGroup[]): Promise<Map<string, Instant>> {
  if (groups.length === 0) return new Map();
  const rows = await unit.sql<{ group_id: string; next_time: Instant }>(
    `SELECT w.group_id, min(w.wait_start_time + (${LEVEL_REACHED} + 1)::integer * g.span_seconds * interval '1 second')::text AS next_time
     FROM ${RELAXING} JOIN tickets w ON w.group_id = g.group_id AND w.agent_id IS NULL AND w.status <= 3
     WHERE w.wait_start_time IS NOT NULL AND ${LEVEL_REACHED} < g.highest GROUP BY w.group_id`,
    [...relaxingParameters(unit, groups)],
  );
  return new Map(rows.map((row) => [row.group_id, row.next_time]));
}

// `relaxedLevels` in SQL, for tickets w of relaxing groups g; `div` gives whole quotients of exact numbers.
const RELAXING = 'unnest($1::uuid[], $2::integer[], $3::integer[], $4::timestamptz[]) AS g(group_id, span_seconds, highest, reference_time)';
const LEVEL_REACHED = 'coalesce(greatest(0, least(g.highest, div(extract(epoch FROM g.reference_time - w.wait_start_time), g.span_seconds))), 0)';

function relaxingParameters(unit: Unit, groups: readonly RosterGroup[]): readonly unknown[] {
  const nowMicros = microsOf(unit.now);
  return [
    groups.map((group) => group.groupId),
    groups.map((group) => group.policy.skillRelaxationSeconds),
    groups.map((group) => highestLevel(group.policy)),
    groups.map((group) => instantOf(relaxationInstant(group, nowMicros))),
  ];
}

/** The first waiting tickets of each group, in waiting order, locked. */
export async function loadWaiting(unit: Unit, groupIds: readonly string[], perGroup: number): Promise<TicketRow[]> {
  if (groupIds.length === 0) return [];
  return unit.sql<TicketRow>(
    `SELECT ${TICKET_COLUMNS} FROM tickets t WHERE t.ticket_id IN (
       SELECT first.ticket_id FROM unnest($1::uuid[]) AS wanted(group_id) CROSS JOIN LATERAL (
         SELECT w.ticket_id FROM tickets w WHERE w.group_id = wanted.group_id AND w.agent_id IS NULL AND w.status <= 3
         ORDER BY w.priority DESC, w.create_time, w.ticket_id LIMIT $2
       ) first
     ) ORDER BY t.ticket_id ${forUpdate(unit)}`,
    [groupIds, perGroup],
  );
}

/** The first pending tickets on the desks of agents, in deal order, locked; of one group only if it is given. */
export async function loadPendingOf(unit: Unit, agentIds: readonly string[], limit: number, groupId?: string): Promise<TicketRow[]> {
  return unit.sql<TicketRow>(
    `SELECT ${TICKET_COLUMNS} FROM tickets t WHERE t.ticket_id IN (
       SELECT ticket_id FROM tickets WHERE agent_id = ANY ($1::text[]) AND status <= 3 AND ($3::uuid IS NULL OR group_id = $3)
       ORDER BY priority DESC, create_time, ticket_id LIMIT $2
     ) ORDER BY t.ticket_id ${forUpdate(unit)}`,
    [agentIds, limit, groupId ?? null],
  );
}

/** What stands in the way of new tickets; true as long as the groups' pools are held. */
export async function findObstacles(sql: Sql, tickets: readonly NewTicket[]): Promise<Obstacles> {
  const unique = tickets.filter((ticket) => ticket.uniquePerUser);
  const references = tickets.flatMap((ticket) => ticket.externalReferences);
  return { pendingByUser: await findPendingByUser(sql, unique), byReference: await findByReference(sql, references) };
}

async function findPendingByUser(sql: Sql, tickets: readonly NewTicket[]): Promise<Map<string, Existing>> {
  if (tickets.length === 0) return new Map();
  const rows = await sql<{ user_id: string; group_id: string; ticket_id: string; key: string }>(
    `SELECT t.user_id, t.group_id, t.ticket_id, t.key FROM unnest($1::bigint[], $2::uuid[]) AS wanted(user_id, group_id)
     JOIN tickets t USING (user_id, group_id) WHERE t.status <= 3 ORDER BY t.create_time DESC`,
    [tickets.map((ticket) => ticket.userId), tickets.map((ticket) => ticket.groupId)],
  );
  return new Map(rows.map((row) => [userKey(row.user_id, row.group_id), { ticketId: row.ticket_id, key: row.key, groupId: row.group_id }]));
}

async function findByReference(sql: Sql, references: readonly ExternalReference[]): Promise<Map<string, Existing>> {
  if (references.length === 0) return new Map();
  const rows = await sql<{ system: string; id: string; ticket_id: string; key: string; group_id: string }>(
    `SELECT k.system, k.external_id AS id, k.ticket_id, t.key, t.group_id FROM unnest($1::text[], $2::text[]) AS wanted(system, external_id)
     JOIN external_reference_keys k USING (system, external_id) JOIN tickets t USING (ticket_id)`,
    [references.map((reference) => reference.system), references.map((reference) => reference.id)],
  );
  return new Map(rows.map((row) => [referenceKey(row), { ticketId: row.ticket_id, key: row.key, groupId: row.group_id }]));
}

function splitReferences(references: readonly string[]): { ids: string[]; keys: string[] } {
  const unique = [...new Set(references)];
  return { ids: unique.filter(isUuid), keys: unique.filter((reference) => !isUuid(reference)) };
}
