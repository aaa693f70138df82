import { Int32ValueSchema } from '@bufbuild/protobuf/wkt';
import { loneCommand } from '../../../foundation/commands/lone.ts';
import { BATCH_CAP } from '../../../foundation/commands/waiting-line.ts';
import type { Sql } from '../../../foundation/database/sql.ts';

/** A pool that may be coarser than it has to be. */
export interface PoolToSplit {
  readonly poolId: string;
}

/**
 * Splits a pool into the sets of groups that still share agents, the largest of which keeps it; answers
 * how many pools were made. Pools are merged at once when an agent joins a second group, and split here
 * alone: being too coarse costs speed only. Safe to repeat.
 */
export const splitPool = loneCommand<PoolToSplit, typeof Int32ValueSchema>({
  name: 'SplitPool',
  answer: Int32ValueSchema,
  // By itself: whoever came after it in the same unit would need pools that did not exist when it was begun.
  weight: () => BATCH_CAP,
  pools: async (sql, inputs) => {
    const rows = await sql<{ pool_id: string }>('SELECT pool_id FROM pools WHERE pool_id = ANY ($1::bigint[])', [inputs.map(({ poolId }) => poolId)]);
    const there = new Set(rows.map((row) => row.pool_id));
    return inputs.map(({ poolId }) => (there.has(poolId) ? [poolId] : []));
  },
  async plan(unit, { poolId }) {
    const pool = unit.pools.get(poolId);
    const [, ...apart] = pool ? connectedGroups(await readBonds(unit.sql, poolId)) : [];
    if (apart.length === 0) return { answer: { value: 0 } };
    return {
      answer: { value: apart.length },
      async write() {
        for (const groupIds of apart) {
          await unit.sql(
            `WITH pool AS (INSERT INTO pools (business_day, day_start_time) VALUES ($2, $3) RETURNING pool_id)
             UPDATE group_pools SET pool_id = pool.pool_id FROM pool WHERE group_id = ANY ($1::uuid[])`,
            [groupIds, pool?.businessDay, pool?.dayStart],
          );
        }
        return undefined;
      },
    };
  },
});

/** Pools of more than one group: those that there may be something to split of. */
export async function findCoarsePools(sql: Sql): Promise<string[]> {
  const rows = await sql<{ pool_id: string }>('SELECT pool_id FROM group_pools GROUP BY pool_id HAVING count(*) > 1 ORDER BY pool_id');
  return rows.map((row) => row.pool_id);
}

/** A group, and an agent who binds it to his other groups: a member, or one who still holds tickets of it. */
interface Bond {
  readonly group_id: string;
  readonly agent_id: string | null;
}

const readBonds = (sql: Sql, poolId: string): Promise<Bond[]> =>
  sql<Bond>(
    `SELECT group_id, agent_id FROM group_pools LEFT JOIN memberships USING (group_id) WHERE pool_id = $1
     UNION SELECT group_id, agent_id FROM group_pools JOIN tickets USING (group_id) WHERE pool_id = $1 AND agent_id IS NOT NULL AND status <= 3`,
    [poolId],
  );

/** The sets of groups that agents connect, largest first. */
export function connectedGroups(bonds: readonly Bond[]): string[][] {
  const parent = new Map<string, string>();
  const rootOf = (node: string): string => {
    let root = node;
    for (let above = parent.get(root); above !== undefined && above !== root; above = parent.get(root)) root = above;
    parent.set(node, root);
    return root;
  };
  for (const { group_id, agent_id } of bonds) {
    const group = rootOf(`group ${group_id}`);
    if (agent_id !== null) parent.set(rootOf(`agent ${agent_id}`), group);
  }
  const groups = new Set(bonds.map((bond) => bond.group_id));
  return [...Map.groupBy(groups, (groupId) => rootOf(`group ${groupId}`)).values()].sort((a, b) => b.length - a.length);
}
