import type { Replay } from '../../../domain/assignment/index.ts';
import { readRows } from '../../../foundation/database/rows.ts';
import type { Sql } from '../../../foundation/database/sql.ts';
import type { Findings } from './findings.ts';

/** Checks what must be true of the tables as they stand: nobody waits in vain, pools cover shared agents, days agree. */
export async function checkStanding(sql: Sql, replay: Replay, findings: Findings): Promise<void> {
  await checkNobodyWaitsInVain(sql, replay, findings);
  await checkPools(sql, replay, findings);
}

async function checkNobodyWaitsInVain(sql: Sql, replay: Replay, findings: Findings): Promise<void> {
  const rows = readRows<{ group_id: string; waiting: string; ticket_id: string; agent_id: string }>(
    sql,
    `SELECT w.group_id, w.waiting, w.ticket_id, free.agent_id
     FROM (
       SELECT group_id, count(*) AS waiting, (array_agg(ticket_id ORDER BY priority DESC, create_time, ticket_id))[1] AS ticket_id, min(wait_start_time) AS longest
       FROM tickets WHERE agent_id IS NULL AND status <= 3 GROUP BY group_id
     ) w
     JOIN groups g ON g.group_id = w.group_id AND g.active AND g.delete_time IS NULL AND g.strategy <> 'MANUAL'
     LEFT JOIN group_relaxations r ON r.group_id = g.group_id AND isfinite(r.effective_time)
     CROSS JOIN LATERAL (
       SELECT coalesce(greatest(0, div(extract(epoch FROM r.effective_time - w.longest), g.skill_relaxation_seconds)), 0) AS levels OFFSET 0
     ) relaxed
     CROSS JOIN LATERAL (
       SELECT a.agent_id FROM memberships m JOIN agents a USING (agent_id)
       WHERE m.group_id = w.group_id AND a.active AND a.delete_time IS NULL AND a.availability = 'AVAILABLE'
         AND NOT EXISTS (SELECT FROM jsonb_each_text(g.required_skills) s WHERE coalesce((a.skills ->> s.key)::numeric, 0) < s.value::numeric - relaxed.levels)
         AND (SELECT count(*) FROM tickets o WHERE o.agent_id = a.agent_id AND o.status <= 3) < coalesce(least(a.max_open_tickets, g.max_open_per_agent), 'infinity'::float8)
       ORDER BY a.agent_id LIMIT 1
     ) free
     ORDER BY w.group_id`,
  );
  for await (const row of rows) {
    findings.report('I10', `${row.waiting} tickets wait in group ${row.group_id}, the first is ${row.ticket_id}, while agent ${row.agent_id} could take one`);
  }
  findings.note('I10', `looked at as it stands now, and ${replay.waiting.looks} times between commits while something waited`);
}

async function checkPools(sql: Sql, replay: Replay, findings: Findings): Promise<void> {
  const split = readRows<{ agent_id: string; pools: string }>(
    sql,
    `SELECT m.agent_id, count(DISTINCT p.pool_id) AS pools FROM memberships m LEFT JOIN group_pools p USING (group_id)
     GROUP BY m.agent_id HAVING count(DISTINCT p.pool_id) <> 1 OR count(*) <> count(p.pool_id) ORDER BY m.agent_id`,
  );
  for await (const row of split)
    findings.report('I9', `the groups of agent ${row.agent_id} are in ${row.pools} pools instead of one: nothing serialises what he is given`);
  const days = readRows<{ group_id: string; business_day: string | null }>(
    sql,
    'SELECT g.group_id, p.business_day::text FROM groups g LEFT JOIN group_pools USING (group_id) LEFT JOIN pools p USING (pool_id) ORDER BY g.group_id',
  );
  for await (const row of days) {
    const day = replay.world.groups.get(row.group_id)?.day ?? '-infinity';
    // A pool may be a day ahead of a group that joined it and was not asked for since.
    if (row.business_day === null || row.business_day < day)
      findings.report('I8', `the pool of group ${row.group_id} is at ${row.business_day ?? 'no pool'}, its history at ${day}`);
  }
}
