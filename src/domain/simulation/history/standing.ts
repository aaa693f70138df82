import { readRows } from '../../../foundation/database/rows.ts';
import type { Sql } from '../../../foundation/database/sql.ts';
import type { Moment, ToldStep } from '../steps.ts';
import { type AgentJson, type GroupJson, toAgentState, toGroupState } from './changes.ts';
import { micros, microsOfColumn, type Range, timeOf, toMoment } from './range.ts';

/** Longest that a business day reaches back, with room to spare. */
const SPANS_DAYS = 3;

/** How everything stood when the range begins: groups, agents, memberships, counts, then the tickets that were there. */
export async function* readStanding(sql: Sql, range: Range): AsyncGenerator<ToldStep> {
  const { startTime: time } = range;
  const at = [micros(time), range.groupIds, range.agentIds] as const;
  const days = await readDays(sql, at);
  for (const { group_id: groupId, state } of await latest<{ group_id: string; state: GroupJson }>(
    sql,
    'GROUP',
    'group_id',
    'group_id = ANY ($2::uuid[])',
    at,
  )) {
    yield { type: 'GROUP', time, groupId, state: toGroupState(state) };
  }
  for (const { day, begins, groupIds } of days) yield { type: 'DAY', time, day, begins, groupIds };
  for (const { agent_id: agentId, state } of await latest<{ agent_id: string; state: AgentJson }>(
    sql,
    'AGENT',
    'agent_id',
    'agent_id = ANY ($3::text[])',
    at,
  )) {
    yield { type: 'AGENT', time, agentId, state: toAgentState(state) };
  }
  const memberships = await latest<{ group_id: string; agent_id: string; state: { member: boolean } }>(
    sql,
    'MEMBERSHIP',
    'group_id, agent_id',
    'group_id = ANY ($2::uuid[])',
    at,
  );
  for (const { group_id: groupId, agent_id: agentId, state } of memberships)
    if (state.member) yield { type: 'MEMBERSHIP', time, groupId, agentId, member: true };
  yield* readCounts(sql, range, days);
}

interface Day {
  readonly day: string;
  readonly begins: Moment;
  readonly groupIds: string[];
}

type At = readonly [micros: string | null, groupIds: readonly string[], agentIds: readonly string[]];

/** The latest change of a kind before the range, of each thing that `key` tells apart. */
function latest<Row>(sql: Sql, kind: string, key: string, condition: string, at: At): Promise<Row[]> {
  return sql<Row>(
    `SELECT DISTINCT ON (${key}) ${key}, state FROM eligibility_changes WHERE kind = $4 AND time < ${timeOf(1)}
       AND ($2::uuid[] IS NOT NULL AND $3::text[] IS NOT NULL AND ${condition}) ORDER BY ${key}, sequence DESC`,
    [...at, kind],
  );
}

async function readDays(sql: Sql, [start, groupIds]: At): Promise<Day[]> {
  const rows = await sql<{ group_id: string; day: string; start_micros: string | null }>(
    `SELECT DISTINCT ON (g.group_id) g.group_id, e.state ->> 'business_day' AS day, e.state ->> 'start_micros' AS start_micros
     FROM unnest($2::uuid[]) AS g(group_id) JOIN eligibility_changes e ON e.kind = 'DAY' AND e.time < ${timeOf(1)} AND e.state -> 'group_ids' ? g.group_id::text
     ORDER BY g.group_id, e.sequence DESC`,
    [start, groupIds],
  );
  return [...Map.groupBy(rows, (row) => `${row.day} ${row.start_micros}`).values()].map((same) => {
    const { day, start_micros: begins } = same[0] as (typeof rows)[number];
    return { day, begins: begins === null ? -Infinity : toMoment(begins), groupIds: same.map((row) => row.group_id) };
  });
}

async function* readCounts(sql: Sql, { startTime: time, groupIds, agentIds }: Range, days: readonly Day[]): AsyncGenerator<ToldStep> {
  const start = micros(time);
  const today = new Map(days.flatMap((day) => day.groupIds.map((groupId) => [groupId, day.day] as const)));
  const assigned = await sql<{ agent_id: string; count: number }>(
    `SELECT agent_id, count(*)::integer AS count FROM assignment_decisions
     WHERE agent_id = ANY ($2::text[]) AND business_day = ANY ($3::date[]) AND time < ${timeOf(1)} GROUP BY agent_id`,
    [start, agentIds, [...new Set(days.map((day) => day.day))]],
  );
  // Whoever won nothing since then says himself what he won last; of the others it takes a search.
  const last = await sql<{ agent_id: string; last_sequence: string }>(
    `SELECT agent_id, last_assigned_sequence AS last_sequence FROM agent_counters
     WHERE agent_id = ANY ($2::text[]) AND (last_assign_time < ${timeOf(1)} OR last_assign_time IS NULL)
     UNION ALL
     SELECT d.agent_id, max(d.sequence) FROM assignment_decisions d JOIN agent_counters c USING (agent_id)
     WHERE d.agent_id = ANY ($2::text[]) AND c.last_assign_time >= ${timeOf(1)} AND d.time < ${timeOf(1)} GROUP BY d.agent_id`,
    [start, agentIds],
  );
  const handicaps = await sql<{ agent_id: string; group_id: string; state: { handicap: number; business_day: string } }>(
    `SELECT DISTINCT ON (group_id, agent_id) group_id, agent_id, state FROM eligibility_changes
     WHERE kind = 'HANDICAP' AND time < ${timeOf(1)} AND group_id = ANY ($2::uuid[]) ORDER BY group_id, agent_id, sequence DESC`,
    [start, groupIds],
  );
  const spans = await sql<{ agent_id: string; from: string; to: string | null }>(
    `SELECT agent_id, ${microsOfColumn('start_time')} AS from, CASE WHEN end_time < ${timeOf(1)} THEN ${microsOfColumn('end_time')} END AS to FROM agent_presence
     WHERE agent_id = ANY ($2::text[]) AND start_time < ${timeOf(1)} AND (end_time IS NULL OR end_time > ${timeOf(1)} - $3 * interval '1 day') ORDER BY presence_id`,
    [start, agentIds, SPANS_DAYS],
  );
  const counts = new Map(assigned.map((row) => [row.agent_id, row.count]));
  const sequences = new Map(last.map((row) => [row.agent_id, Number(row.last_sequence)]));
  for (const agentId of agentIds) {
    const own = handicaps.filter((row) => row.agent_id === agentId && row.state.business_day === today.get(row.group_id));
    yield {
      type: 'COUNTS',
      time,
      agentId,
      assignedToday: counts.get(agentId) ?? 0,
      lastSequence: sequences.get(agentId) ?? 0,
      spans: spans.filter((span) => span.agent_id === agentId).map(({ from, to }) => ({ from: toMoment(from), to: to === null ? null : toMoment(to) })),
      handicaps: Object.fromEntries(own.map((row) => [row.group_id, row.state.handicap])),
    };
  }
}

/** The number of the last decision before the range, or any above it. */
export async function findLastNumber(sql: Sql, { startTime, agentIds }: Range): Promise<number> {
  const [found] = await sql<{ last: string }>(
    `SELECT coalesce(max(sequence), 0) AS last FROM eligibility_changes WHERE time < ${timeOf(1)} AND $2::text[] IS NOT NULL`,
    [micros(startTime), agentIds],
  );
  const [decided] = await sql<{ last: string }>(
    `SELECT coalesce(max(sequence), 0) AS last FROM assignment_decisions WHERE time < ${timeOf(1)} AND business_day >= (${timeOf(1)} - interval '2 days')::date`,
    [micros(startTime)],
  );
  return Math.max(Number(found?.last ?? 0), Number(decided?.last ?? 0));
}

interface TicketRow {
  ticket_id: string;
  create_micros: string;
  group_id: string;
  status: number;
  priority: number;
  agent_id: string | null;
  wait_micros: string | null;
}

/**
 * Tickets that were there when the range begins, as far as they were pending then or something happens to them later:
 * as they were before their first change since, or as they are if there was none.
 */
export async function* readTickets(sql: Sql, { startTime: time, groupIds }: Range): AsyncGenerator<ToldStep> {
  const rows = readRows<TicketRow>(
    sql,
    `WITH since AS (
       SELECT DISTINCT ON (entity_id) entity_id, operation, after, before FROM audit_entries
       WHERE entity_type = 'ticket' AND time >= ${timeOf(1)} AND (operation <> 'UPDATE' OR changed_fields && '{group_id,status,priority,agent_id,assign_time}')
       ORDER BY entity_id, entry_id
     ), was AS (
       SELECT entity_id::uuid AS ticket_id, (after ->> 'create_time')::timestamptz AS create_time, (after || before) AS facts FROM since WHERE operation = 'UPDATE'
     )
     SELECT ticket_id, ${microsOfColumn('create_time')} AS create_micros, facts ->> 'group_id' AS group_id, (facts ->> 'status')::integer AS status,
       (facts ->> 'priority')::integer AS priority, facts ->> 'agent_id' AS agent_id,
       ${microsOfColumn(`(facts ->> 'wait_start_time')::timestamptz`)} AS wait_micros
     FROM was WHERE facts ->> 'group_id' = ANY ($2::text[])
     UNION ALL
     SELECT t.ticket_id, ${microsOfColumn('t.create_time')}, t.group_id::text, t.status, t.priority, t.agent_id, ${microsOfColumn('t.wait_start_time')} FROM tickets t
     WHERE t.group_id = ANY ($2::uuid[]) AND t.status <= 3 AND t.create_time < ${timeOf(1)} AND NOT EXISTS (SELECT FROM since s WHERE s.entity_id = t.ticket_id::text)`,
    2_000,
    [micros(time), groupIds],
  );
  for await (const row of rows) {
    yield {
      type: 'PRESENT',
      time,
      ticket: row.ticket_id,
      facts: { createTime: toMoment(row.create_micros), counts: false },
      groupId: row.group_id,
      priority: row.priority,
      agentId: row.agent_id,
      pending: row.status <= 3,
      waitStart: row.wait_micros === null ? null : toMoment(row.wait_micros),
    };
  }
}
