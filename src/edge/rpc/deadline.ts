import { DomainError } from '../../foundation/errors.ts';
import { MAX_DEADLINE_MS } from './limits.ts';

/** What the headers of a call say about its deadline: a time left, or why it cannot be served. */
export interface Timeout {
  /** Time left when the headers came, in milliseconds; undefined for a stream that names none. */
  readonly ms: number | undefined;
  readonly refusal: DomainError | undefined;
}

const unitsMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** Node's timers take no longer span than this: they would fire at once. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Reads `grpc-timeout` (`5S`, `200m`) or `connect-timeout-ms` (`200`). A unary call that names none gets the
 * default, one that names more than `MAX_DEADLINE_MS` is refused. Streams may last as long as they like:
 * they end with the caller, the connection or the server.
 */
export function parseTimeout(header: string | undefined, kind: 'grpc' | 'connect', unary: boolean, defaultMs: number): Timeout {
  if (header === undefined || header === '') return { ms: unary ? defaultMs : undefined, refusal: undefined };
  const ms = kind === 'grpc' ? grpcTimeoutMs(header) : connectTimeoutMs(header);
  if (ms === undefined) {
    const refusal = new DomainError('invalid_argument', 'INVALID_FIELD', `the deadline cannot be read: ${header.slice(0, 40)}`);
    return { ms: defaultMs, refusal };
  }
  if (!unary) return { ms: ms < longestTimerMs ? ms : undefined, refusal: undefined };
  if (ms > MAX_DEADLINE_MS) {
    const refusal = new DomainError('invalid_argument', 'DEADLINE_TOO_LONG', `a deadline may be at most ${MAX_DEADLINE_MS / 1000} seconds away`, {
      facts: { max_seconds: String(MAX_DEADLINE_MS / 1000) },
    });
    return { ms: defaultMs, refusal };
  }
  return { ms, refusal: undefined };
}

function grpcTimeoutMs(header: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(header);
  const unit = unitsMs[match?.[2] ?? ''];
  return match && unit !== undefined ? Number(match[1]) * unit : undefined;
}

function connectTimeoutMs(header: string): number | undefined {
  return /^\d{1,10}$/.test(header) ? Number(header) : undefined;
}
