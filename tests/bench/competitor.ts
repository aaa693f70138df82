import { readFileSync } from 'node:fs';
import pg from 'pg';

const STATEMENT = readFileSync(new URL('./l1.sql', import.meta.url), 'utf8');

/** The hand-written one-ticket transaction with no service at all, on the same server. */
export interface Competitor {
  /** One ticket, committed. */
  createTicket(): Promise<void>;
  close(): Promise<void>;
}

/** Makes its tables with as many agents, and opens a connection for each ticket in flight. */
export async function openCompetitor(url: string, agents: number, connections: number): Promise<Competitor> {
  const pool = new pg.Pool({ connectionString: url, max: connections, min: connections });
  await pool.query(`
    CREATE TABLE IF NOT EXISTS l1_agents (agent_id text PRIMARY KEY, assigned integer NOT NULL DEFAULT 0) WITH (fillfactor = 50);
    CREATE TABLE IF NOT EXISTS l1_tickets (ticket_id uuid PRIMARY KEY, agent_id text NOT NULL, user_id bigint NOT NULL, title text NOT NULL, create_time timestamptz NOT NULL DEFAULT now());
    CREATE TABLE IF NOT EXISTS l1_audit (entry_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, entity_id uuid NOT NULL, actor text NOT NULL, after jsonb, time timestamptz NOT NULL DEFAULT now())`);
  await pool.query(`INSERT INTO l1_agents (agent_id) SELECT 'agent-' || i FROM generate_series(1, $1::integer) i ON CONFLICT DO NOTHING`, [agents]);
  return {
    async createTicket() {
      await pool.query({ name: 'l1', text: STATEMENT, values: [7, 'a ticket'] });
    },
    close: () => pool.end(),
  };
}
