import { readFileSync } from 'node:fs';
import pg from 'pg';
import type { Subject } from '../load/subject.ts';

/** Where the hand-written tables are. */
export interface HandWrittenParameters {
  readonly databaseUrl: string;
}

/** Tickets in one transaction of L64. */
export const L64_TICKETS = 64;

const textOf = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');
const L1 = { name: 'l1', text: textOf('./l1.sql') };
const L64 = { name: 'l64', text: textOf('./l64.sql') };
const LOCK = { name: 'lock', text: 'SELECT FROM l1_pool FOR UPDATE' };

const TABLES = `
  CREATE TABLE l1_pool (pool_id integer PRIMARY KEY) WITH (fillfactor = 50);
  INSERT INTO l1_pool VALUES (1);
  CREATE TABLE l1_agents (agent_id text PRIMARY KEY, assigned integer NOT NULL DEFAULT 0) WITH (fillfactor = 50);
  CREATE TABLE l1_tickets (ticket_id uuid PRIMARY KEY, agent_id text NOT NULL, user_id bigint NOT NULL, title text NOT NULL, create_time timestamptz NOT NULL DEFAULT now());
  CREATE TABLE l1_audit (entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, entity_id uuid NOT NULL, actor text NOT NULL, after jsonb, time timestamptz NOT NULL DEFAULT now())`;

/** Makes the tables of L1, L1x and L64 in an empty database, with so many agents. */
export async function makeHandWrittenTables(databaseUrl: string, agents: number): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(TABLES);
  await client.query(`INSERT INTO l1_agents (agent_id) SELECT 'agent-' || i FROM generate_series(1, $1::integer) i`, [agents]);
  await client.end();
}

/** A connection for each worker; statements are prepared on first use. */
export async function openConnections(databaseUrl: string, inFlight: number): Promise<pg.Client[]> {
  const clients = Array.from({ length: inFlight }, () => new pg.Client({ connectionString: databaseUrl }));
  for (const client of clients) await client.connect();
  return clients;
}

const values = (): unknown[] => [Math.floor(Math.random() * 1e6) + 1, 'Cannot log in'];

async function openWith({ databaseUrl }: HandWrittenParameters, inFlight: number, once: (client: pg.Client) => Promise<number>): Promise<Subject> {
  const clients = await openConnections(databaseUrl, inFlight);
  return {
    async call(worker) {
      for (;;) {
        const tickets = await once(clients[worker] as pg.Client);
        // None when all agents were locked at that moment: an honest program asks again.
        if (tickets > 0) return tickets;
      }
    },
    async close() {
      for (const client of clients) await client.end();
    },
  };
}

async function inTransaction(client: pg.Client, statement: pg.QueryConfig): Promise<number> {
  await client.query('BEGIN');
  await client.query(LOCK);
  const { rowCount } = await client.query(statement);
  await client.query('COMMIT');
  return rowCount ?? 0;
}

/** L1: one ticket, one prepared statement, committed by itself. Fast and unfair. */
export const openL1 = (parameters: HandWrittenParameters, inFlight: number): Promise<Subject> =>
  openWith(parameters, inFlight, async (client) => (await client.query({ ...L1, values: values() })).rowCount ?? 0);

/** L1x: one ticket, exact: the pool's row locked first, then the same statement, in one transaction. */
export const openL1x = (parameters: HandWrittenParameters, inFlight: number): Promise<Subject> =>
  openWith(parameters, inFlight, (client) => inTransaction(client, { ...L1, values: values() }));

/** L64: 64 tickets in one exact transaction. */
export const openL64 = (parameters: HandWrittenParameters, inFlight: number): Promise<Subject> =>
  openWith(parameters, inFlight, (client) => inTransaction(client, { ...L64, values: [...values(), L64_TICKETS] }));
