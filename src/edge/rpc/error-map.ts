import { randomUUID } from 'node:crypto';
import { create, type DescMessage, type Message } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { Code } from '../../../gen/google/rpc/code_pb.ts';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '../../../gen/google/rpc/error_details_pb.ts';
import { type Status, StatusSchema } from '../../../gen/google/rpc/status_pb.ts';
import { DomainError, type ErrorKind, type FieldViolation } from '../../foundation/errors.ts';
import type { Call } from './call.ts';
import { databaseTrouble } from './database-trouble.ts';
import { MAX_ERROR_FACT_LENGTH, MAX_ERROR_MESSAGE_LENGTH, MAX_VIOLATIONS_LENGTH } from './limits.ts';
import { findNamedField } from './named-field.ts';

/** The domain of every `ErrorInfo` that Docket sends. */
export const ERROR_DOMAIN = 'docket';

const codes: Readonly<Record<ErrorKind, Code>> = {
  invalid_argument: Code.INVALID_ARGUMENT,
  unauthenticated: Code.UNAUTHENTICATED,
  permission_denied: Code.PERMISSION_DENIED,
  not_found: Code.NOT_FOUND,
  already_exists: Code.ALREADY_EXISTS,
  failed_precondition: Code.FAILED_PRECONDITION,
  aborted: Code.ABORTED,
  out_of_range: Code.OUT_OF_RANGE,
  resource_exhausted: Code.RESOURCE_EXHAUSTED,
  unavailable: Code.UNAVAILABLE,
  deadline_exceeded: Code.DEADLINE_EXCEEDED,
  cancelled: Code.CANCELLED,
};

const names = new Map<number, string>(Object.entries(Code).map(([name, code]) => [code, name]));

/** A status code's name as gRPC writes it, for instance `NOT_FOUND`. */
export function codeName(code: number): string {
  return names.get(code) ?? 'UNKNOWN';
}

/** A call's failure in the terms of the wire: what both transports send, and nothing more than that. */
export class RpcFailure extends Error {
  /** A gRPC status code. */
  readonly code: Code;
  readonly reason: string;
  /** `ErrorInfo` first, then `BadRequest` and `RetryInfo` where they apply. */
  readonly details: readonly Message[];
  /** Names the log line of a fault of ours; undefined for what the caller can mend. */
  readonly incident: string | undefined;

  constructor(code: Code, reason: string, message: string, more: { details: readonly Message[]; incident?: string; cause?: unknown }) {
    super(message, { cause: more.cause });
    this.code = code;
    this.reason = reason;
    this.details = more.details;
    this.incident = more.incident;
  }
}

/**
 * The one map from anything thrown to what the caller is told. A `DomainError` is told as it is, trouble
 * with the database as UNAVAILABLE and the like; once the call's signal is aborted its reason counts,
 * since what is thrown then is only a consequence. What is not there is told with the field of the call's request that
 * names it. Everything else is "internal error" with an incident id; its cause stays in the log.
 */
export function failureOf(thrown: unknown, call?: Pick<Call, 'signal' | 'endpoint' | 'request'>): RpcFailure {
  if (thrown instanceof RpcFailure) return thrown;
  if (thrown instanceof DomainError) return fromDomain(thrown, thrown.cause, call && findNamedField(thrown, call));
  if (call?.signal.aborted && thrown !== call.signal.reason) return failureOf(call.signal.reason);
  const trouble = databaseTrouble(thrown);
  if (trouble) return fromDomain(trouble, thrown);
  const incident = randomUUID();
  const info = create(ErrorInfoSchema, { domain: ERROR_DOMAIN, reason: 'INTERNAL', metadata: { incident } });
  return new RpcFailure(Code.INTERNAL, 'INTERNAL', `internal error; the log has it as incident ${incident}`, {
    details: [info],
    incident,
    cause: thrown,
  });
}

/** A failure as `google.rpc.Status`, which gRPC carries in `grpc-status-details-bin`. */
export function statusOf(failure: RpcFailure): Status {
  return create(StatusSchema, {
    code: failure.code,
    message: failure.message,
    details: failure.details.map((detail) => anyPack(detailSchema(detail), detail)),
  });
}

/** The descriptor of one of the detail messages that failures carry. */
export function detailSchema(detail: Message): DescMessage {
  if (detail.$typeName === BadRequestSchema.typeName) return BadRequestSchema;
  return detail.$typeName === RetryInfoSchema.typeName ? RetryInfoSchema : ErrorInfoSchema;
}

function fromDomain(error: DomainError, cause: unknown, field?: string): RpcFailure {
  const facts = field === undefined ? error.facts : { field, ...error.facts };
  const details: Message[] = [create(ErrorInfoSchema, { domain: ERROR_DOMAIN, reason: error.reason, metadata: wellFormedFacts(facts) })];
  if (error.violations.length > 0) details.push(create(BadRequestSchema, { fieldViolations: fitting(error.violations, error.reason) }));
  if (error.retryAfterMs !== undefined) {
    const seconds = Math.floor(error.retryAfterMs / 1000);
    const nanos = Math.round((error.retryAfterMs - seconds * 1000) * 1e6);
    details.push(create(RetryInfoSchema, { retryDelay: { seconds: BigInt(seconds), nanos } }));
  }
  return new RpcFailure(codes[error.kind], error.reason, presentable(error.message), { details, cause });
}

/** As many violations as a trailer can carry; at least one. */
function fitting(violations: readonly FieldViolation[], reason: string) {
  let room = MAX_VIOLATIONS_LENGTH;
  const told = violations.map(({ field, description }) => ({
    field: presentable(field, MAX_ERROR_FACT_LENGTH),
    description: presentable(description, MAX_ERROR_FACT_LENGTH),
    reason,
  }));
  return told.filter((violation, index) => {
    room -= violation.field.length + violation.description.length + reason.length;
    return index === 0 || room > 0;
  });
}

function wellFormedFacts(facts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, presentable(value, MAX_ERROR_FACT_LENGTH)]));
}

/** Half a surrogate pair (a caller's text cut in the middle) can be written into no header. */
function presentable(text: string, maxLength = MAX_ERROR_MESSAGE_LENGTH): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return cut.toWellFormed();
}
