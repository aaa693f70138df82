import { create } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';
import type { MikroORM } from '@mikro-orm/postgresql';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createServiceToken, revokeServiceToken, ServiceToken } from '../../src/domain/access/index.ts';
import { Call, CallCancelled, type Endpoint } from '../../src/edge/rpc/call.ts';
import { makeAuthenticateInterceptor } from '../../src/edge/rpc/interceptors/authenticate.ts';
import { openOrm } from '../../src/foundation/database/orm.ts';
import { type Sql, sqlOf } from '../../src/foundation/database/sql.ts';
import type { DomainError } from '../../src/foundation/errors.ts';
import { createTestDatabase, moveClock, type TestDatabase } from '../support/database/index.ts';
import { bearer, issueToken, refusalOf, startIssuer, trusting, wayIn } from '../support/tokens.ts';

const author = { actor: 'cli:ada', actorKind: 'USER', rpc: 'cli/token', reason: '' } as const;

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
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const recogniser = (through = sql) => wayIn(through, undefined);

describe('a call with a service token', () => {
  const counting = () => {
    const looks = vi.fn();
    const counted: Sql = (text, values) => {
      looks();
      return sql(text, values);
    };
    return { looks, sql: counted };
  };
  const make = (name: string, more: { expiresInSeconds?: number } = {}) => createServiceToken(orm.em, author, { name, roles: ['service'], ...more });

  it('is made by the program that the token was given to', async () => {
    const { token } = await make('crm');
    expect(await recogniser()(`bearer  ${token} `)).toEqual({ actor: 'service:crm', actorKind: 'SERVICE', roles: new Set(['service']), agentId: undefined });
  });

  it('is refused everywhere within five seconds of its revocation', async () => {
    const { token, prefix } = await make('short-lived');
    const processes = [recogniser(), recogniser(), recogniser()];
    for (const authenticate of processes) await authenticate(bearer(token));
    await revokeServiceToken(orm.em, author, prefix);
    vi.advanceTimersByTime(5_000);
    for (const authenticate of processes) expect(await refusalOf(authenticate, bearer(token))).toBe('TOKEN_INVALID');
  });

  it('counts those five seconds from before the look, so that a slow database adds nothing', async () => {
    const { token, prefix } = await make('slow');
    const slow: Sql = async (text, values) => {
      const rows = await sql(text, values);
      vi.advanceTimersByTime(3_000);
      return rows as never;
    };
    const authenticate = recogniser(slow);
    await authenticate(bearer(token));
    await revokeServiceToken(orm.em, author, prefix);
    vi.advanceTimersByTime(2_000);
    expect(await refusalOf(authenticate, bearer(token))).toBe('TOKEN_INVALID');
  });

  it('is refused as expired when its time is over, remembered or not', async () => {
    const { token } = await make('brief', { expiresInSeconds: 60 });
    const authenticate = recogniser();
    await moveClock(database.url, '56 seconds');
    await authenticate(bearer(token));
    await moveClock(database.url, '4 seconds');
    vi.advanceTimersByTime(4_000);
    expect(await refusalOf(authenticate, bearer(token))).toBe('TOKEN_EXPIRED');
  });

  it('is looked up once for many calls at once, and not again for five seconds', async () => {
    const counted = counting();
    const authenticate = recogniser(counted.sql);
    const { token } = await make('busy');
    await Promise.all(Array.from({ length: 50 }, () => authenticate(bearer(token))));
    vi.advanceTimersByTime(4_999);
    await authenticate(bearer(token));
    expect(counted.looks).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1);
    await authenticate(bearer(token));
    expect(counted.looks).toHaveBeenCalledTimes(2);
  });

  it('is looked up once when the token is bad, too', async () => {
    const counted = counting();
    const authenticate = recogniser(counted.sql);
    const bad = bearer(`docket_zzzzzzzz_${'Z'.repeat(43)}`);
    for (let time = 0; time < 10; time += 1) expect(await refusalOf(authenticate, bad)).toBe('TOKEN_INVALID');
    expect(counted.looks).toHaveBeenCalledTimes(1);
  });

  it('is not forgotten because of a flood of bad tokens', async () => {
    const counted = counting();
    const authenticate = recogniser(async (text, values) => (String(values?.[0]).startsWith('flood') ? [] : counted.sql(text, values)));
    const { token } = await make('steady');
    await authenticate(bearer(token));
    for (let number = 0; number < 12_000; number += 1) {
      await authenticate(bearer(`docket_flood000_${String(number).padStart(43, 'x')}`)).catch(() => undefined);
    }
    await authenticate(bearer(token));
    expect(counted.looks).toHaveBeenCalledTimes(1);
  });

  it("meets the database's own error when it cannot be looked up, and is looked up anew the next time", async () => {
    const { token } = await make('unlucky');
    let broken = true;
    const authenticate = recogniser(async (text, values) => {
      if (broken) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      return sql(text, values);
    });
    await expect(authenticate(bearer(token))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    broken = false;
    expect((await authenticate(bearer(token))).actor).toBe('service:unlucky');
  });
});

describe('a call whose authorization header', () => {
  it('is absent or empty is told that a token is missing', async () => {
    for (const header of [undefined, '', '   ']) expect(await refusalOf(recogniser(), header)).toBe('TOKEN_MISSING');
  });

  it.each([
    'Basic YWRhOmxvdmVsYWNl',
    'Bearer',
    'Bearer ',
    'Bearer a b',
    'Bearer a,b',
    'Bearer a\tb',
    'Bearer ü',
    'token',
    'Bearer ..',
    'Bearer a.b.c',
    'Bearer ====',
    'Bearer docket_',
  ])('is %j is told that it is invalid', async (header) => {
    expect(await refusalOf(recogniser(), header)).toBe('TOKEN_INVALID');
  });

  it('is very long is refused unread, and in no time', async () => {
    const counted = vi.fn(sql);
    const authenticate = recogniser(counted as Sql);
    for (const header of [`Bearer docket_${'x'.repeat(1_000_000)}`, `Bearer ${'a.'.repeat(500_000)}`, `Bearer ${' '.repeat(1_000_000)}!`]) {
      expect(await refusalOf(authenticate, header)).toBe('TOKEN_INVALID');
      await expect(authenticate(header)).rejects.toThrow('the authorization header is longer than 16384 bytes');
    }
    expect(counted).not.toHaveBeenCalled();
    expect(await refusalOf(authenticate, `Bearer ${'='.repeat(16_000)}`)).toBe('TOKEN_INVALID');
    expect(await refusalOf(authenticate, `Bearer ${'a='.repeat(8_000)}`)).toBe('TOKEN_INVALID');
  });

  it('is garbage of any kind meets one of the two refusals, and nothing else', async () => {
    const issuer = await startIssuer();
    const authenticate = wayIn(sql, trusting(issuer));
    const token = await issueToken(issuer);
    const part = fc.oneof(
      fc.base64String(),
      fc.constantFrom(...token.split('.')),
      fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)).toString('base64url')),
    );
    const header = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string().map(bearer),
      fc.array(part, { maxLength: 6 }).map((parts) => bearer(parts.join('.'))),
      fc.stringMatching(/^docket_[0-9a-z]{7,9}_[0-9A-Za-z]{42,44}$/).map(bearer),
    );
    await fc.assert(
      fc.asyncProperty(header, async (garbage) => {
        fc.pre(garbage !== bearer(token));
        const error: unknown = await authenticate(garbage).catch((thrown: unknown) => thrown);
        expect((error as DomainError).reason).toMatch(/^TOKEN_(MISSING|INVALID)$/);
      }),
      { numRuns: 500 },
    );
    await issuer.stop();
  });
});

describe('the layer that finds out who calls', () => {
  class HeaderCall extends Call {
    override readonly transport = 'grpc';
    readonly #authorization: string | undefined;

    constructor(access: Endpoint['access'], authorization: string | undefined) {
      const endpoint = { rpc: 'ticketing.v1.TicketService/GetTicket', access };
      super(endpoint as Endpoint, undefined);
      this.#authorization = authorization;
    }

    override header = (name: string) => (name === 'authorization' ? this.#authorization : undefined);
    override receive = async () => create(EmptySchema);
    override receiveAll = () => expect.fail('nothing may be read before the caller is known');
    override send = async () => undefined;
  }

  it('tells the layers after it who the caller is', async () => {
    const { token } = await createServiceToken(orm.em, author, { name: 'layered', roles: ['admin'] });
    const call = new HeaderCall(new Set(['admin']), bearer(token));
    const next = vi.fn(async () => expect(call.caller?.actor).toBe('service:layered'));
    await makeAuthenticateInterceptor(recogniser())(call, next);
    expect(next).toHaveBeenCalledTimes(1);
  });

  it('turns away who shows no valid token, before anything else happens', async () => {
    const next = vi.fn();
    for (const access of ['token', new Set(['admin'] as const)] as const) {
      await expect(makeAuthenticateInterceptor(recogniser())(new HeaderCall(access, undefined), next)).rejects.toMatchObject({ reason: 'TOKEN_MISSING' });
    }
    expect(next).not.toHaveBeenCalled();
  });

  it('lets everybody through to what is open, whatever token he shows', async () => {
    const next = vi.fn(async () => undefined);
    for (const header of [undefined, 'Bearer nonsense']) await makeAuthenticateInterceptor(recogniser())(new HeaderCall('open', header), next);
    expect(next).toHaveBeenCalledTimes(2);
  });

  it('does not keep a caller waiting who has gone, while the database hangs', async () => {
    const call = new HeaderCall('token', `Bearer docket_zzzzzzzz_${'Z'.repeat(43)}`);
    const hanging = makeAuthenticateInterceptor(recogniser(() => new Promise(() => undefined)))(call, async () => undefined);
    call.abort(new CallCancelled());
    await expect(hanging).rejects.toThrow(CallCancelled);
  });
});
