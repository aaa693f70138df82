import type { Sql } from '../../../foundation/database/sql.ts';
import type { Moment } from '../steps.ts';

/** What part of history is played: some groups with all that are connected to them, between two moments. */
export interface Range {
  readonly startTime: Moment;
  /** Infinity: until now. */
  readonly endTime: Moment;
  readonly groupIds: readonly string[];
  readonly agentIds: readonly string[];
}

/** A unit of work may have begun this long before what it did last. */
const LONGEST_UNIT_MS = 60_000;

/** A moment as a parameter that `to_timestamp` makes a time of, to the microsecond. */
export const micros = (moment: Moment): string | null => (Number.isFinite(moment) ? String(Math.round(moment * 1000)) : null);

/** SQL for a parameter made by `micros`; null is the end of time. */
export const timeOf = (parameter: number): string =>
  `coalesce(timestamptz 'epoch' + $${parameter}::bigint * interval '1 microsecond', 'infinity'::timestamptz)`;

/** SQL for a time in microseconds since 1970. */
export const microsOfColumn = (column: string): string => `(extract(epoch FROM ${column}) * 1000000)::bigint`;

/** The moment of a time that came as microseconds. */
export const toMoment = (text: string): Moment => Number(text) / 1000;

/**
 * The range that plays these groups faithfully: with every group that shared an agent with them, or exchanged a ticket,
 * and with boundaries between units of work rather than inside one.
 */
export async function findRange(
  sql: Sql,
  wanted: { readonly groupIds: readonly string[]; readonly startTime: Moment; readonly endTime: Moment },
): Promise<Range> {
  const { groupIds, agentIds } = await findConnected(sql, wanted);
  const startTime = await findBoundary(sql, wanted.startTime, groupIds);
  const endTime = Number.isFinite(wanted.endTime) ? await findBoundary(sql, wanted.endTime, groupIds) : wanted.endTime;
  return { startTime, endTime, groupIds, agentIds };
}

/** The beginning of the unit of work that may have been under way at a moment, else the moment itself. */
async function findBoundary(sql: Sql, moment: Moment, groupIds: readonly string[]): Promise<Moment> {
  const [found] = await sql<{ micros: string | null }>(
    `SELECT ${microsOfColumn('max(time)')} AS micros FROM (
       SELECT time, group_id FROM assignment_decisions WHERE business_day >= (${timeOf(1)} - interval '2 days')::date
       UNION ALL SELECT time, group_id FROM assignment_releases WHERE business_day >= (${timeOf(1)} - interval '2 days')::date
     ) units WHERE group_id = ANY ($2::uuid[]) AND time <= ${timeOf(1)} AND time > ${timeOf(1)} - $3 * interval '1 millisecond'`,
    [micros(moment), groupIds, LONGEST_UNIT_MS],
  );
  return found?.micros ? toMoment(found.micros) : moment;
}

async function findConnected(
  sql: Sql,
  { groupIds, startTime, endTime }: { readonly groupIds: readonly string[]; readonly startTime: Moment; readonly endTime: Moment },
): Promise<{ groupIds: string[]; agentIds: string[] }> {
  const from = micros(startTime - LONGEST_UNIT_MS);
  const members = await sql<{ group_id: string; agent_id: string }>(
    `SELECT group_id, agent_id FROM (
       SELECT DISTINCT ON (group_id, agent_id) group_id, agent_id, state FROM eligibility_changes
       WHERE kind = 'MEMBERSHIP' AND time < ${timeOf(1)} ORDER BY group_id, agent_id, sequence DESC
     ) before WHERE (state ->> 'member')::boolean
     UNION
     SELECT group_id, agent_id FROM eligibility_changes WHERE kind = 'MEMBERSHIP' AND time >= ${timeOf(1)} AND time < ${timeOf(2)}`,
    [from, micros(endTime)],
  );
  const moves = await sql<{ from_id: string; to_id: string }>(
    `SELECT DISTINCT before ->> 'group_id' AS from_id, after ->> 'group_id' AS to_id FROM audit_entries
     WHERE entity_type = 'ticket' AND operation = 'UPDATE' AND time >= ${timeOf(1)} AND time < ${timeOf(2)} AND changed_fields && '{group_id}'`,
    [from, micros(endTime)],
  );
  const edges = new Map<string, string[]>();
  const connect = (a: string, b: string): void => {
    for (const [one, other] of [[a, b] as const, [b, a] as const]) {
      const list = edges.get(one);
      if (list) list.push(other);
      else edges.set(one, [other]);
    }
  };
  for (const { group_id: groupId, agent_id: agentId } of members) connect(`g${groupId}`, `a${agentId}`);
  for (const { from_id: from, to_id: to } of moves) connect(`g${from}`, `g${to}`);
  const reached = new Set(groupIds.map((groupId) => `g${groupId}`));
  for (const node of reached) for (const neighbour of edges.get(node) ?? []) reached.add(neighbour);
  const named = (letter: string): string[] => [...reached].filter((node) => node.startsWith(letter)).map((node) => node.slice(1));
  return { groupIds: named('g'), agentIds: named('a') };
}
