import type { Replay, WorldAgent } from '../../../domain/assignment/index.ts';
import { readRows } from '../../../foundation/database/rows.ts';
import type { Sql } from '../../../foundation/database/sql.ts';
import type { Findings } from './findings.ts';

interface Counts {
  readonly business_day: string;
  readonly assigned_today: number;
  readonly resolved_today: number;
  readonly total_assigned: number;
  readonly total_resolved: number;
  readonly open_tickets: number;
  readonly last_assigned_sequence: number;
  readonly last_assign_time: string | null;
}

interface CounterRow {
  agent_id: string;
  /** Null when the agent has no counters. */
  counted: Counts | null;
  /** Pending tickets on his desk. */
  held: string;
}

const AGENT_COUNTERS = `SELECT a.agent_id, coalesce(h.held, 0) AS held,
    CASE WHEN c.agent_id IS NOT NULL THEN jsonb_build_object('business_day', c.business_day::text, 'assigned_today', c.assigned_today, 'resolved_today', c.resolved_today,
      'total_assigned', c.total_assigned, 'total_resolved', c.total_resolved, 'open_tickets', c.open_tickets,
      'last_assigned_sequence', c.last_assigned_sequence, 'last_assign_time', c.last_assign_time::text) END AS counted
  FROM agents a LEFT JOIN agent_counters c USING (agent_id)
  LEFT JOIN (SELECT agent_id, count(*) AS held FROM tickets WHERE status <= 3 AND agent_id IS NOT NULL GROUP BY agent_id) h USING (agent_id)
  ORDER BY a.agent_id`;

// Keys are `GROUP-17`: what stands before the last dash is the key of the group that the ticket was made in.
const GROUP_COUNTERS = `SELECT g.group_id, g.key, c.last_ticket_number, coalesce(t.highest, 0) AS highest, coalesce(t.tickets, 0) AS tickets
  FROM groups g LEFT JOIN group_counters c USING (group_id)
  LEFT JOIN (
    SELECT regexp_replace(key, '-[0-9]+$', '') COLLATE "C" AS key, max(substring(key FROM '[0-9]+$')::bigint) AS highest, count(*) AS tickets FROM tickets GROUP BY 1
  ) t USING (key)
  ORDER BY g.group_id`;

interface GroupRow {
  group_id: string;
  key: string;
  last_ticket_number: string | null;
  highest: string;
  tickets: string;
}

/** Holds every counter against a recount: of agents from the replayed history, of groups from the keys of tickets. */
export async function checkCounters(sql: Sql, replay: Replay, findings: Findings): Promise<void> {
  let agents = 0;
  for await (const row of readRows<CounterRow>(sql, AGENT_COUNTERS)) {
    agents += 1;
    const recount = recountOf(replay.world.agents.get(row.agent_id));
    if (recount.open_tickets !== Number(row.held)) {
      findings.report('I6', `agent ${row.agent_id} has ${row.held} pending tickets, by decisions and releases ${recount.open_tickets}`);
    }
    if (!row.counted) findings.report('I6', `agent ${row.agent_id} has no counters`);
    else if (different(row.counted, recount))
      findings.report('I6', `counters of agent ${row.agent_id} differ from the recount: ${differences(row.counted, recount)}`);
  }
  let groups = 0;
  for await (const row of readRows<GroupRow>(sql, GROUP_COUNTERS)) {
    groups += 1;
    if (row.last_ticket_number === null) findings.report('I6', `group ${row.group_id} has no counter`);
    else if (row.last_ticket_number !== row.highest)
      findings.report('I6', `group ${row.group_id} has counted ${row.last_ticket_number} tickets, its highest key is ${row.key}-${row.highest}`);
    if (row.highest !== row.tickets)
      findings.report('I1', `group ${row.group_id} has ${row.tickets} tickets with its key, but the highest is ${row.key}-${row.highest}: some are missing`);
  }
  findings.note('I6', `counters of ${agents} agents and ${groups} groups recounted`);
}

/**
 * Rebuilds all counters from history, in the caller's transaction, which must hold every pool. Answers how
 * many agents and groups had wrong ones.
 */
export async function rebuildCounters(sql: Sql, replay: Replay): Promise<number> {
  const wrong: (Counts & { agent_id: string })[] = [];
  for await (const row of readRows<CounterRow>(sql, AGENT_COUNTERS)) {
    // What lies on a desk is the truth about open tickets, whatever history says.
    const recount = { ...recountOf(replay.world.agents.get(row.agent_id)), open_tickets: Number(row.held) };
    if (!row.counted || different(row.counted, recount)) wrong.push({ agent_id: row.agent_id, ...recount });
  }
  await sql(
    `INSERT INTO agent_counters (agent_id, business_day, assigned_today, resolved_today, total_assigned, total_resolved, open_tickets, last_assigned_sequence, last_assign_time)
     SELECT * FROM jsonb_to_recordset($1::jsonb) AS recount(agent_id text, business_day date, assigned_today integer, resolved_today integer, total_assigned bigint,
       total_resolved bigint, open_tickets integer, last_assigned_sequence bigint, last_assign_time timestamptz)
     ON CONFLICT (agent_id) DO UPDATE SET business_day = excluded.business_day, assigned_today = excluded.assigned_today, resolved_today = excluded.resolved_today,
       total_assigned = excluded.total_assigned, total_resolved = excluded.total_resolved, open_tickets = excluded.open_tickets,
       last_assigned_sequence = excluded.last_assigned_sequence, last_assign_time = excluded.last_assign_time`,
    [JSON.stringify(wrong)],
  );
  const groups = await sql(
    `INSERT INTO group_counters (group_id, last_ticket_number)
     SELECT group_id, highest FROM (${GROUP_COUNTERS}) recount WHERE last_ticket_number IS DISTINCT FROM highest
     ON CONFLICT (group_id) DO UPDATE SET last_ticket_number = excluded.last_ticket_number
     RETURNING 1`,
  );
  return wrong.length + groups.length;
}

function recountOf(agent: WorldAgent | undefined): Counts {
  return {
    business_day: agent?.day ?? '-infinity',
    assigned_today: agent?.assignedToday ?? 0,
    resolved_today: agent?.resolvedToday ?? 0,
    total_assigned: agent?.totalAssigned ?? 0,
    total_resolved: agent?.totalResolved ?? 0,
    open_tickets: agent?.openTickets ?? 0,
    last_assigned_sequence: agent?.lastSequence ?? 0,
    last_assign_time: agent?.lastAssignTime ?? null,
  };
}

const different = (counted: Counts, recount: Counts): boolean => differences(counted, recount) !== '';

function differences(counted: Counts, recount: Counts): string {
  return (Object.keys(recount) as (keyof Counts)[])
    .filter((name) => counted[name] !== recount[name])
    .map((name) => `${name} is ${counted[name]}, recounted ${recount[name]}`)
    .join('; ');
}
