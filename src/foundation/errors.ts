/** The kinds of failure a caller can meet; the edge turns each into one gRPC status. */
export type ErrorKind =
  | 'invalid_argument'
  | 'unauthenticated'
  | 'permission_denied'
  | 'not_found'
  | 'already_exists'
  | 'failed_precondition'
  | 'aborted'
  | 'out_of_range'
  | 'resource_exhausted'
  | 'unavailable'
  | 'deadline_exceeded'
  | 'cancelled';

/** One field of a request that broke a rule: its path as the contract spells it, and the rule in words. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/**
 * A failure the caller is told about: what happened, its stable reason (a name of `ErrorReason` in
 * the contract), and the facts a program needs to react. Everything else that is thrown counts as
 * a fault of ours: the caller hears "internal", the cause goes to the log.
 */
export class DomainError extends Error {
  readonly kind: ErrorKind;
  readonly reason: string;
  readonly facts: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];
  /** How long the caller should wait before trying again, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: ErrorKind,
    reason: string,
    message: string,
    more: {
      readonly facts?: Readonly<Record<string, string>>;
      readonly violations?: readonly FieldViolation[];
      readonly retryAfterMs?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, more.cause === undefined ? {} : { cause: more.cause });
    this.name = new.target.name;
    this.kind = kind;
    this.reason = reason;
    this.facts = more.facts ?? {};
    this.violations = more.violations ?? [];
    this.retryAfterMs = more.retryAfterMs;
  }
}

/** A request field that breaks a rule which the contract's own annotations cannot state. */
export class InvalidField extends DomainError {
  constructor(field: string, description: string, reason = 'INVALID_FIELD') {
    super('invalid_argument', reason, `${field}: ${description}`, { violations: [{ field, description }], facts: { field } });
  }
}

/** The resource changed since the caller read it. */
export class EtagMismatch extends DomainError {
  constructor(resource: string, id: string) {
    super('aborted', 'ETAG_MISMATCH', `the ${resource} ${id} has changed since the etag was read`, { facts: { [resource]: id } });
  }
}
