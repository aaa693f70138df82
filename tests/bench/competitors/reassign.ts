import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { migrate } from '../../../src/foundation/database/migrate.ts';
import type { Subject } from '../load/subject.ts';

/** A database of Docket's form without a service on it. */
export interface ReassignByHandParameters {
  readonly databaseUrl: string;
}

/** What tickets are called that are dealt out again and again. */
export const DEALT_TITLE = 'To be dealt out';

const textOf = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');
const REASSIGN = textOf('./reassign.sql');
const FURNISH = textOf('../generate/furnish.sql');

/** One group of so many agents, each with as many of the tickets, under all triggers. */
export async function makeDealtTickets(databaseUrl: string, agents: number, tickets: number): Promise<void> {
  await migrate({ url: databaseUrl });
  const client = await connect(databaseUrl);
  await client.query(FURNISH, [1, agents, '2026-01-01']);
  await client.query(
    `INSERT INTO tickets (ticket_id, key, group_id, user_id, agent_id, status, priority, title, create_time, update_time, assign_time)
     SELECT gen_random_uuid(), 'G1-' || n, group_id, n, 'agent-' || 1 + n % $1, 1, 2, $3, docket_now(), docket_now(), docket_now() FROM groups, generate_series(1, $2::integer) n`,
    [agents, tickets, DEALT_TITLE],
  );
  await client.query(`UPDATE agent_counters SET open_tickets = $1`, [tickets / agents]);
  await client.query('VACUUM ANALYZE');
  await client.query('CHECKPOINT');
  await client.end();
}

async function connect(databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl, options: '-c search_path=docket -c timezone=UTC -c jit=off' });
  await client.connect();
  return client;
}

/** Deals all of them out again, in one transaction under the pool's lock. */
export async function openReassignByHand({ databaseUrl }: ReassignByHandParameters): Promise<Subject> {
  const client = await connect(databaseUrl);
  const [group] = (await client.query<{ group_id: string }>('SELECT group_id FROM groups')).rows;
  let shift = 1;
  return {
    async call() {
      const request = randomUUID();
      await client.query('BEGIN');
      await client.query('SELECT FROM pools ORDER BY pool_id FOR UPDATE');
      await client.query('UPDATE pools SET sequence = sequence + 1, business_day = docket_now()::date');
      await client.query(
        `INSERT INTO requests (request_key, actor, actor_kind, rpc, request_id, reason, body_hash) VALUES ($1, 'by hand', 'SERVICE', 'Reassign', $1, '', '')`,
        [request],
      );
      await client.query(`SELECT set_config('docket.request', $1, true)`, [request]);
      const { rowCount } = await client.query(REASSIGN, [group?.group_id, request, shift++]);
      await client.query('COMMIT');
      if (!rowCount) throw new Error('nothing was dealt out');
      return 0;
    },
    close: () => client.end(),
  };
}
