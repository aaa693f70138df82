import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError, createContextKey, type Transport } from '@connectrpc/connect';
import { reasonOf, rememberRequestId, retryDelayMsOf } from './failures.ts';
import { type Intent, intentOf } from './intent.ts';

/**
 * Gives a bearer token. Asked before every attempt, so it should remember what it fetched; `refused` is the token that the service
 * has just refused, when there is one: then a call is repeated once, with another token.
 */
export type TokenSource = (refused: string | undefined) => string | Promise<string>;

/** How calls are made, whatever carries them. */
export interface CallingOptions {
  readonly token: string | TokenSource;
  /** How long a call may take, with all its attempts, in milliseconds. Default 60,000; the service takes at most 120,000. Streams have no limit but their own. */
  readonly timeoutMs?: number;
  /** Whether calls are repeated that failed for the moment. Default true. */
  readonly retry?: boolean;
  /** Why changes are made, where a call does not say: kept in the audit log. At most 1000 characters. */
  readonly reason?: string;
  /** Ends whatever is under way. */
  readonly signal?: AbortSignal;
  /** Told before each wait. */
  readonly onRetry?: (failure: ConnectError, waitMs: number) => void;
}

/** Carries the reason of one call from the client's methods to `patient`. */
export const callReason = createContextKey<string | undefined>(undefined);

const TIMEOUT_MS = 60_000;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;

/** Attempts of a call whose connection broke each time: what breaks it may be the call itself. */
const MAX_BROKEN_ATTEMPTS = 3;

/** A transport that authenticates each call, gives changes a request id, and repeats unary calls that failed for the moment. Streams are not repeated. */
export function patient(inner: Transport, options: CallingOptions): Transport {
  return {
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      const headers = withToken(header, await tokenFrom(options.token, undefined));
      return inner.stream(method, anyOf(signal, options.signal), timeoutMs, headers, input, contextValues);
    },
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const intent = intentOf(method, input, contextValues?.get(callReason) ?? options.reason);
      const ended = anyOf(signal, options.signal);
      const endTime = performance.now() + (timeoutMs ?? options.timeoutMs ?? TIMEOUT_MS);
      const attempt = (token: string) =>
        inner.unary(
          method,
          ended,
          Math.ceil(endTime - performance.now()),
          withToken(header, token),
          intent.message as MessageInitShape<typeof method.input>,
          contextValues,
        );
      try {
        return await repeat(attempt, { options, intent, ended, endTime });
      } catch (error) {
        rememberRequestId(error, intent.requestId);
        throw error;
      }
    },
  };
}

interface Course {
  readonly options: CallingOptions;
  readonly intent: Intent;
  readonly ended: AbortSignal;
  /** When the call has taken as long as it may, by `performance.now()`. */
  readonly endTime: number;
}

async function repeat<Answer>(attempt: (token: string) => Promise<Answer>, { options, intent, ended, endTime }: Course): Promise<Answer> {
  let refused: string | undefined;
  for (let count = 1, broken = 0; ; count += 1) {
    const token = await tokenFrom(options.token, refused);
    try {
      return await attempt(token);
    } catch (error) {
      const failure = ConnectError.from(error);
      if (failure.code === Code.Unauthenticated && typeof options.token === 'function' && refused === undefined) {
        refused = token;
        continue;
      }
      if (isBroken(failure)) broken += 1;
      const waitMs = waitBefore(count, failure);
      const useless = waitMs === undefined || broken === MAX_BROKEN_ATTEMPTS || performance.now() + waitMs >= endTime;
      if (useless || options.retry === false || !intent.repeatable || ended.aborted) throw failure;
      options.onRetry?.(failure, waitMs);
      await wait(waitMs, ended);
    }
  }
}

/** How long to wait after so many attempts, in milliseconds; undefined when another would end the same. */
function waitBefore(count: number, failure: ConnectError): number | undefined {
  const askedMs = retryDelayMsOf(failure);
  const isFull = failure.code === Code.ResourceExhausted || failure.code === Code.Aborted;
  if (failure.code !== Code.Unavailable && !(isFull && askedMs !== undefined) && !isBroken(failure)) return undefined;
  // Callers that failed together come back apart.
  return (askedMs ?? Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (count - 1))) * (1 + Math.random() / 4);
}

/** What the service did not say itself comes from a connection that broke in the middle of the call. */
function isBroken(failure: ConnectError): boolean {
  return [Code.Aborted, Code.Canceled, Code.Internal, Code.Unknown].includes(failure.code) && reasonOf(failure) === undefined;
}

async function tokenFrom(token: string | TokenSource, refused: string | undefined): Promise<string> {
  return typeof token === 'string' ? token : token(refused);
}

function withToken(header: HeadersInit | undefined, token: string): Headers {
  const headers = new Headers(header);
  headers.set('authorization', `Bearer ${token}`);
  return headers;
}

function anyOf(...signals: (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}

/** @throws ConnectError once the signal is aborted. */
function wait(waitMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(ConnectError.from(signal.reason, Code.Canceled));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, waitMs);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
