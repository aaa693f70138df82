import type { MikroORM } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Author,
  createServiceToken,
  FIRST_ADMINISTRATOR,
  listServiceTokens,
  revokeServiceToken,
  ServiceToken,
  ServiceTokenAmbiguous,
  ServiceTokenNotFound,
  TokenExpired,
  TokenInvalid,
  verifyServiceToken,
} from '../../../src/domain/access/index.ts';
import { openOrm } from '../../../src/foundation/database/orm.ts';
import { type Sql, sqlOf } from '../../../src/foundation/database/sql.ts';
import { createTestDatabase, moveClock, type TestDatabase } from '../../support/database/index.ts';

const author: Author = { actor: 'cli:ada', actorKind: 'USER', rpc: 'cli/token create', reason: 'for the nightly import' };

let database: TestDatabase;
let orm: MikroORM;
let sql: Sql;
beforeAll(async () => {
  database = await createTestDatabase();
  orm = await openOrm({ url: database.url, poolSize: 4, statementTimeoutMs: 10_000, lockTimeoutMs: 5_000, entities: [ServiceToken] });
  sql = sqlOf(orm.em.fork());
});
afterAll(async () => {
  await orm?.close();
  await database?.drop();
});

describe('a service token', () => {
  it('stands for its name, its roles and its agent', async () => {
    const { token } = await createServiceToken(orm.em, author, { name: 'desk', roles: ['service', 'agent'], agentId: 'E-17' });
    const { caller, remainingMs } = await verifyServiceToken(sql, token);
    expect(caller).toEqual({ actor: 'service:desk', actorKind: 'SERVICE', roles: new Set(['agent', 'service']), agentId: 'E-17' });
    expect(remainingMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('is stored as a hash alone: no table holds it afterwards', async () => {
    const { token } = await createServiceToken(orm.em, author, { name: 'secretive', roles: ['auditor'] });
    const secret = token.slice(-43);
    const hash = Buffer.from((await sql<{ secret_hash: Uint8Array }>(`SELECT secret_hash FROM service_tokens WHERE name = 'secretive'`))[0]?.secret_hash ?? []);
    expect(hash).toHaveLength(32);
    for (const table of ['service_tokens', 'audit_entries', 'requests']) {
      const rows = await sql<{ text: string }>(`SELECT t::text AS text FROM ${table} t`);
      expect(rows.some(({ text }) => text.includes(secret))).toBe(false);
      if (table !== 'service_tokens') expect(rows.some(({ text }) => text.includes(hash.toString('hex')))).toBe(false);
    }
  });

  it('is audited under the name of the one who made and revoked it, with his reason', async () => {
    const { prefix } = await createServiceToken(orm.em, author, { name: 'watched', roles: ['admin'] });
    await revokeServiceToken(orm.em, { ...author, actor: 'cli:bob', rpc: 'cli/token revoke', reason: 'leaked' }, prefix);
    const entries = await sql<Record<string, unknown>>(
      `SELECT actor, actor_kind, rpc, reason, operation, changed_fields FROM audit_entries
       WHERE entity_type = 'service_token' AND coalesce(after, before) ->> 'prefix' = $1 ORDER BY entry_id`,
      [prefix],
    );
    expect(entries).toMatchObject([
      { actor: 'cli:ada', actor_kind: 'USER', rpc: 'cli/token create', reason: 'for the nightly import', operation: 'CREATE' },
      { actor: 'cli:bob', actor_kind: 'USER', rpc: 'cli/token revoke', reason: 'leaked', operation: 'UPDATE' },
    ]);
  });

  it('works until the database says that its time is over', async () => {
    const { token } = await createServiceToken(orm.em, author, { name: 'brief', roles: ['service'], expiresInSeconds: 3_600 });
    const { remainingMs } = await verifyServiceToken(sql, token);
    expect(remainingMs).toBeGreaterThan(3_500_000);
    expect(remainingMs).toBeLessThanOrEqual(3_600_000);
    await moveClock(database.url, '1 hour');
    await expect(verifyServiceToken(sql, token)).rejects.toThrow(TokenExpired);
  });

  it('is refused once revoked', async () => {
    const { token } = await createServiceToken(orm.em, author, { name: 'gone', roles: ['service'] });
    expect(await revokeServiceToken(orm.em, author, 'gone')).toMatchObject({ name: 'gone' });
    await expect(verifyServiceToken(sql, token)).rejects.toThrow('has been revoked');
  });

  it('is refused with a true prefix and another secret, without a word about what is stored', async () => {
    const { token } = await createServiceToken(orm.em, author, { name: 'guessed', roles: ['admin'] });
    await revokeServiceToken(orm.em, author, 'guessed');
    const guess = `${token.slice(0, -1)}${token.endsWith('a') ? 'b' : 'a'}`;
    await expect(verifyServiceToken(sql, guess)).rejects.toThrow(new TokenInvalid('the service token is not known'));
  });

  it('is refused when it was never made', async () => {
    await expect(verifyServiceToken(sql, `docket_zzzzzzzz_${'Z'.repeat(43)}`)).rejects.toThrow(TokenInvalid);
    await expect(verifyServiceToken(sql, `docket_' OR 1=1 --`)).rejects.toThrow(TokenInvalid);
  });
});

describe('making a service token', () => {
  it.each([
    ['a name with a blank', { name: 'two words', roles: ['admin'] }, 'name: must be 1 to 64'],
    ['an unknown role', { name: 'x', roles: ['root'] }, 'roles: "root" is not a role'],
    ['no role', { name: 'x', roles: [] }, 'roles: at least one'],
    ['the role agent without an agent', { name: 'x', roles: ['agent'] }, 'agent_id: is needed'],
    ['an impossible agent id', { name: 'x', roles: ['agent'], agentId: 'a b' }, 'agent_id: must be'],
    ['a life of no time', { name: 'x', roles: ['admin'], expiresInSeconds: 0 }, 'expires_in: must be'],
    ['a life of broken seconds', { name: 'x', roles: ['admin'], expiresInSeconds: 90.5 }, 'expires_in: must be'],
    ['a life of a century', { name: 'x', roles: ['admin'], expiresInSeconds: 3_200_000_000 }, 'expires_in: must be'],
    ['the name of the first administrator', { name: FIRST_ADMINISTRATOR, roles: ['admin'] }, 'name: first-administrator is kept'],
  ])('is refused for %s, and leaves nothing behind', async (_, wanted, message) => {
    const count = () => sql('SELECT (SELECT count(*) FROM service_tokens) AS tokens, (SELECT count(*) FROM requests) AS requests');
    const before = await count();
    await expect(createServiceToken(orm.em, author, wanted)).rejects.toThrow(message);
    expect(await count()).toEqual(before);
  });
});

describe('revoking by name', () => {
  it('asks for the prefix when two live tokens share the name', async () => {
    const older = await createServiceToken(orm.em, author, { name: 'twins', roles: ['service'] });
    const newer = await createServiceToken(orm.em, author, { name: 'twins', roles: ['service'] });
    await expect(revokeServiceToken(orm.em, author, 'twins')).rejects.toThrow(ServiceTokenAmbiguous);
    await expect(revokeServiceToken(orm.em, author, 'twins')).rejects.toThrow(older.prefix);
    expect(await revokeServiceToken(orm.em, author, older.prefix)).toEqual({ prefix: older.prefix, name: 'twins' });
    expect(await revokeServiceToken(orm.em, author, 'twins')).toEqual({ prefix: newer.prefix, name: 'twins' });
  });

  it('finds nothing when the token is unknown or revoked already', async () => {
    await expect(revokeServiceToken(orm.em, author, 'nobody')).rejects.toThrow(ServiceTokenNotFound);
    const { prefix } = await createServiceToken(orm.em, author, { name: 'once', roles: ['service'] });
    await revokeServiceToken(orm.em, author, prefix);
    await expect(revokeServiceToken(orm.em, author, prefix)).rejects.toThrow(ServiceTokenNotFound);
  });
});

describe('the list of service tokens', () => {
  it('tells live, expired and revoked ones apart, and does not even read their hashes', async () => {
    await createServiceToken(orm.em, author, { name: 'list-live', roles: ['service'] });
    await createServiceToken(orm.em, author, { name: 'list-expired', roles: ['service'], expiresInSeconds: 60 });
    await moveClock(database.url, '2 minutes');
    await createServiceToken(orm.em, author, { name: 'list-revoked', roles: ['service'] });
    await revokeServiceToken(orm.em, author, 'list-revoked');
    const tokens = (await listServiceTokens(orm.em)).filter(({ name }) => name.startsWith('list-'));
    expect(tokens.map(({ name, state, roles }) => ({ name, state, roles }))).toEqual([
      { name: 'list-revoked', state: 'revoked', roles: ['service'] },
      { name: 'list-expired', state: 'expired', roles: ['service'] },
      { name: 'list-live', state: 'live', roles: ['service'] },
    ]);
    expect(tokens.every(({ secretHash }) => secretHash === undefined)).toBe(true);
  });
});
