import { createHmac, createPublicKey, createSign, type JsonWebKey } from 'node:crypto';
import { OAuth2Server } from 'oauth2-mock-server';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Authenticate, IdentityProvider } from '../../src/edge/rpc/interceptors/authenticate.ts';
import { bearer, issueToken, refusalOf, startIssuer, type TokenChanges, trusting, wayIn } from '../support/tokens.ts';

let issuer: OAuth2Server;
let keySetRequests = 0;

// The clock is the only thing that is not real: the issuer answers over a socket.
beforeEach(async () => {
  issuer = await startIssuer();
  keySetRequests = 0;
  const realFetch = globalThis.fetch;
  vi.spyOn(globalThis, 'fetch').mockImplementation((...request) => {
    keySetRequests += 1;
    return realFetch(...request);
  });
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
});
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  if (issuer.listening) await issuer.stop();
});

const noDatabase = () => Promise.reject(new Error('no service token is in play here'));
const recogniser = (more: Partial<IdentityProvider> = {}): Authenticate => wayIn(noDatabase, trusting(issuer, more));
const issue = (changes: TokenChanges = {}) => issueToken(issuer, changes);

describe('a call with a JSON Web Token', () => {
  it('is made by the one whom the issuer names, with the roles that he has', async () => {
    expect(await recogniser()(bearer(await issue({ claims: { roles: ['agent', 'nonsense'] } })))).toEqual({
      actor: 'user:ada',
      actorKind: 'USER',
      roles: new Set(['agent']),
      agentId: 'ada',
    });
  });

  it('is let in without any role, to be permitted nothing', async () => {
    expect((await recogniser()(bearer(await issue({ claims: { roles: undefined } })))).roles.size).toBe(0);
  });

  it('is recognised by other claims where the configuration names them', async () => {
    const authenticate = recogniser({ claims: { roles: 'realm_access.roles', agentId: 'employee_id' }, audiences: ['desk', 'docket'] });
    const token = await issue({ claims: { realm_access: { roles: ['supervisor'] }, employee_id: 'E-17', aud: ['other', 'desk'] } });
    expect(await authenticate(bearer(token))).toMatchObject({ roles: new Set(['supervisor']), agentId: 'E-17' });
  });

  it.each<[string, TokenChanges]>([
    ['another audience', { claims: { aud: 'billing' } }],
    ['no audience', { claims: { aud: undefined } }],
    ['another issuer', { claims: { iss: 'https://elsewhere.example' } }],
    ['no expiry', { claims: { exp: undefined } }],
    ['an expiry that is no number', { claims: { exp: 'never' } }],
    ['no subject', { claims: { sub: undefined } }],
    ['a subject with a line break', { claims: { sub: 'ada\nsystem' } }],
    ['a time from which it counts that lies ahead', { claims: { nbf: 4_102_444_800 } }],
  ])('is refused with %s', async (_, changes) => {
    expect(await refusalOf(recogniser(), bearer(await issue(changes)))).toBe('TOKEN_INVALID');
  });

  it('is refused as expired once its time is over, give or take the clocks', async () => {
    const header = bearer(await issue({ expiresIn: 600 }));
    vi.advanceTimersByTime(604_000);
    expect((await recogniser()(header)).actor).toBe('user:ada');
    vi.advanceTimersByTime(1_000);
    expect(await refusalOf(recogniser(), header)).toBe('TOKEN_EXPIRED');
  });

  it('is refused when signed in a way that is not on the list, though the key is published', async () => {
    await issuer.issuer.keys.generate('ES384', { kid: 'curve' });
    expect(await refusalOf(recogniser(), bearer(await issue({ kid: 'curve' })))).toBe('TOKEN_INVALID');
    expect((await recogniser({ algorithms: ['ES384'] })(bearer(await issue({ kid: 'curve' })))).actor).toBe('user:ada');
  });

  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const forgedWith = async (header: object, sign: (text: string) => string) => {
    const claims = (await issue({ claims: { roles: ['admin'] } })).split('.')[1];
    const text = `${encode(header)}.${claims}`;
    return `${text}.${sign(text)}`;
  };

  it('is refused with an extension that nobody here understands, though rightly signed', async () => {
    const key = issuer.issuer.keys.get('first') as JsonWebKey;
    const sign = (text: string) => createSign('RSA-SHA256').update(text).sign({ key, format: 'jwk' }, 'base64url');
    expect((await recogniser()(bearer(await forgedWith({ alg: 'RS256', kid: 'first' }, sign)))).actor).toBe('user:ada');
    expect(await refusalOf(recogniser(), bearer(await forgedWith({ alg: 'RS256', kid: 'first', crit: ['wish'], wish: 1 }, sign)))).toBe('TOKEN_INVALID');
  });

  it('is refused with no signature, however "none" is spelt', async () => {
    for (const alg of ['none', 'None', 'NONE', '', null]) {
      expect(await refusalOf(recogniser(), bearer(await forgedWith({ alg, kid: 'first' }, () => '')))).toBe('TOKEN_INVALID');
    }
  });

  it('is refused when the published key was used as a shared secret', async () => {
    const key = createPublicKey({ key: issuer.issuer.keys.toJSON()[0] as never, format: 'jwk' });
    for (const secret of [
      key.export({ type: 'spki', format: 'pem' }),
      key.export({ type: 'spki', format: 'der' }),
      JSON.stringify(key.export({ format: 'jwk' })),
    ]) {
      const sign = (text: string) => createHmac('sha256', secret).update(text).digest('base64url');
      expect(await refusalOf(recogniser(), bearer(await forgedWith({ alg: 'HS256', kid: 'first' }, sign)))).toBe('TOKEN_INVALID');
    }
  });

  it("is refused with a key of the caller's own, sent along or pointed at", async () => {
    const forger = new OAuth2Server();
    const jwk = await forger.issuer.keys.generate('RS256', { kid: 'first' });
    forger.issuer.url = issuer.issuer.url;
    const { d: _private, ...publicKey } = jwk as Record<string, unknown>;
    for (const header of [{}, { jwk: publicKey }, { jku: 'http://127.0.0.1:9/jwks' }]) {
      const token = await issueToken(forger, { header, claims: { roles: ['admin'] } });
      expect(await refusalOf(recogniser(), bearer(token))).toBe('TOKEN_INVALID');
    }
  });

  it('is refused when a single character of it was changed', async () => {
    const authenticate = recogniser();
    const token = await issue();
    await authenticate(bearer(token));
    // The last character of a part may hold unused bits, so the ones before it are changed.
    for (let index = 0; index < token.length - 1; index += 37) {
      const other = token[index] === 'A' ? 'B' : 'A';
      if (token[index] === '.' || token[index + 1] === '.') continue;
      expect(await refusalOf(authenticate, bearer(`${token.slice(0, index)}${other}${token.slice(index + 1)}`))).toBe('TOKEN_INVALID');
    }
  });

  it('is refused where no identity provider is configured', async () => {
    expect(await refusalOf(wayIn(noDatabase, undefined), bearer(await issue()))).toBe('TOKEN_INVALID');
  });

  it('is never accepted on settings that could not be safe: the service does not start', () => {
    for (const algorithms of [['HS256'], ['none'], ['RS256', 'HS512'], []]) expect(() => recogniser({ algorithms })).toThrow(TypeError);
    expect(() => recogniser({ audiences: [] })).toThrow(TypeError);
  });
});

describe('the keys of the issuer', () => {
  it('are fetched once for many calls at once', async () => {
    const authenticate = recogniser();
    const tokens = await Promise.all(Array.from({ length: 20 }, (_, number) => issue({ claims: { sub: `user-${number}` } })));
    const callers = await Promise.all(tokens.map((token) => authenticate(bearer(token))));
    expect(new Set(callers.map(({ actor }) => actor)).size).toBe(20);
    expect(keySetRequests).toBe(1);
  });

  it('are fetched again when he has rotated them', async () => {
    const authenticate = recogniser();
    await authenticate(bearer(await issue()));
    vi.advanceTimersByTime(5_000);
    await issuer.issuer.keys.generate('RS256', { kid: 'second' });
    expect((await authenticate(bearer(await issue({ kid: 'second' })))).actor).toBe('user:ada');
  });

  it('are tried in turn when a token does not say which one signed it', async () => {
    await issuer.issuer.keys.generate('RS256', { kid: 'second' });
    const authenticate = recogniser();
    for (const kid of ['first', 'second']) {
      expect((await authenticate(bearer(await issue({ kid, header: { kid: undefined } })))).actor).toBe('user:ada');
    }
    const stranger = new OAuth2Server();
    await stranger.issuer.keys.generate('RS256');
    stranger.issuer.url = issuer.issuer.url;
    const token = await issueToken(stranger, { header: { kid: undefined } });
    expect(await refusalOf(authenticate, bearer(token))).toBe('TOKEN_INVALID');
  });

  it('stop counting within ten minutes when he has withdrawn them', async () => {
    const authenticate = recogniser();
    await authenticate(bearer(await issue()));
    const withdrawn = await issue({ claims: { sub: 'eve' } });
    const port = issuer.address().port;
    await issuer.stop();
    const successor = new OAuth2Server();
    await successor.issuer.keys.generate('RS256', { kid: 'second' });
    await successor.start(port, '127.0.0.1');
    issuer = successor;
    vi.advanceTimersByTime(10 * 60_000);
    expect(await refusalOf(authenticate, bearer(withdrawn))).toBe('TOKEN_INVALID');
  });

  it('are not asked for again and again by a flood of tokens with unknown ones', async () => {
    const authenticate = recogniser();
    await authenticate(bearer(await issue()));
    for (let number = 0; number < 20; number += 1) {
      expect(await refusalOf(authenticate, bearer(await issue({ header: { kid: `unknown-${number}` } })))).toBe('TOKEN_INVALID');
    }
    expect(keySetRequests).toBe(1);
  });

  it('leave the call unavailable, not unauthenticated, while he cannot be reached', async () => {
    const authenticate = recogniser();
    const token = await issue();
    const port = issuer.address().port;
    await issuer.stop();
    for (let number = 0; number < 20; number += 1) expect(await refusalOf(authenticate, bearer(token))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
    expect(keySetRequests).toBe(1);
    vi.advanceTimersByTime(1_000);
    await issuer.start(port, '127.0.0.1');
    expect((await authenticate(bearer(token))).actor).toBe('user:ada');
  });

  it('serve on while he cannot be reached, for known keys only and for an hour', async () => {
    const authenticate = recogniser();
    const longLived = (sub: string, kid: string) => issue({ claims: { sub }, kid, expiresIn: 7_200 });
    const [ada, bob, eve] = [await longLived('ada', 'first'), await longLived('bob', 'first'), await longLived('eve', 'first')];
    await authenticate(bearer(ada));
    await issuer.issuer.keys.generate('RS256', { kid: 'third' });
    const unknown = await longLived('bob', 'third');
    await issuer.stop();
    vi.advanceTimersByTime(30 * 60_000);
    expect((await authenticate(bearer(bob))).actor).toBe('user:bob');
    expect(await refusalOf(authenticate, bearer(unknown))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
    vi.advanceTimersByTime(31 * 60_000);
    expect(await refusalOf(authenticate, bearer(eve))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
  });

  it('are not taken from an answer that is no key set', async () => {
    const authenticate = recogniser({ keySetUrl: new URL('/nowhere', issuer.issuer.url) });
    expect(await refusalOf(authenticate, bearer(await issue()))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
    const elsewhere = recogniser({ keySetUrl: new URL('/.well-known/openid-configuration', issuer.issuer.url) });
    expect(await refusalOf(elsewhere, bearer(await issue()))).toBe('IDENTITY_PROVIDER_UNAVAILABLE');
  });
});

describe('what is remembered of a JSON Web Token', () => {
  it('lasts a minute and no longer', async () => {
    const authenticate = recogniser();
    const header = bearer(await issue());
    await authenticate(header);
    await issuer.stop();
    vi.advanceTimersByTime(59_999);
    const verify = vi.spyOn(crypto.subtle, 'verify');
    await authenticate(header);
    expect(verify).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    await authenticate(header);
    expect(verify).toHaveBeenCalledTimes(1);
  });

  it('never lasts past its expiry', async () => {
    const authenticate = recogniser({ clockToleranceSeconds: 0 });
    const header = bearer(await issue({ expiresIn: 10 }));
    await authenticate(header);
    vi.advanceTimersByTime(10_000);
    expect(await refusalOf(authenticate, header)).toBe('TOKEN_EXPIRED');
  });
});
