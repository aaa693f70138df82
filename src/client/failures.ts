import type { DescMessage } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import type { ErrorReason } from '../../gen/ticketing/v1/error_pb.ts';

/** The reasons that the contract lists, such as `GROUP_NOT_FOUND`. A service newer than this client may send others. */
export type Reason = Exclude<keyof typeof ErrorReason, 'UNSPECIFIED'>;

/** A field that the service found wrong, and the rule that it breaks. */
export interface Violation {
  /** Its path in the request, such as `agent.email` or `requests[3].user_id`. */
  readonly field: string;
  readonly description: string;
}

/** Why the service refused; undefined when it did not say: the connection failed, or something between answered. */
export function reasonOf(error: unknown): Reason | undefined {
  return detailOf(error, ErrorInfoSchema)?.reason as Reason | undefined;
}

/** What the service tells about its reason: ids, counts, limits. Empty when there is nothing. */
export function factsOf(error: unknown): Readonly<Record<string, string>> {
  return detailOf(error, ErrorInfoSchema)?.metadata ?? {};
}

/** The fields that the service found wrong. Empty when it is not about fields. */
export function violationsOf(error: unknown): readonly Violation[] {
  return detailOf(error, BadRequestSchema)?.fieldViolations ?? [];
}

/** How long the service asks to wait before the call is repeated, in milliseconds; undefined when repeating does not help. */
export function retryDelayMsOf(error: unknown): number | undefined {
  const asked = detailOf(error, RetryInfoSchema)?.retryDelay;
  return asked && Number(asked.seconds) * 1000 + asked.nanos / 1e6;
}

/**
 * The request id under which a change that failed was sent. Where nobody knows what became of it (no answer came in time), the
 * same request under the same id tells, and is carried out at most once. Undefined for calls that change nothing.
 */
export function requestIdOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null ? requestIds.get(error) : undefined;
}

/** Keeps for `requestIdOf` under which id it was that this failed. */
export function rememberRequestId(error: unknown, requestId: string | undefined): void {
  if (requestId !== undefined && typeof error === 'object' && error !== null) requestIds.set(error, requestId);
}

const requestIds = new WeakMap<object, string>();

function detailOf<Detail extends DescMessage>(error: unknown, schema: Detail) {
  return error instanceof ConnectError ? error.findDetails(schema)[0] : undefined;
}
