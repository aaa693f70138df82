import type { Day, Instant } from '../clock.ts';
import { prepared } from './prepared.ts';
import type { Sql } from './sql.ts';

/** A pool whose row this transaction holds. */
export interface LockedPool {
  readonly poolId: string;
  /** Rises with every batch and every change of the roster. */
  readonly sequence: string;
  /** Rises with every change of the roster, by whomever. */
  readonly rosterSequence: string;
  readonly businessDay: Day;
  /** When that day began. */
  readonly dayStart: Instant;
}

/** What is true once the locks are held. */
export interface HeldPools {
  readonly now: Instant;
  readonly today: Day;
  readonly pools: ReadonlyMap<string, LockedPool>;
}

/** Numbers of the assignment sequence come in blocks of this many: its increment. */
const NUMBERS_PER_BLOCK = 64;

const LOCK_POOLS = prepared('SELECT FROM pools WHERE pool_id = ANY ($1::bigint[]) ORDER BY pool_id FOR UPDATE');

// A statement of its own, after the lock: one statement would read the time before it waits.
const RAISE_POOLS = prepared(
  `WITH clock AS MATERIALIZED (SELECT docket_now() AS now, business_time_zone AS zone FROM settings),
   day AS (SELECT now, (now AT TIME ZONE zone)::date AS today FROM clock)
   UPDATE pools SET sequence = sequence + 1, business_day = greatest(business_day, day.today)
   FROM day WHERE pool_id = ANY ($1::bigint[])
   RETURNING pool_id, sequence, roster_sequence, business_day::text, day_start_time::text AS day_start, day.now::text, day.today::text`,
);

const TAKE_BLOCKS = prepared(`SELECT nextval('assignment_sequence') AS first FROM generate_series(1, $1::integer)`);

/**
 * Locks pool rows, ids ascending, then reads the time and moves each pool to the day that it is:
 * the day is decided after the lock is held, and never goes backwards. Pools that were merged away
 * meanwhile are missing in the answer.
 */
export async function holdPools(sql: Sql, poolIds: readonly string[]): Promise<HeldPools> {
  const [, rows] = await Promise.all([sql(LOCK_POOLS, [poolIds]), sql<PoolRow>(RAISE_POOLS, [poolIds])]);
  return heldPools(rows);
}

/**
 * Takes at least so many numbers of the assignment sequence, ascending; under the locks of the pools that they are
 * used in. Unused ones leave gaps, which mean nothing.
 */
export async function fetchNumbers(sql: Sql, count: number): Promise<number[]> {
  const blocks = await sql<{ first: string }>(TAKE_BLOCKS, [Math.ceil(count / NUMBERS_PER_BLOCK)]);
  const numbers: number[] = [];
  for (const block of blocks) {
    const first = Number(block.first);
    for (let at = 0; at < NUMBERS_PER_BLOCK; at++) numbers.push(first + at);
  }
  return numbers;
}

interface PoolRow {
  readonly pool_id: string;
  readonly sequence: string;
  readonly roster_sequence: string;
  readonly business_day: Day;
  readonly day_start: Instant;
  readonly now: Instant;
  readonly today: Day;
}

/** The same view without locks and without effect, for a unit that only answers what would happen. */
export async function viewPools(sql: Sql, poolIds: readonly string[]): Promise<HeldPools> {
  const rows = await sql<PoolRow>(
    `WITH clock AS MATERIALIZED (SELECT docket_now() AS now, business_time_zone AS zone FROM settings),
     day AS (SELECT now, zone, (now AT TIME ZONE zone)::date AS today FROM clock)
     SELECT pool_id, sequence, roster_sequence, greatest(business_day, day.today)::text AS business_day, day.now::text, day.today::text,
       (CASE WHEN business_day >= day.today THEN day_start_time ELSE day.today::timestamp AT TIME ZONE day.zone END)::text AS day_start
     FROM pools, day WHERE pool_id = ANY ($1::bigint[])`,
    [poolIds],
  );
  return heldPools(rows);
}

function heldPools(rows: readonly PoolRow[]): HeldPools {
  const [first] = rows;
  return {
    now: first?.now ?? '',
    today: first?.today ?? '',
    pools: new Map(
      rows.map((row) => [
        row.pool_id,
        { poolId: row.pool_id, sequence: row.sequence, rosterSequence: row.roster_sequence, businessDay: row.business_day, dayStart: row.day_start },
      ]),
    ),
  };
}
