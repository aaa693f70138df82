import type { Meter } from '@opentelemetry/api';
import type { Sql } from '../../foundation/database/sql.ts';

/** Groups that are measured one by one; those with the most waiting tickets come first. */
const MEASURED_GROUPS = 500;

interface GroupFigures {
  readonly key: string;
  readonly unassigned: number;
  readonly oldest_waiting_seconds: number;
  readonly spread: number;
}

/**
 * Offers, at each scrape, what a team lead watches: tickets that wait, for how long, and how far apart
 * the available agents of a group are in tickets given to them today (handicap included).
 */
export function measureTickets(meter: Meter, sql: Sql): void {
  const unassigned = meter.createObservableGauge('docket_tickets_unassigned', { description: 'Pending tickets without an agent, by group' });
  const oldest = meter.createObservableGauge('docket_oldest_waiting_seconds', { description: 'Age of the oldest pending ticket without an agent, by group' });
  const spread = meter.createObservableGauge('docket_fairness_spread_tickets', {
    description: 'Most minus fewest tickets given today among available agents, by group',
  });
  meter.addBatchObservableCallback(
    async (result) => {
      for (const group of await readFigures(sql)) {
        const labels = { group: group.key };
        result.observe(unassigned, group.unassigned, labels);
        result.observe(oldest, group.oldest_waiting_seconds, labels);
        result.observe(spread, group.spread, labels);
      }
    },
    [unassigned, oldest, spread],
  );
}

async function readFigures(sql: Sql): Promise<GroupFigures[]> {
  return sql<GroupFigures>(
    `SELECT g.key, coalesce(w.unassigned, 0)::integer AS unassigned,
       coalesce(extract(epoch FROM docket_now() - w.oldest), 0)::double precision AS oldest_waiting_seconds, coalesce(s.spread, 0)::integer AS spread
     FROM groups g JOIN group_pools gp USING (group_id) JOIN pools p USING (pool_id)
     LEFT JOIN (
       SELECT group_id, count(*) AS unassigned, min(create_time) AS oldest FROM tickets WHERE agent_id IS NULL AND status <= 3 GROUP BY group_id
     ) w USING (group_id)
     LEFT JOIN LATERAL (
       SELECT max(n.given) - min(n.given) AS spread FROM (
         SELECT CASE WHEN c.business_day = p.business_day THEN c.assigned_today ELSE 0 END + coalesce(h.handicap, 0) AS given
         FROM memberships m JOIN agents a USING (agent_id) JOIN agent_counters c USING (agent_id)
         LEFT JOIN handicaps h ON h.group_id = m.group_id AND h.agent_id = m.agent_id AND h.business_day = p.business_day
         WHERE m.group_id = g.group_id AND a.active AND a.delete_time IS NULL AND a.availability = 'AVAILABLE'
       ) n
     ) s ON g.strategy <> 'MANUAL'
     WHERE g.delete_time IS NULL
     ORDER BY w.unassigned DESC NULLS LAST, g.key LIMIT $1`,
    [MEASURED_GROUPS],
  );
}
