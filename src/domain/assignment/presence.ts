import type { Instant } from '../../foundation/clock.ts';
import type { Sql } from '../../foundation/database/sql.ts';

/** An agent's presence on a business day, from which his time present at any later instant follows, as long as it does not change. */
export interface Presence {
  /** Of spans that have ended, in microseconds. */
  readonly endedMicros: number;
  /** Since when he is present, but not before the day began; in microseconds since 1970. Null: he is not. */
  readonly sinceMicros: number | null;
}

/** Time present up to an instant, in whole milliseconds. */
export function presentMsAt(presence: Presence | undefined, nowMicros: number): number {
  if (!presence) return 0;
  // The database's clock may have been set back since he came.
  const present = presence.sinceMicros === null ? 0 : Math.max(0, nowMicros - presence.sinceMicros);
  return Math.floor((presence.endedMicros + present) / 1000);
}

/** The presence of agents on their days, by agent id; whoever was not present that day is missing. */
export async function loadPresence(sql: Sql, agents: readonly { readonly agentId: string; readonly dayStart: Instant }[]): Promise<Map<string, Presence>> {
  if (agents.length === 0) return new Map();
  const rows = await sql<{ agent_id: string; ended_micros: string; since_micros: string | null }>(
    `SELECT p.agent_id, coalesce(sum((extract(epoch FROM p.end_time - p.begin_time) * 1000000)::bigint) FILTER (WHERE p.end_time > p.begin_time), 0) AS ended_micros,
       max((extract(epoch FROM p.begin_time) * 1000000)::bigint) FILTER (WHERE p.end_time IS NULL) AS since_micros
     FROM (
       SELECT p.agent_id, greatest(p.start_time, a.day_start) AS begin_time, p.end_time
       FROM unnest($1::text[], $2::timestamptz[]) AS a(agent_id, day_start) JOIN agent_presence p USING (agent_id)
       WHERE p.end_time IS NULL OR p.end_time > a.day_start
     ) p GROUP BY p.agent_id`,
    [agents.map((agent) => agent.agentId), agents.map((agent) => agent.dayStart)],
  );
  return new Map(
    rows.map((row) => [row.agent_id, { endedMicros: Number(row.ended_micros), sinceMicros: row.since_micros === null ? null : Number(row.since_micros) }]),
  );
}
