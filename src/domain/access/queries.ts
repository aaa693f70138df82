import type { EntityManager } from '@mikro-orm/postgresql';
import type { Caller, Role } from '../../foundation/context.ts';
import type { Sql } from '../../foundation/database/sql.ts';
import { ServiceToken } from './entity.ts';
import { TokenExpired, TokenInvalid } from './errors.ts';
import { actorOfServiceToken, isRole, isTokenOfHash, nameOfActor, prefixOfServiceToken } from './rules.ts';

/** Who a service token speaks for, and for how many milliseconds it still will; Infinity when it does not expire. */
export interface VerifiedServiceToken {
  readonly caller: Caller;
  readonly remainingMs: number;
}

/**
 * Checks a service token against the database as it is now. Throws `TokenInvalid` when it is
 * malformed, unknown or revoked, `TokenExpired` when its time is over. What was wrong is told only
 * to those who hold the whole token.
 */
export async function verifyServiceToken(sql: Sql, token: string): Promise<VerifiedServiceToken> {
  const found = await findServiceToken(sql, token);
  if (found === undefined) throw new TokenInvalid('the service token is not known');
  if (found.revoked) throw new TokenInvalid('the service token has been revoked');
  if (found.remainingMs <= 0) throw new TokenExpired();
  return found;
}

/** What is stored of this very token, whether it still works or not. */
export async function findServiceToken(sql: Sql, token: string): Promise<(VerifiedServiceToken & { readonly revoked: boolean }) | undefined> {
  const prefix = prefixOfServiceToken(token);
  if (prefix === undefined) return undefined;
  const [row] = await sql<{ name: string; roles: string[]; agent_id: string | null; secret_hash: Uint8Array; revoked: boolean; remaining_ms: number | null }>(
    `SELECT name, to_jsonb(roles) AS roles, agent_id, secret_hash, revoke_time IS NOT NULL AS revoked,
       (extract(epoch FROM expire_time - docket_now()) * 1000)::float8 AS remaining_ms
     FROM service_tokens WHERE prefix = $1`,
    [prefix],
  );
  if (row === undefined || !isTokenOfHash(token, row.secret_hash)) return undefined;
  const caller: Caller = {
    actor: actorOfServiceToken(row.name),
    actorKind: 'SERVICE',
    roles: new Set(row.roles.filter(isRole)),
    agentId: row.agent_id ?? undefined,
  };
  return { caller, revoked: row.revoked, remainingMs: row.remaining_ms ?? Number.POSITIVE_INFINITY };
}

/**
 * The roles that the tokens of a service still give it, by the actor that the audit log knows it as; none when they were revoked or have
 * expired, undefined when there never was such a token.
 */
export async function findRolesOfService(sql: Sql, actor: string): Promise<Role[] | undefined> {
  const rows = await sql<{ roles: string[]; live: boolean }>(
    `SELECT to_jsonb(roles) AS roles, revoke_time IS NULL AND (expire_time IS NULL OR expire_time > docket_now()) AS live
     FROM service_tokens WHERE name = $1`,
    [nameOfActor(actor)],
  );
  return rows.length === 0 ? undefined : rows.flatMap(({ roles, live }) => (live ? roles.filter(isRole) : []));
}

/** All service tokens, newest first, revoked and expired ones too; their hashes are not read. */
export async function listServiceTokens(em: EntityManager): Promise<ServiceToken[]> {
  return em.fork().find(ServiceToken, {}, { orderBy: { createTime: 'desc', tokenId: 'desc' } });
}
