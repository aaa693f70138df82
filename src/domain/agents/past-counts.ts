import type { Day, Instant } from '../../foundation/clock.ts';
import type { Sql } from '../../foundation/database/sql.ts';
import { hiddenInstant, pastRows } from '../audit/index.ts';

/** What an agent was given and had resolved by an instant. */
export interface PastCounts {
  /** The day that the counts of today are those of. */
  readonly businessDay: Day;
  readonly totalAssigned: string;
  readonly totalResolved: string;
  readonly openTickets: number;
  readonly assignedToday: number;
  readonly resolvedToday: number;
  readonly lastAssignTime: Instant | null;
}

/** Decisions or releases of one agent on one business day: before the instant, or at it, and later. */
interface Tally {
  readonly agentId: string;
  readonly day: Day;
  readonly earlier: number;
  readonly later: number;
  /** Of those the ones that count as resolved; of decisions none. */
  readonly resolvedEarlier: number;
  readonly resolvedLater: number;
  /** The last time before the instant. */
  readonly lastTime: Instant | null;
}

interface Counters {
  readonly agentId: string;
  readonly totalAssigned: number;
  readonly totalResolved: number;
  readonly openTickets: number;
  readonly lastAssignTime: Instant | null;
}

interface CountsRow {
  readonly today: Day;
  readonly counters: readonly Counters[];
  readonly given: readonly Tally[];
  readonly released: readonly Tally[];
}

// Counters are not under audit: what they were is what they are, less what was counted since. Days find the rows: none of a later time is of an earlier day,
// and no zone is further than a day from UTC. One statement, so that the counters are those that the rows lead to.
const tallySql = (table: string, resolved: string): string => `
  (SELECT coalesce(jsonb_agg(tally), '[]') FROM (
     SELECT agent_id AS "agentId", business_day AS day, count(*) FILTER (WHERE time <= $2) AS earlier, count(*) FILTER (WHERE time > $2) AS later,
       count(*) FILTER (WHERE time <= $2 AND ${resolved}) AS "resolvedEarlier", count(*) FILTER (WHERE time > $2 AND ${resolved}) AS "resolvedLater",
       (max(time) FILTER (WHERE time <= $2))::text AS "lastTime"
     FROM ${table} WHERE agent_id = ANY ($1::text[]) AND business_day >= ($2::timestamptz AT TIME ZONE 'UTC')::date - 1 GROUP BY 1, 2
   ) tally)`;

const COUNTS = `
  SELECT ($2::timestamptz AT TIME ZONE s.business_time_zone)::date::text AS today,
    (SELECT coalesce(jsonb_agg(c), '[]') FROM (
       SELECT agent_id AS "agentId", total_assigned AS "totalAssigned", total_resolved AS "totalResolved", open_tickets AS "openTickets",
         last_assign_time::text AS "lastAssignTime" FROM agent_counters WHERE agent_id = ANY ($1::text[])
     ) c) AS counters,
    ${tallySql('assignment_decisions', 'false')} AS given,
    ${tallySql('assignment_releases', 'resolved')} AS released
  FROM ${pastRows('settings', { at: hiddenInstant(2), as: 's' })}`;

/** The counts of agents as of an instant that is settled, by id. */
export async function readCountsAt(sql: Sql, agentIds: readonly string[], at: Instant): Promise<ReadonlyMap<string, PastCounts>> {
  if (agentIds.length === 0) return new Map();
  const [row] = await sql<CountsRow>(COUNTS, [agentIds, at]);
  if (!row) throw new Error('the settings row is missing');
  const counts = new Map<string, PastCounts>();
  for (const agentId of agentIds) {
    const of = <Item extends { readonly agentId: string }>(items: readonly Item[]) => items.filter((item) => item.agentId === agentId);
    const counted = countsOf(row.today, of(row.counters)[0], of(row.given), of(row.released));
    const lost = counted.lastAssignTime === null && Number(counted.totalAssigned) > 0;
    counts.set(agentId, lost ? { ...counted, lastAssignTime: await findLastAssignTime(sql, agentId, at) } : counted);
  }
  return counts;
}

function countsOf(today: Day, counters: Counters | undefined, given: readonly Tally[], released: readonly Tally[]): PastCounts {
  const sum = (tallies: readonly Tally[], of: (tally: Tally) => number): number => tallies.reduce((total, tally) => total + of(tally), 0);
  const assignedLater = sum(given, ({ later }) => later);
  const counted = [...given, ...released].filter(({ earlier }) => earlier > 0).map(({ day }) => day);
  // A day that was begun is not taken back when the business time zone moves.
  const businessDay = [today, ...counted].sort().at(-1) ?? today;
  const ofDay = (tallies: readonly Tally[]) => tallies.filter(({ day }) => day === businessDay);
  return {
    businessDay,
    totalAssigned: String((counters?.totalAssigned ?? 0) - assignedLater),
    totalResolved: String((counters?.totalResolved ?? 0) - sum(released, ({ resolvedLater }) => resolvedLater)),
    openTickets: (counters?.openTickets ?? 0) - assignedLater + sum(released, ({ later }) => later),
    assignedToday: sum(ofDay(given), ({ earlier }) => earlier),
    resolvedToday: sum(ofDay(released), ({ resolvedEarlier }) => resolvedEarlier),
    lastAssignTime:
      assignedLater === 0
        ? (counters?.lastAssignTime ?? null)
        : (given
            .map(({ lastTime }) => lastTime)
            .filter(isTime)
            .sort()
            .at(-1) ?? null),
  };
}

const isTime = (time: Instant | null): time is Instant => time !== null;

/** Further back than a day or two, in ever longer spans: decisions are found by their days. */
async function findLastAssignTime(sql: Sql, agentId: string, at: Instant): Promise<Instant | null> {
  for (const days of [30, 1_000, 1_000_000]) {
    const [row] = await sql<{ time: Instant | null }>(
      `SELECT max(time)::text AS time FROM assignment_decisions
       WHERE agent_id = $1 AND time <= $2 AND business_day >= ($2::timestamptz AT TIME ZONE 'UTC')::date - $3::integer`,
      [agentId, at, days],
    );
    if (row?.time) return row.time;
  }
  return null;
}
