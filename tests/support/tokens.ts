import { OAuth2Server } from 'oauth2-mock-server';
import { pino } from 'pino';
import { expect } from 'vitest';
import { DEFAULT_CLAIM_NAMES } from '../../src/domain/access/index.ts';
import { type Authenticate, type IdentityProvider, makeAuthenticate } from '../../src/edge/rpc/interceptors/authenticate.ts';
import type { Caller } from '../../src/foundation/context.ts';
import type { Sql } from '../../src/foundation/database/sql.ts';
import { DomainError } from '../../src/foundation/errors.ts';

/** What a token is to hold besides, or instead of, the usual. */
export interface TokenChanges {
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  /** The key that signs it. */
  readonly kid?: string;
  /** Seconds from now. */
  readonly expiresIn?: number;
}

/** A real issuer on a socket, with one RSA key named `first`. */
export async function startIssuer(): Promise<OAuth2Server> {
  const server = new OAuth2Server();
  await server.issuer.keys.generate('RS256', { kid: 'first' });
  await server.start(0, '127.0.0.1');
  return server;
}

/** A token for the agent Ada, as this issuer signs it. */
export function issueToken(server: OAuth2Server, { claims = {}, header = {}, kid, expiresIn }: TokenChanges = {}): Promise<string> {
  return server.issuer.buildToken({
    kid,
    expiresIn: expiresIn ?? 3_600,
    scopesOrTransform: (tokenHeader, payload) => {
      Object.assign(tokenHeader, header);
      Object.assign(payload, { sub: 'ada', aud: 'docket', roles: ['agent'] }, claims);
    },
  });
}

/** Settings that trust the issuer. */
export const trusting = (server: OAuth2Server, more: Partial<IdentityProvider> = {}): IdentityProvider => ({
  issuer: server.issuer.url ?? '',
  audiences: ['docket'],
  keySetUrl: new URL('/jwks', server.issuer.url),
  algorithms: ['RS256', 'ES256'],
  clockToleranceSeconds: 5,
  claims: DEFAULT_CLAIM_NAMES,
  ...more,
});

/** The way in, as one process of the service has it. */
export function wayIn(sql: Sql, identityProvider: IdentityProvider | undefined): (header: string | undefined) => Promise<Caller> {
  const authenticate = makeAuthenticate({ sql, identityProvider, log: pino({ level: 'silent' }) });
  return async (header) => authenticate(header);
}

/** The header that carries a token. */
export const bearer = (token: string): string => `Bearer ${token}`;

/** The reason for which a header is turned away; what the caller is told must not hold any part of it. */
export async function refusalOf(authenticate: Authenticate, header: string | undefined): Promise<string> {
  const error: unknown = await (async () => authenticate(header))().then(
    () => expect.fail('the call was let in'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DomainError)) throw error;
  const told = JSON.stringify([error.message, error.facts, error.violations]);
  for (const part of (header ?? '').split(/[ .]/)) if (part.length > 16) expect(told).not.toContain(part);
  return error.reason;
}
