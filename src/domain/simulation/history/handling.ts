import type { Sql } from '../../../foundation/database/sql.ts';
import { micros, type Range, timeOf } from './range.ts';

/**
 * How long agents worked on tickets that they resolved, in milliseconds, as far as that can be told: from the later of
 * being given the ticket and being done with the one before, until it was resolved, as long as they were present.
 */
export async function readHandling(sql: Sql, range: Range): Promise<Map<string, number>> {
  const rows = await sql<{ ticket_id: string; handling_ms: string }>(
    `SELECT ticket_id, sum((extract(epoch FROM least(p.end_time, done) - greatest(p.start_time, begun)) * 1000)::bigint) AS handling_ms
     FROM (
       SELECT r.ticket_id, r.agent_id, r.time AS done, greatest(d.time, lag(r.time) OVER (PARTITION BY r.agent_id ORDER BY r.sequence)) AS begun
       FROM assignment_releases r
       CROSS JOIN LATERAL (SELECT max(d.time) AS time FROM assignment_decisions d WHERE d.ticket_id = r.ticket_id AND d.sequence < r.sequence) d
       WHERE r.resolved AND r.group_id = ANY ($3::uuid[]) AND r.time >= ${timeOf(1)} AND r.time < ${timeOf(2)}
     ) w
     JOIN agent_presence p ON p.agent_id = w.agent_id AND p.start_time < done AND (p.end_time IS NULL OR p.end_time > begun)
     GROUP BY ticket_id`,
    [micros(range.startTime), micros(range.endTime), range.groupIds],
  );
  return new Map(rows.map((row) => [row.ticket_id, Number(row.handling_ms)]));
}
