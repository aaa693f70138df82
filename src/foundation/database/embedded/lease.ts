import pg from 'pg';
import { owner } from './cluster.ts';

/** Our claim on a running server: as long as somebody holds one, nobody stops it. */
export interface Lease {
  /** Settles when the connection behind the lease is gone, and with it the lease. */
  readonly lost: Promise<void>;
  /** Gives the lease up. True when it was the last one: then the server is ours to stop, and newcomers wait. */
  giveUp(): Promise<boolean>;
  /** Closes the connection behind the lease. */
  close(): Promise<void>;
}

const leaseKey = 0x646f636b;
const connectLimitMs = 10_000;

/** PostgreSQL's and the network's codes for a server that is starting, stopping or full: worth another try. */
const passingCodes = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', '57P01', '57P02', '57P03', '53300']);

/** The URL of a database of an embedded server. */
export function urlOf(port: number, password: string, database: string): string {
  return `postgres://${owner}:${password}@127.0.0.1:${port}/${database}`;
}

/**
 * Connects to a running server, claims it and makes sure that Docket's database is there. A lease is a
 * shared advisory lock, so one whose holder was killed is gone at once, however many hold one.
 * Undefined when the server went away meanwhile; throws when it refuses us.
 */
export async function takeLease(port: number, password: string): Promise<Lease | undefined> {
  const client = new pg.Client({
    connectionString: urlOf(port, password, 'postgres'),
    application_name: 'docket embedded server',
    connectionTimeoutMillis: connectLimitMs,
    keepAlive: true,
  });
  const lost = new Promise<void>((settle) => client.once('end', settle));
  // Losing the connection is expected whenever PostgreSQL stops; `lost` tells of it.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT pg_advisory_lock_shared($1)', [leaseKey]);
    await ensureDatabase(client);
  } catch (cause) {
    await client.end().catch(() => undefined);
    if (isPassing(cause)) return undefined;
    throw new Error('The embedded PostgreSQL refuses the connection; does its password file belong to it?', { cause });
  }
  return {
    lost,
    giveUp: () => giveUp(client),
    close: () => client.end().catch(() => undefined),
  };
}

async function giveUp(client: pg.Client): Promise<boolean> {
  try {
    await client.query('SELECT pg_advisory_unlock_shared($1)', [leaseKey]);
    const { rows } = await client.query<{ last: boolean }>('SELECT pg_try_advisory_lock($1) AS last', [leaseKey]);
    return rows[0]?.last ?? false;
  } catch {
    // The server is going or gone, and everybody's lease with it.
    return true;
  }
}

async function ensureDatabase(client: pg.Client): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [owner]);
  if (rowCount) return;
  await client.query(`CREATE DATABASE ${owner}`).catch((cause: unknown) => {
    // 42P04 and 23505: another start has just made it.
    if (!['42P04', '23505'].includes(codeOf(cause))) throw cause;
  });
}

function isPassing(cause: unknown): boolean {
  return passingCodes.has(codeOf(cause)) || /Connection terminated|timeout expired/.test(String(cause));
}

function codeOf(cause: unknown): string {
  return (cause as { code?: string }).code ?? '';
}
