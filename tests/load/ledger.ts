import { randomUUID } from 'node:crypto';
import { create, type DescMessage, type DescMethodUnary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { Code } from '../../gen/google/rpc/code_pb.ts';
import { callGrpcBytes, detailsOf, pathOf } from '../support/edge/clients.ts';
import type { Fleet } from './fleet.ts';

/** How one intended change ended for its caller; `abandoned` means that he does not know. */
export type Ending = 'acknowledged' | 'refused' | 'abandoned';

/** One intended change with its request id, and what its caller knows of it. */
export interface Intent {
  readonly requestId: string;
  readonly rpc: string;
  /** What each of its new tickets says of itself; empty for other changes. */
  readonly marks: readonly string[];
  ending: Ending;
  /** The acknowledged answer, as it came. */
  answer: Buffer | undefined;
  /** The reason of a refusal. */
  reason: string | undefined;
}

/** What is wrong with a request, and no kill can explain. */
const MENDABLE = new Set(['TICKET_ALREADY_PENDING_FOR_USER', 'EXTERNAL_REFERENCE_TAKEN']);
const ATTEMPT_MS = 6_000;
/** Once the end is near nobody tries longer than this. */
const LONGEST_MS = 60_000;

const RETRIED: readonly Code[] = [Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.RESOURCE_EXHAUSTED, Code.ABORTED];

/** What all callers together have been told. */
export class Ledger {
  readonly intents: Intent[] = [];
  /** Failures that should not have been, in words. */
  readonly faults: string[] = [];
  /** Attempts beyond the first, by the status that made them necessary. */
  readonly retries = new Map<string, number>();
  longestOutageMs = 0;
  readonly #fleet: Fleet;
  readonly #token: string;
  readonly #listeners = new Set<{ readonly momentMs: number; resolve(): void }>();
  #hasEnded = false;

  constructor(fleet: Fleet, token: string) {
    this.#fleet = fleet;
    this.#token = token;
  }

  /** Resolves at the first acknowledged answer from a moment on (of `performance.now`), or once the callers have ended. */
  answerFrom(momentMs: number): Promise<void> {
    if (this.#hasEnded) return Promise.resolve();
    return new Promise((resolve) => void this.#listeners.add({ momentMs, resolve }));
  }

  /** The callers have ended: no further answers come. */
  end(): void {
    this.#hasEnded = true;
    this.#tell(Number.POSITIVE_INFINITY);
  }

  #tell(nowMs: number): void {
    for (const listener of this.#listeners) {
      if (listener.momentMs > nowMs) continue;
      this.#listeners.delete(listener);
      listener.resolve();
    }
  }

  /** How many intents ended so. */
  count(ending: Ending): number {
    return this.intents.filter((intent) => intent.ending === ending).length;
  }

  /**
   * Sends one change under a request id of its own, again and again, by whichever process, until it is
   * answered. With `leaveAfterMs` the caller hangs up then and never asks again. Answers undefined unless
   * it was acknowledged.
   */
  async ask<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    more: { readonly marks?: readonly string[]; readonly leaveAfterMs?: number } = {},
  ): Promise<Buffer | undefined> {
    const requestId = randomUUID();
    const bytes = toBinary(method.input, create(method.input, { ...request, requestId } as MessageInitShape<I>));
    const intent: Intent = { requestId, rpc: method.name, marks: more.marks ?? [], ending: 'abandoned', answer: undefined, reason: undefined };
    this.intents.push(intent);
    const leave = more.leaveAfterMs === undefined ? undefined : AbortSignal.timeout(more.leaveAfterMs);
    const startMs = performance.now();
    for (let attempt = 1; performance.now() - startMs < LONGEST_MS; attempt++) {
      try {
        const options = { token: this.#token, deadlineMs: ATTEMPT_MS, ...(leave ? { signal: leave } : {}) };
        intent.answer = await callGrpcBytes(this.#fleet.anyChannel(), pathOf(method), bytes, options);
        intent.ending = 'acknowledged';
        this.#tell(performance.now());
        if (attempt > 1) this.longestOutageMs = Math.max(this.longestOutageMs, performance.now() - startMs);
        return intent.answer;
      } catch (error) {
        if (leave) return undefined;
        if (!(await this.#mayTryAgain(intent, error as Error & { code: number }))) return undefined;
      }
    }
    this.faults.push(`${intent.rpc} ${requestId} had no answer for ${LONGEST_MS / 1000} s`);
    return undefined;
  }

  /** The same change sent twice at once, to be acknowledged alike by two processes. */
  async askTwice<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    marks: readonly string[],
  ): Promise<Buffer | undefined> {
    const first = await this.ask(method, request, { marks });
    const intent = this.intents.findLast((one) => one.answer === first);
    if (!first || !intent) return first;
    const bytes = toBinary(method.input, create(method.input, { ...request, requestId: intent.requestId } as MessageInitShape<I>));
    const again = await callGrpcBytes(this.#fleet.anyChannel(), pathOf(method), bytes, { token: this.#token, deadlineMs: ATTEMPT_MS }).catch(() => undefined);
    if (again && !again.equals(first)) this.faults.push(`${intent.rpc} ${intent.requestId} was answered differently the second time`);
    return first;
  }

  async #mayTryAgain(intent: Intent, error: Error & { code: number }): Promise<boolean> {
    // A channel of a process that was just killed throws an error of its own, before anything is sent.
    const isSent = 'metadata' in error;
    const { reason, retryDelayMs } = isSent ? detailsOf(error) : { reason: undefined, retryDelayMs: undefined };
    if (!isSent || RETRIED.includes(error.code as Code)) {
      const name = `${Object.entries(Code).find(([, code]) => code === error.code)?.[0] ?? 'not sent'} ${reason ?? '(by the client)'}`;
      this.retries.set(name, (this.retries.get(name) ?? 0) + 1);
      // Not all at once when what was down is back.
      const waited = Promise.withResolvers<void>();
      setTimeout(waited.resolve, Math.min(retryDelayMs ?? 200, 1_000) * (0.2 + Math.random()));
      await waited.promise;
      return true;
    }
    intent.reason = reason;
    if (reason !== undefined && reason !== 'INTERNAL') intent.ending = 'refused';
    if (!MENDABLE.has(reason ?? '')) this.faults.push(`${intent.rpc} ${intent.requestId}: status ${error.code} ${reason ?? ''} ${error.message}`);
    return false;
  }
}
