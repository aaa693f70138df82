import { readFileSync } from 'node:fs';
import pg from 'pg';
import { migrate } from '../../../../src/foundation/database/migrate.ts';

const textOf = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');

/** Docket's own tables with all their indexes and triggers, one group with so many agents, and the function of Least; answers the group's id. */
export async function makeLeastTables(databaseUrl: string, agents: number): Promise<string> {
  await migrate({ url: databaseUrl });
  return inDatabase(databaseUrl, async (client) => {
    await client.query(textOf('../../generate/furnish.sql'), [1, agents, new Date().toISOString().slice(0, 10)]);
    await client.query(textOf('./function.sql'));
  });
}

/** The tables of Thin in an empty database, one group with so many agents; answers the group's id. */
export function makeThinTables(databaseUrl: string, agents: number): Promise<string> {
  return inDatabase(databaseUrl, async (client) => {
    await client.query(textOf('./thin.sql'));
    await client.query(`INSERT INTO agent_counters (agent_id) SELECT 'agent-' || i FROM generate_series(1, $1::integer) i`, [agents]);
  });
}

async function inDatabase(databaseUrl: string, fill: (client: pg.Client) => Promise<void>): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl, options: '-c search_path=docket' });
  await client.connect();
  try {
    await fill(client);
    await client.query('VACUUM ANALYZE');
    const found = await client.query<{ group_id: string }>('SELECT group_id FROM groups');
    return found.rows[0]?.group_id as string;
  } finally {
    await client.end();
  }
}
