import { createServer } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedServer } from '../../../foundation/database/embedded/index.ts';

/** Held for as long as a demo runs on a database: `demo` as a number. */
const DEMO_LOCK = 0x64656d6f;

/** A database of the demo's own, empty, that no other demo uses. */
export interface DemoPlace {
  readonly dataDirectory: string;
  close(): Promise<void>;
}

/**
 * The embedded database in `demo` below the data directory; in `demo-2`, `demo-3`, … while other demos run. What an
 * earlier demo left in it is removed. The configured database is never touched.
 */
export async function openDemoPlace(dataDirectory: string, log: (line: string) => void): Promise<DemoPlace> {
  for (let at = 1; ; at += 1) {
    const place = join(dataDirectory, at === 1 ? 'demo' : `demo-${at}`);
    const server = await startEmbeddedServer({ dataDirectory: place, log });
    const client = new pg.Client({ connectionString: server.url });
    // Ended on purpose below; whatever else happens to this connection, only the lock goes with it.
    client.on('error', () => undefined);
    const close = async (): Promise<void> => {
      await client.end().catch(() => undefined);
      await server.close();
    };
    try {
      await client.connect();
      const { rows } = await client.query<{ ours: boolean }>('SELECT pg_try_advisory_lock($1) AS ours', [DEMO_LOCK]);
      if (rows[0]?.ours) {
        await client.query('SET client_min_messages = error; DROP SCHEMA IF EXISTS docket CASCADE; DROP SCHEMA IF EXISTS pgboss CASCADE');
        return { dataDirectory: place, close };
      }
    } catch (error) {
      await close();
      throw error;
    }
    await close();
  }
}

/** The port if nobody uses it on this host, else 0, which takes a free one. */
export function portOrFree(host: string, port: number): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(0));
    probe.listen(port, host, () => probe.close(() => resolve(port)));
  });
}
