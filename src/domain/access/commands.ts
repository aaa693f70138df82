import { randomInt } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Role } from '../../foundation/context.ts';
import { type Origin, withRequest } from '../../foundation/database/requests.ts';
import { type Sql, sqlOf } from '../../foundation/database/sql.ts';
import { InvalidField } from '../../foundation/errors.ts';
import { newId } from '../../foundation/ids.ts';
import { ServiceTokenAmbiguous, ServiceTokenNotFound } from './errors.ts';
import { findServiceToken } from './queries.ts';
import { assertAgentId, assertRoles, assertTokenName, composeServiceToken, hashServiceToken } from './rules.ts';

/** Who changes service tokens, by which command, and why: this is what the audit log will say. */
export type Author = Omit<Origin, 'intent'> & { readonly reason: string };

/** What a new service token is to be. */
export interface NewServiceToken {
  /** 1–64 letters, digits and `._@+-`. Tokens of one name are one caller to the audit log. */
  readonly name: string;
  /** Names of roles; at least one. */
  readonly roles: readonly string[];
  /** The agent that its bearer is; needed for the role `agent`. */
  readonly agentId?: string | undefined;
  /** Whole seconds until it expires, from a minute to ten years; undefined for never. */
  readonly expiresInSeconds?: number | undefined;
}

/** A token just made. Nothing can show `token` again: it is not stored. */
export interface MadeServiceToken {
  readonly token: string;
  readonly prefix: string;
  readonly name: string;
  readonly roles: readonly Role[];
}

/** The name that the administrator token of the first start goes by; no other token may take it. */
export const FIRST_ADMINISTRATOR = 'first-administrator';

const shortestLifeSeconds = 60;
const longestLifeSeconds = 10 * 366 * 24 * 60 * 60;

/** Makes a service token. Throws `InvalidField` for a bad name, role, agent id or span. */
export async function createServiceToken(em: EntityManager, author: Author, wanted: NewServiceToken): Promise<MadeServiceToken> {
  return em.fork().transactional(async (tx) => {
    const sql = sqlOf(tx);
    if (wanted.name === FIRST_ADMINISTRATOR) throw new InvalidField('name', `${FIRST_ADMINISTRATOR} is kept for the token of the first start`);
    await withRequest(sql, author);
    return insertServiceToken(sql, wanted);
  });
}

async function insertServiceToken(sql: Sql, wanted: NewServiceToken): Promise<MadeServiceToken> {
  assertTokenName(wanted.name);
  const roles = assertRoles(wanted.roles);
  if (wanted.agentId !== undefined) assertAgentId(wanted.agentId);
  else if (roles.includes('agent')) throw new InvalidField('agent_id', 'is needed for the role agent');
  const life = wanted.expiresInSeconds;
  if (life !== undefined && !(Number.isSafeInteger(life) && life >= shortestLifeSeconds && life <= longestLifeSeconds)) {
    throw new InvalidField('expires_in', 'must be whole seconds from a minute to ten years');
  }
  const { prefix, token } = composeServiceToken((choices) => randomInt(choices));
  await sql(
    `INSERT INTO service_tokens (token_id, prefix, secret_hash, name, roles, agent_id, expire_time)
     VALUES ($1, $2, $3, $4, $5::text[], $6, docket_now() + make_interval(secs => $7))`,
    [newId(), prefix, hashServiceToken(token), wanted.name, roles, wanted.agentId ?? null, life ?? null],
  );
  return { token, prefix, name: wanted.name, roles };
}

/**
 * Revokes the one live service token with this prefix or name; within five seconds no process
 * accepts it any more. Answers its prefix and name. Throws `ServiceTokenNotFound`, or
 * `ServiceTokenAmbiguous` when several live ones share the name.
 */
export async function revokeServiceToken(em: EntityManager, author: Author, prefixOrName: string): Promise<{ readonly prefix: string; readonly name: string }> {
  return em.fork().transactional(async (tx) => {
    const sql = sqlOf(tx);
    // Locked, so that of two revocations at once the second finds nothing.
    const found = await sql<{ token_id: string; prefix: string; name: string }>(
      `SELECT token_id, prefix, name FROM service_tokens
       WHERE $1 IN (prefix, name) AND revoke_time IS NULL ORDER BY token_id FOR UPDATE`,
      [prefixOrName],
    );
    const [token, another] = found;
    if (token === undefined) throw new ServiceTokenNotFound(prefixOrName);
    if (another !== undefined)
      throw new ServiceTokenAmbiguous(
        prefixOrName,
        found.map(({ prefix }) => prefix),
      );
    await withRequest(sql, author);
    await sql('UPDATE service_tokens SET revoke_time = docket_now() WHERE token_id = $1', [token.token_id]);
    return { prefix: token.prefix, name: token.name };
  });
}

const atStart: Author = { actor: 'system', actorKind: 'SYSTEM', rpc: 'start', reason: 'the administrator token of the first start' };

/** What became of the administrator token of the first start. */
export type FirstAdministratorToken =
  | { readonly state: 'kept' | 'made'; readonly token: string }
  /** Somebody revoked it, and that stands. */
  | { readonly state: 'revoked' };

/**
 * Sees to it that this deployment has an administrator token from its first start on. `known` is the
 * token that was kept, undefined when it is lost or there never was one; one that this database does
 * not know counts as lost. A new one is handed to `keep` before it counts, and its lost predecessors
 * are revoked. Several processes may start at once: they take turns, so `known` is asked in its turn.
 */
export async function ensureFirstAdministrator(
  em: EntityManager,
  known: () => Promise<string | undefined>,
  keep: (token: string) => Promise<void>,
): Promise<FirstAdministratorToken> {
  return em.fork().transactional(async (tx) => {
    const sql = sqlOf(tx);
    await sql(`SELECT pg_advisory_xact_lock(hashtext('docket.first_administrator'))`);
    const token = await known();
    const found = token === undefined ? undefined : await findServiceToken(sql, token);
    if (token !== undefined && found) return found.revoked ? { state: 'revoked' } : { state: 'kept', token };
    await withRequest(sql, atStart);
    await sql('UPDATE service_tokens SET revoke_time = docket_now() WHERE name = $1 AND revoke_time IS NULL', [FIRST_ADMINISTRATOR]);
    const made = await insertServiceToken(sql, { name: FIRST_ADMINISTRATOR, roles: ['admin'] });
    await keep(made.token);
    return { state: 'made', token: made.token };
  });
}
