import type { Unit } from '../../foundation/commands/command.ts';
import type { LockedPool } from '../../foundation/database/pools.ts';
import { prepared } from '../../foundation/database/prepared.ts';
import type { Sql } from '../../foundation/database/sql.ts';

/** What a change touches: groups by name, and agents with all groups that they are members of or hold pending tickets of. */
export interface PoolNeed {
  readonly groupIds?: readonly string[];
  readonly agentIds?: readonly string[];
}

// Memberships and pools by key, one by one (OFFSET 0), however few there were when the plan was made.
const FIND_POOLS = prepared(
  `SELECT DISTINCT need.at, pool.pool_id
     FROM (
       SELECT at, group_id FROM unnest($1::integer[], $2::uuid[]) AS named(at, group_id)
       UNION ALL
       SELECT at, own.group_id FROM unnest($3::integer[], $4::text[]) AS theirs(at, agent_id)
       CROSS JOIN LATERAL (SELECT m.group_id FROM memberships m WHERE m.agent_id = theirs.agent_id OFFSET 0) own
       UNION ALL
       -- Who was taken out of a group with very many tickets holds some of them until a job has dealt them out.
       SELECT at, held.group_id FROM unnest($3::integer[], $4::text[]) AS theirs(at, agent_id)
       CROSS JOIN LATERAL (SELECT DISTINCT group_id FROM tickets t WHERE t.agent_id = theirs.agent_id AND t.status <= 3) held
     ) need
     CROSS JOIN LATERAL (SELECT p.pool_id FROM group_pools p WHERE p.group_id = need.group_id OFFSET 0) pool
     ORDER BY need.at, pool.pool_id`,
);

/** The pools that each of these changes needs, ids ascending; read without a lock. Groups that are not there need none. */
export async function findPools(sql: Sql, needs: readonly PoolNeed[]): Promise<readonly string[][]> {
  const groups = needs.flatMap(({ groupIds = [] }, at) => groupIds.map((id) => [at, id] as const));
  const agents = needs.flatMap(({ agentIds = [] }, at) => agentIds.map((id) => [at, id] as const));
  const found: string[][] = needs.map(() => []);
  if (groups.length + agents.length === 0) return found;
  const rows = await sql<{ at: number; pool_id: string }>(FIND_POOLS, [
    groups.map(([at]) => at),
    groups.map(([, id]) => id),
    agents.map(([at]) => at),
    agents.map(([, id]) => id),
  ]);
  for (const row of rows) found[row.at]?.push(row.pool_id);
  return found;
}

/** Makes the pool of a new group. */
export async function createPool(sql: Sql, groupId: string): Promise<void> {
  await sql(
    `WITH pool AS (INSERT INTO pools DEFAULT VALUES RETURNING pool_id)
     INSERT INTO group_pools (group_id, pool_id) SELECT $1::uuid, pool_id FROM pool`,
    [groupId],
  );
}

/**
 * Makes one pool of all those that the given groups and agents are in: before an agent becomes a member
 * of groups of several pools. The unit holds all of them. The survivor is the one that has gone furthest
 * in days, since no pool's day goes backwards; whoever waits for a merged one finds it gone and looks again.
 */
export async function mergePools(unit: Unit, need: PoolNeed): Promise<void> {
  const [poolIds = []] = await findPools(unit.sql, [need]);
  if (poolIds.length < 2) return;
  const [survivor, ...merged] = poolIds.map((poolId) => heldPool(unit, poolId)).sort(furthestFirst);
  if (!survivor) return;
  const mergedIds = merged.map((pool) => pool.poolId);
  // The new day of these groups goes on record with the pool that they still have.
  await unit.sql(
    'UPDATE pools SET business_day = $2, day_start_time = $3 WHERE pool_id = ANY ($1::bigint[]) AND (business_day, day_start_time) IS DISTINCT FROM ($2::date, $3::timestamptz)',
    [mergedIds, survivor.businessDay, survivor.dayStart],
  );
  await unit.sql('UPDATE group_pools SET pool_id = $2 WHERE pool_id = ANY ($1::bigint[])', [mergedIds, survivor.poolId]);
  await unit.sql('UPDATE pools SET sequence = sequence + 1 WHERE pool_id = $1', [survivor.poolId]);
  await unit.sql('DELETE FROM pools WHERE pool_id = ANY ($1::bigint[])', [mergedIds]);
}

function heldPool(unit: Unit, poolId: string): LockedPool {
  const pool = unit.pools.get(poolId);
  if (!pool) throw new Error(`pool ${poolId} is to be merged but is not held`);
  return pool;
}

function furthestFirst(a: LockedPool, b: LockedPool): number {
  if (a.businessDay !== b.businessDay) return a.businessDay > b.businessDay ? -1 : 1;
  return BigInt(a.poolId) < BigInt(b.poolId) ? -1 : 1;
}
