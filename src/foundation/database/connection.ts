import type { EntityManager } from '@mikro-orm/postgresql';
import { Client } from 'pg';
import { SERVICE_ROLE } from './names.ts';

/** What it takes to open a connection like those of the pool, in a form that crosses threads. */
export interface ConnectionPlace {
  readonly url: string;
  /** Settings of the session, as `-c name=value`. */
  readonly options: string;
  readonly takesRole: boolean;
}

const PATIENCE_MS = 10_000;

/** Where an entity manager's connections lead to. */
export function placeOf(em: EntityManager): ConnectionPlace {
  const { options, verify } = em.config.get('driverOptions') as { readonly options: string; readonly verify?: unknown };
  return { url: em.config.get('clientUrl') as string, options, takesRole: verify !== undefined };
}

/** Opens a connection outside the pool, with its settings and under the service's role; whoever opened it ends it. */
export async function openConnection({ url, options, takesRole }: ConnectionPlace): Promise<Client> {
  const client = new Client({ connectionString: url, options, application_name: 'docket', connectionTimeoutMillis: PATIENCE_MS, keepAlive: true });
  await client.connect();
  if (takesRole) await client.query(`SET ROLE ${SERVICE_ROLE}`);
  return client;
}
