import { createRemoteJWKSet, customFetch, errors, type FetchImplementation, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { steadyNowMs } from './expiring-cache.ts';

/** Whose tokens are believed, and where the keys that prove them are published. */
export interface JsonWebTokenSettings {
  /** Must equal the token's `iss`. */
  readonly issuer: string;
  /** One of these must be in the token's `aud`. At least one. */
  readonly audiences: readonly string[];
  /** Where the issuer publishes its keys, as http or https URL of a JSON Web Key Set. */
  readonly keySetUrl: URL;
  /** Signature algorithms that are accepted; none of them symmetric. */
  readonly algorithms: readonly string[];
  /** By how much the issuer's clock may differ from ours, in seconds. */
  readonly clockToleranceSeconds: number;
}

/**
 * What became of a token. `why` may be told to its bearer: it holds nothing of the token. `unavailable`: the keys cannot be had now, so
 * nothing can be said about it.
 */
export type JsonWebTokenOutcome =
  | { readonly outcome: 'valid'; readonly claims: JWTPayload; readonly expireTimeMs: number }
  | { readonly outcome: 'expired' }
  | { readonly outcome: 'invalid'; readonly why: string }
  | { readonly outcome: 'unavailable'; readonly cause: unknown };

/** Tells what a token is worth; never throws, whatever the text. */
export type JsonWebTokenVerifier = (token: string) => Promise<JsonWebTokenOutcome>;

/** Algorithms with public keys: what settings may name, and what they name when they say nothing. */
export const PUBLIC_KEY_ALGORITHMS: readonly string[] = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];

/** Keys are fetched anew after this long, so that a key which the issuer withdrew stops counting. */
const keySetRefreshMs = 10 * 60_000;
/** Keys are used this long while the issuer cannot be reached. */
const keySetMaxAgeMs = 60 * 60_000;
/** An unknown key makes us ask the issuer, but not more often than this. */
const unknownKeyCooldownMs = 5_000;
/** After a failed fetch the issuer is left alone for this long. */
const failedFetchCooldownMs = 1_000;
/** After a failed refresh the known keys serve for this long before it is tried again. */
const failedRefreshCooldownMs = 30_000;
const fetchTimeoutMs = 5_000;

/** The keys cannot be had now. */
class KeySetUnreachable extends Error {}

/**
 * Checks tokens against the keys that an issuer publishes. Keys are fetched when first needed, again
 * when a token names an unknown one (the issuer has rotated), and every ten minutes; while the issuer
 * is down, the known keys serve for up to an hour.
 *
 * Throws at once when the settings could never be safe: no audience, or an algorithm without a public key.
 */
export function makeJsonWebTokenVerifier(settings: JsonWebTokenSettings): JsonWebTokenVerifier {
  const unsafe = settings.algorithms.find((algorithm) => !PUBLIC_KEY_ALGORITHMS.includes(algorithm));
  if (unsafe !== undefined) throw new TypeError(`the signature algorithm ${unsafe} is not accepted; use some of ${PUBLIC_KEY_ALGORITHMS.join(', ')}`);
  if (settings.algorithms.length === 0 || settings.audiences.length === 0) throw new TypeError('tokens need at least one algorithm and one audience');
  const keyOf = makeKeyFinder(settings.keySetUrl);
  const rules = {
    issuer: settings.issuer,
    audience: [...settings.audiences],
    algorithms: [...settings.algorithms],
    clockTolerance: settings.clockToleranceSeconds,
    requiredClaims: ['exp', 'sub'],
  };
  return async (token) => {
    try {
      const claims = await verifyWithAnyKey(token, keyOf, rules);
      return { outcome: 'valid', claims, expireTimeMs: (claims.exp ?? 0) * 1000 };
    } catch (cause) {
      if (cause instanceof KeySetUnreachable) return { outcome: 'unavailable', cause: cause.cause };
      if (cause instanceof errors.JWTExpired) return { outcome: 'expired' };
      return { outcome: 'invalid', why: whyInvalid(cause) };
    }
  };
}

function whyInvalid(cause: unknown): string {
  if (cause instanceof errors.JWTClaimValidationFailed) return `its claim ${cause.claim} is not accepted`;
  if (cause instanceof errors.JOSEAlgNotAllowed) return 'its signature algorithm is not accepted';
  if (cause instanceof errors.JWKSNoMatchingKey) return 'its issuer publishes no such key';
  if (cause instanceof errors.JWSSignatureVerificationFailed) return 'its signature is wrong';
  return 'it is not a well-formed JSON Web Token';
}

type VerifyRules = Parameters<typeof jwtVerify>[2];

/** A token that names no key is tried with each key that could have signed it. */
async function verifyWithAnyKey(token: string, keyOf: JWTVerifyGetKey, rules: VerifyRules): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keyOf, rules)).payload;
  } catch (ambiguous) {
    if (!(ambiguous instanceof errors.JWKSMultipleMatchingKeys)) throw ambiguous;
    for await (const key of ambiguous) {
      try {
        return (await jwtVerify(token, key, rules)).payload;
      } catch (refused) {
        if (!(refused instanceof errors.JWSSignatureVerificationFailed)) throw refused;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

function makeKeyFinder(url: URL): JWTVerifyGetKey {
  let fetchedMs = 0;
  let refreshedMs = 0;
  let failure: { readonly timeMs: number; readonly cause: unknown } | undefined;
  const fetchKeys: FetchImplementation = async (address, options) => {
    // A flood of tokens with unknown keys must not become a flood of requests to a host in trouble.
    if (failure && steadyNowMs() < failure.timeMs + failedFetchCooldownMs) throw failure.cause;
    try {
      const response = await fetch(address, options);
      if (response.status !== 200) throw new Error(`the key set answered with HTTP status ${response.status}`);
      const keySet: unknown = await response.json();
      fetchedMs = steadyNowMs();
      return Response.json(keySet);
    } catch (cause) {
      failure = { timeMs: steadyNowMs(), cause };
      throw cause;
    }
  };
  const keys = createRemoteJWKSet(url, {
    timeoutDuration: fetchTimeoutMs,
    cooldownDuration: unknownKeyCooldownMs,
    cacheMaxAge: keySetMaxAgeMs,
    [customFetch]: fetchKeys,
  });
  return async (header, token) => {
    const nowMs = steadyNowMs();
    if (keys.fresh && nowMs >= fetchedMs + keySetRefreshMs && nowMs >= refreshedMs + failedRefreshCooldownMs) {
      refreshedMs = nowMs;
      // The known keys serve on when this fails.
      await keys.reload().catch(() => undefined);
    }
    try {
      return await keys(header, token);
    } catch (cause) {
      // These three speak about the token; everything else means that no usable keys could be fetched.
      if (cause instanceof errors.JWKSNoMatchingKey || cause instanceof errors.JWKSMultipleMatchingKeys || cause instanceof errors.JOSENotSupported)
        throw cause;
      throw new KeySetUnreachable('the key set cannot be fetched', { cause });
    }
  };
}
