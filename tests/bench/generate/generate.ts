import { readFileSync } from 'node:fs';
import pg from 'pg';
import { migrate } from '../../../src/foundation/database/migrate.ts';
import { FIRST_USER, USERS } from '../load/subjects/create-ticket.ts';
import { takeIndexesAway } from './indexes.ts';

/** What a generated database holds. */
export interface Stock {
  readonly tickets: number;
  readonly groups: number;
  readonly agentsPerGroup: number;
}

/** Bytes on disk of one generated ticket with its audit entry, its decision and all their indexes; measured. */
export const BYTES_PER_TICKET = 1_600;

const DAYS = 365;
const SETTINGS = `SET search_path = docket; SET timezone = 'UTC'; SET synchronous_commit = off; SET jit = off; SET work_mem = '256MB'; SET maintenance_work_mem = '1GB'`;
const textOf = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');
const DAY = { name: 'day', text: textOf('./day.sql') };

/**
 * Brings an empty database to the newest schema and fills it with a year of tickets that ends yesterday, spread
 * over groups, agents, states, priorities and users: set-wise, a day at a time, on two connections. Decisions,
 * counters, audit entries in the partitions of their months: everything that the invariant checker looks at is there.
 */
export async function generate(databaseUrl: string, stock: Stock): Promise<void> {
  await migrate({ url: databaseUrl });
  const client = await connect(databaseUrl);
  try {
    await makePartitions(client);
    const found = await client.query<{ day: string }>(`SELECT (current_date - $1::integer + n)::text AS day FROM generate_series(0, $1::integer - 1) n`, [
      DAYS,
    ]);
    const days = found.rows.map(({ day }) => day);
    await client.query(textOf('./furnish.sql'), [stock.groups, stock.agentsPerGroup, days[0]]);
    const putIndexesBack = await takeIndexesAway(client);
    await Promise.all(Array.from({ length: WRITERS }, (_, writer) => fill(databaseUrl, stock, days, writer)));
    await putIndexesBack();
    await client.query(textOf('./counters.sql'));
    await client.query(
      'UPDATE group_counters c SET last_ticket_number = t.tickets FROM (SELECT group_id, count(*) AS tickets FROM tickets GROUP BY group_id) t WHERE c.group_id = t.group_id',
    );
    await settleLog(client);
    await client.query('VACUUM ANALYZE');
    await client.query('CHECKPOINT');
  } finally {
    await client.end();
  }
}

/** Connections that fill at once: as many as the smallest machine has cores. */
const WRITERS = 2;

/** Every writer has groups of his own, hence pools of his own: numbers of the sequence rise with the days in each. */
async function fill(databaseUrl: string, stock: Stock, days: readonly string[], writer: number): Promise<void> {
  const { tickets, groups, agentsPerGroup } = stock;
  const client = await connect(databaseUrl);
  try {
    let first = 0;
    for (const [at, day] of days.entries()) {
      const count = Math.round((tickets * (at + 1)) / days.length) - first;
      await client.query('BEGIN');
      // The trigger of the pools puts the day on record.
      await client.query(
        `UPDATE pools SET business_day = $1 WHERE pool_id IN (SELECT pool_id FROM group_pools JOIN groups USING (group_id) WHERE (substring(key FROM 2)::integer - 1) % $2 = $3)`,
        [day, WRITERS, writer],
      );
      await client.query(`SET LOCAL session_replication_role = 'replica'`);
      await client.query({ ...DAY, values: [day, first, count, groups, agentsPerGroup, FIRST_USER, USERS, WRITERS, writer] });
      await client.query('COMMIT');
      first += count;
    }
  } finally {
    await client.end();
  }
}

async function connect(databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(SETTINGS);
  return client;
}

/** Partitions of the log for the months before this one: a service that has run for a year has them. */
async function makePartitions(client: pg.Client): Promise<void> {
  await client.query(`SELECT make_month(parted, date_trunc('month', docket_now() AT TIME ZONE 'UTC') - make_interval(months => back))
    FROM generate_series(1, 12) back, unnest('{audit_entries,sealed_entries}'::text[]) parted`);
}

/** What is generated is not sealed, which would take as long again: a first seal of nothing says that all up to here is settled. */
async function settleLog(client: pg.Client): Promise<void> {
  await client.query(`INSERT INTO audit_seals (seal, epoch, first_sequence, last_sequence, month, merkle_root, previous_hash, hash, time, settled_entry_id, server, epoch_entry_id)
    SELECT 1, 1, 1, 0, docket_now(), '', '', sha256(''), docket_now(), last_value, system_identifier, 0 FROM audit_entry_ids, pg_control_system()`);
}
