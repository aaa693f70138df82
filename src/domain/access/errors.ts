import { DomainError } from '../../foundation/errors.ts';

/** The call carries no token at all. */
export class TokenMissing extends DomainError {
  constructor() {
    super('unauthenticated', 'TOKEN_MISSING', "the call carries no token; send the header 'authorization: Bearer <token>'");
  }
}

/** The token is malformed, unknown, revoked, not meant for this service, or not signed by a known key. */
export class TokenInvalid extends DomainError {
  constructor(message: string, cause?: unknown) {
    super('unauthenticated', 'TOKEN_INVALID', message, { cause });
  }
}

/** The token was good until its time ran out. */
export class TokenExpired extends DomainError {
  constructor() {
    super('unauthenticated', 'TOKEN_EXPIRED', 'the token has expired');
  }
}

/** The keys that could prove the token cannot be fetched now: nothing is said about the token itself. */
export class IdentityProviderUnavailable extends DomainError {
  constructor(cause: unknown) {
    super('unavailable', 'IDENTITY_PROVIDER_UNAVAILABLE', 'the keys of the identity provider cannot be fetched now', { retryAfterMs: 1_000, cause });
  }
}

/** No service token that still works has this prefix or name. Met on the command line only. */
export class ServiceTokenNotFound extends Error {
  override readonly name = 'ServiceTokenNotFound';

  constructor(prefixOrName: string) {
    super(`no live service token has the prefix or name ${prefixOrName}`);
  }
}

/** Several live service tokens go by this name: a prefix says which one is meant. Met on the command line only. */
export class ServiceTokenAmbiguous extends Error {
  override readonly name = 'ServiceTokenAmbiguous';

  constructor(name: string, prefixes: readonly string[]) {
    super(`several live service tokens go by ${name}; give the prefix of one: ${prefixes.join(', ')}`);
  }
}
