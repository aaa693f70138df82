import { makeExpiringCache, steadyNowMs } from '../../foundation/expiring-cache.ts';

/** How many calls a caller may make in this process. */
export interface Rate {
  /** Calls a second that he may go on with for ever. */
  readonly perSecond: number;
  /** Calls that he may make at once after a pause. At least 1. */
  readonly burst: number;
}

/** Callers that are counted at once; of more, those who called longest ago are forgotten, as if they had paused. */
const COUNTED_CALLERS = 10_000;

/**
 * Holds each caller to a rate. What is kept of him is one number, the time at which he would have used up all that he did if he had gone at
 * the steady rate (the generic cell rate algorithm); it is kept only while that lies ahead.
 */
export class RateLimit {
  readonly rate: Rate;
  readonly #intervalMs: number;
  readonly #aheadMs: number;
  readonly #callers = makeExpiringCache<number>(COUNTED_CALLERS);

  constructor(rate: Rate) {
    this.rate = rate;
    this.#intervalMs = 1_000 / rate.perSecond;
    this.#aheadMs = (rate.burst - 1) * this.#intervalMs;
  }

  /** Counts a call of the caller, and answers 0; or, if it is one too many, counts nothing and answers in how many milliseconds one will be let through. */
  take(caller: string): number {
    const nowMs = steadyNowMs();
    const usedUpMs = Math.max(nowMs, this.#callers.get(caller) ?? 0);
    const waitMs = usedUpMs - this.#aheadMs - nowMs;
    // Less than a microsecond is what adding fractions loses.
    if (waitMs > 0.001) return waitMs;
    this.#callers.set(caller, usedUpMs + this.#intervalMs, usedUpMs + this.#intervalMs - nowMs, nowMs);
    return 0;
  }

  /** Callers that are counted now. */
  get size(): number {
    return this.#callers.size;
  }
}
