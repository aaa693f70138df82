import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { MikroORM } from '@mikro-orm/postgresql';
import { runCommand } from 'citty';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { FIRST_ADMINISTRATOR, revokeServiceToken, ServiceToken, verifyServiceToken } from '../../../src/domain/access/index.ts';
import { ensureFirstAdministratorToken } from '../../../src/edge/cli/first-administrator-token.ts';
import { createToken, listTokens, makeTokenCommand, revokeToken } from '../../../src/edge/cli/token.ts';
import { openOrm } from '../../../src/foundation/database/orm.ts';
import { type Sql, sqlOf } from '../../../src/foundation/database/sql.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database/index.ts';

let database: TestDatabase;
let orm: MikroORM;
let sql: Sql;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'docket-token-'));
  database = await createTestDatabase();
  orm = await openOrm({ url: database.url, poolSize: 8, statementTimeoutMs: 10_000, lockTimeoutMs: 5_000, entities: [ServiceToken] });
  sql = sqlOf(orm.em.fork());
});
afterAll(async () => {
  await orm?.close();
  await database?.drop();
  await rm(directory, { recursive: true, force: true });
});

const tokenIn = (text: string) => /docket_\w+/.exec(text)?.[0] ?? '';

describe('docket token create', () => {
  it('prints a token that works, with the roles that were asked for', async () => {
    const output = await createToken(orm.em, ['--name', 'crm', '--role', 'service', '--role', 'auditor', '--expires-in', '30d', '--reason', 'new CRM']);
    const { caller, remainingMs } = await verifyServiceToken(sql, tokenIn(output));
    expect(caller).toMatchObject({ actor: 'service:crm', roles: new Set(['service', 'auditor']) });
    expect(Math.round(remainingMs / 86_400_000)).toBe(30);
    const [entry] = await sql<{ actor: string; reason: string }>(`SELECT actor, reason FROM audit_entries WHERE after ->> 'name' = 'crm'`);
    expect(entry).toEqual({ actor: `cli:${userInfo().username}`, reason: 'new CRM' });
  });

  it('takes roles with commas, and the agent that the bearer is', async () => {
    const output = await createToken(orm.em, ['--name=lead', '--role=agent,supervisor', '--agent-id=E-1']);
    expect((await verifyServiceToken(sql, tokenIn(output))).caller).toMatchObject({ roles: new Set(['agent', 'supervisor']), agentId: 'E-1' });
  });

  it.each([
    [['--role', 'admin'], '--name is needed'],
    [['--name', 'x'], 'at least one of'],
    [['--name', 'x', '--role', 'admin', '--expire-in', '30d'], "Unknown option '--expire-in'"],
    [['--name', 'x', '--role', 'admin', '--expires-in', 'soon'], '--expires-in must look like'],
    [['--name', 'x', '--role', 'admin', '--expires-in', '-5d'], '--expires-in'],
    [['--name', 'x', '--role', 'admin', 'extra'], 'Unexpected argument'],
  ])('refuses %j and says what is wrong', async (args, message) => {
    await expect(createToken(orm.em, args)).rejects.toThrow(message);
  });
});

describe('docket token list and revoke', () => {
  it('show every token without its secret, and end the one that is named', async () => {
    const token = tokenIn(await createToken(orm.em, ['--name', 'old-crm', '--role', 'service']));
    const [, prefix = '', secret = ''] = token.split('_');
    const before = await listTokens(orm.em, []);
    expect(before).toMatch(new RegExp(`^${prefix}  old-crm +service +- .* never +live$`, 'm'));
    expect(before).not.toContain(secret);
    expect(await revokeToken(orm.em, ['old-crm'])).toContain(`Token ${prefix} (old-crm) is revoked`);
    expect(await listTokens(orm.em, [])).toMatch(new RegExp(`^${prefix} .* revoked \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\dZ$`, 'm'));
    await expect(revokeToken(orm.em, ['old-crm'])).rejects.toThrow('no live service token');
    await expect(revokeToken(orm.em, [])).rejects.toThrow('give one prefix or name');
  });
});

describe('the command as it is typed', () => {
  afterEach(() => {
    vi.restoreAllMocks();
    process.exitCode = 0;
  });
  const run = async (...rawArgs: string[]) => {
    const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    let closed = 0;
    const close = async (): Promise<void> => {
      closed += 1;
    };
    await runCommand(
      makeTokenCommand(async () => ({ em: orm.em, close })),
      { rawArgs },
    );
    return { out: out.mock.calls.join(''), err: err.mock.calls.join(''), code: process.exitCode, closed };
  };

  it('runs the subcommand and closes the database', async () => {
    const created = await run('create', '--name', 'typed', '--role', 'service', '--role', 'admin');
    expect((await verifyServiceToken(sql, tokenIn(created.out))).caller.roles).toEqual(new Set(['service', 'admin']));
    expect(created).toMatchObject({ err: '', closed: 1 });
  });

  it('ends with exit code 1 and one line when something is wrong', async () => {
    expect(await run('revoke', 'nobody')).toEqual({ out: '', err: 'no live service token has the prefix or name nobody\n', code: 1, closed: 1 });
  });
});

describe('the administrator token of the first start', () => {
  const live = () => sql(`SELECT prefix FROM service_tokens WHERE name = '${FIRST_ADMINISTRATOR}' AND revoke_time IS NULL`);
  const file = (name: string) => join(directory, name, 'administrator-token');
  const made = async (path: string) => {
    const first = await ensureFirstAdministratorToken(orm.em, path);
    if (first.state !== 'made') throw new Error(`expected a new token, not ${first.state}`);
    return first.token;
  };

  it('is made once, kept for its owner alone, and found again by the next start', async () => {
    const token = await made(file('first'));
    expect((await verifyServiceToken(sql, token)).caller.roles).toEqual(new Set(['admin']));
    expect(await readFile(file('first'), 'utf8')).toBe(`${token}\n`);
    expect((await stat(file('first'))).mode & 0o777).toBe(0o600);
    expect(await readdir(join(directory, 'first'))).toEqual(['administrator-token']);
    expect(await ensureFirstAdministratorToken(orm.em, file('first'))).toEqual({ state: 'kept', token });
    expect(await live()).toHaveLength(1);
  });

  it('is closed to others again when its file was opened up', async () => {
    await made(file('open'));
    await chmod(file('open'), 0o644);
    await ensureFirstAdministratorToken(orm.em, file('open'));
    expect((await stat(file('open'))).mode & 0o777).toBe(0o600);
  });

  it('is made anew when the file is lost, and the lost one stops working', async () => {
    const lost = await made(file('lost'));
    await rm(file('lost'));
    const token = await made(file('lost'));
    await expect(verifyServiceToken(sql, lost)).rejects.toThrow('has been revoked');
    await verifyServiceToken(sql, token);
    expect(await live()).toHaveLength(1);
  });

  it('is made anew when the file holds something that this database does not know', async () => {
    await made(file('alien'));
    await writeFile(file('alien'), `docket_zzzzzzzz_${'Z'.repeat(43)}\n`);
    await verifyServiceToken(sql, await made(file('alien')));
  });

  it('stays revoked when an administrator revoked it', async () => {
    await made(file('revoked'));
    await revokeServiceToken(orm.em, { actor: 'cli:ada', actorKind: 'USER', rpc: 'cli/token revoke', reason: '' }, FIRST_ADMINISTRATOR);
    expect(await ensureFirstAdministratorToken(orm.em, file('revoked'))).toEqual({ state: 'revoked' });
    expect(await live()).toHaveLength(0);
  });

  it('is one token even when several processes start at once', async () => {
    const starts = await Promise.all(Array.from({ length: 5 }, () => ensureFirstAdministratorToken(orm.em, file('race'))));
    expect(starts.map(({ state }) => state).sort()).toEqual(['kept', 'kept', 'kept', 'kept', 'made']);
    expect(new Set(starts.map((start) => 'token' in start && start.token)).size).toBe(1);
    expect(await live()).toHaveLength(1);
  });

  it('leaves no token behind when its file cannot be written', async () => {
    const before = await live();
    await writeFile(join(directory, 'not-a-directory'), '');
    await expect(ensureFirstAdministratorToken(orm.em, file('not-a-directory'))).rejects.toThrow('ENOTDIR');
    expect(await live()).toEqual(before);
  });
});
