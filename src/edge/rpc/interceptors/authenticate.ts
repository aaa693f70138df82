import { hash } from 'node:crypto';
import type { Logger } from 'pino';
import {
  type ClaimNames,
  callerOfClaims,
  IdentityProviderUnavailable,
  SERVICE_TOKEN_START,
  TokenExpired,
  TokenInvalid,
  TokenMissing,
  verifyServiceToken,
} from '../../../domain/access/index.ts';
import type { Caller } from '../../../foundation/context.ts';
import type { Sql } from '../../../foundation/database/sql.ts';
import { DomainError } from '../../../foundation/errors.ts';
import { makeExpiringCache, steadyNowMs } from '../../../foundation/expiring-cache.ts';
import { type JsonWebTokenSettings, type JsonWebTokenVerifier, makeJsonWebTokenVerifier } from '../../../foundation/json-web-token.ts';
import type { Interceptor } from '../call.ts';
import { MAX_METADATA_BYTES } from '../limits.ts';

/** Which JSON Web Tokens are accepted, and which of their claims say who the caller is. */
export interface IdentityProvider extends JsonWebTokenSettings {
  readonly claims: ClaimNames;
}

/** What recognising callers needs. */
export interface AuthenticateOptions {
  /** Runs on a pooled connection, outside every transaction. */
  readonly sql: Sql;
  /** Without one, only service tokens are accepted. */
  readonly identityProvider: IdentityProvider | undefined;
  readonly log: Logger;
}

/**
 * The caller behind the value of an `authorization` header, at once if he is remembered. Fails with `TokenMissing`,
 * `TokenInvalid`, `TokenExpired`, or `IdentityProviderUnavailable`; a database that fails shows as its own error.
 */
export type Authenticate = (authorizationHeader: string | undefined) => Caller | Promise<Caller>;

/**
 * The layer that finds out who calls, before anything of the request is read. RPCs that are open to
 * everybody are let through without a look at their token.
 */
export function makeAuthenticateInterceptor(authenticate: Authenticate): Interceptor {
  return async (call, next) => {
    if (call.endpoint.access !== 'open') {
      const found = authenticate(call.header('authorization'));
      call.caller = found instanceof Promise ? await untilAborted(found, call.signal) : found;
    }
    await next();
  };
}

/** A look is shared, so it goes on when one of its callers leaves; that caller does not wait for it. */
function untilAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason);
    const stay = () => signal.removeEventListener('abort', leave);
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
    void work.then(resolve, reject).then(stay);
  });
}

/** A verified JSON Web Token is believed for this long without another look, and never past its expiry. */
const jsonWebTokenCacheMs = 60_000;
/** A service token, good or bad, is remembered for this long: a revoked one fails everywhere within that time. */
const serviceTokenCacheMs = 5_000;
const rememberedCallers = 10_000;
/** Kept apart from the callers, so that a flood of bad tokens cannot push the good ones out. */
const rememberedRefusals = 1_000;

/** What a token turned out to be, and for how long that holds. */
interface Finding {
  readonly caller: Caller | DomainError;
  readonly ttlMs: number;
}

/**
 * Makes the one function that recognises callers on both ports. What it found out is remembered for
 * as long as the limits above allow, counted from before the look; the same token arriving many
 * times at once is looked at once. Tokens are remembered by their hash alone.
 */
export function makeAuthenticate(options: AuthenticateOptions): Authenticate {
  const callers = makeExpiringCache<Caller>(rememberedCallers);
  const refusals = makeExpiringCache<DomainError>(rememberedRefusals);
  const looks = new Map<string, { readonly startMs: number; readonly finding: Promise<Finding> }>();
  const look = makeLook(options);

  const find = (key: string, token: string): Promise<Finding> => {
    const running = looks.get(key);
    const nowMs = steadyNowMs();
    // One that hangs is not joined for ever: what it saw may be out of date by now.
    if (running && nowMs < running.startMs + serviceTokenCacheMs) return running.finding;
    const finding = look(token).then((found) => {
      if (found.caller instanceof DomainError) refusals.set(key, found.caller, found.ttlMs, nowMs);
      else callers.set(key, found.caller, found.ttlMs, nowMs);
      return found;
    });
    const mine = { startMs: nowMs, finding };
    looks.set(key, mine);
    const forget = () => {
      if (looks.get(key) === mine) looks.delete(key);
    };
    finding.then(forget, forget);
    return finding;
  };

  return (authorizationHeader) => {
    const token = bearerToken(authorizationHeader);
    const key = hash('sha256', token, 'base64');
    const known = callers.get(key) ?? refusals.get(key);
    return known ? callerOf(known) : find(key, token).then(({ caller }) => callerOf(caller));
  };
}

function callerOf(found: Caller | DomainError): Caller {
  if (found instanceof DomainError) throw found;
  return found;
}

function bearerToken(header: string | undefined): string {
  if (header === undefined || header.trim() === '') throw new TokenMissing();
  if (header.length > MAX_METADATA_BYTES) throw new TokenInvalid(`the authorization header is longer than ${MAX_METADATA_BYTES} bytes`);
  const token = /^\s*bearer +([A-Za-z0-9._~+/-]+=*)\s*$/i.exec(header)?.[1];
  if (token === undefined) throw new TokenInvalid("the authorization header must read 'Bearer <token>'");
  return token;
}

/** Looks at a token itself, whatever is remembered. Refusals are findings; what is thrown says nothing about the token. */
function makeLook({ sql, identityProvider, log }: AuthenticateOptions): (token: string) => Promise<Finding> {
  const verifyJsonWebToken = identityProvider && makeJsonWebTokenVerifier(identityProvider);
  const outage = makeOutageLog(log);
  return async (token) => {
    if (token.startsWith(SERVICE_TOKEN_START)) return lookAtServiceToken(sql, token);
    if (!identityProvider || !verifyJsonWebToken) return { caller: new TokenInvalid('only service tokens are accepted here'), ttlMs: 0 };
    return lookAtJsonWebToken(verifyJsonWebToken, identityProvider.claims, token, outage);
  };
}

async function lookAtServiceToken(sql: Sql, token: string): Promise<Finding> {
  try {
    const { caller, remainingMs } = await verifyServiceToken(sql, token);
    return { caller, ttlMs: Math.min(serviceTokenCacheMs, remainingMs) };
  } catch (refusal) {
    if (refusal instanceof TokenInvalid || refusal instanceof TokenExpired) return { caller: refusal, ttlMs: serviceTokenCacheMs };
    throw refusal;
  }
}

/** Refusals are not remembered: the issuer may publish the missing key a moment later. */
async function lookAtJsonWebToken(verify: JsonWebTokenVerifier, names: ClaimNames, token: string, outage: (cause: unknown) => void): Promise<Finding> {
  const found = await verify(token);
  switch (found.outcome) {
    case 'valid':
      try {
        return { caller: callerOfClaims(found.claims, names), ttlMs: Math.min(jsonWebTokenCacheMs, found.expireTimeMs - Date.now()) };
      } catch (refusal) {
        if (refusal instanceof TokenInvalid) return { caller: refusal, ttlMs: 0 };
        throw refusal;
      }
    case 'expired':
      return { caller: new TokenExpired(), ttlMs: 0 };
    case 'invalid':
      return { caller: new TokenInvalid(`the token is not accepted: ${found.why}`), ttlMs: 0 };
    case 'unavailable':
      outage(found.cause);
      throw new IdentityProviderUnavailable(found.cause);
  }
}

/** Logs each failed fetch of the keys once, however many calls it failed. */
function makeOutageLog(log: Logger): (cause: unknown) => void {
  let last: unknown;
  return (cause) => {
    if (cause === last) return;
    last = cause;
    log.warn({ err: cause }, 'the keys of the identity provider cannot be fetched');
  };
}
