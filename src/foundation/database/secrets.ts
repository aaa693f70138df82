import { randomBytes } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import { sqlOf } from './sql.ts';

const KEY_BYTES = 32;

// By the configuration, which all forks of one entity manager share: several databases in one process stay apart.
const keys = new WeakMap<object, Promise<Uint8Array>>();

/**
 * The key that page tokens are signed with: 32 random bytes, made once for each deployment and the
 * same in all of its processes. Read once, then remembered.
 */
export function pageTokenKey(em: EntityManager): Promise<Uint8Array> {
  const known = keys.get(em.config);
  if (known) return known;
  const reading = readOrMake(em, 'page_token_key');
  keys.set(em.config, reading);
  reading.catch(() => keys.delete(em.config));
  return reading;
}

async function readOrMake(em: EntityManager, name: string): Promise<Uint8Array> {
  // A fork of its own: the caller's signal may end his call, not this.
  const sql = sqlOf(em.fork({ clear: true, useContext: false }));
  const find = () => sql<{ secret: Uint8Array }>('SELECT secret FROM deployment_secrets WHERE name = $1', [name]);
  let [row] = await find();
  if (!row) {
    // Several processes may come here at once: the first one's key counts.
    await sql('INSERT INTO deployment_secrets (name, secret) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING', [name, randomBytes(KEY_BYTES)]);
    [row] = await find();
  }
  if (!row) throw new Error(`the secret ${name} is missing`);
  return row.secret;
}
