import type { RefusedCalls } from '../../domain/audit/index.ts';
import { MAX_REFUSAL_KINDS, MAX_REFUSAL_KINDS_PER_CALLER, MAX_REFUSED_CALLERS, REFUSAL_WINDOW_MS } from './limits.ts';

/** One call that was refused. */
export type Refusal = Omit<RefusedCalls, 'count' | 'firstMsAgo' | 'lastMsAgo'>;

/** Calls that were refused alike and are not handed out yet. */
interface Waiting {
  readonly first: Refusal;
  count: number;
  readonly firstMs: number;
  lastMs: number;
}

/** A kind of refused call: one caller, RPC, status and reason. */
interface Kind {
  waiting: Waiting | undefined;
  /** Whether its first calls were handed out; those that follow wait for the end of the window. */
  told: boolean;
  /** Whether it stands among those to be handed out. */
  due: boolean;
}

/** What was handed out to be written, and can be given back. */
export interface Fold {
  readonly calls: RefusedCalls;
  readonly kind: Kind;
  readonly waiting: Waiting;
}

/** The reason under which calls are counted that are too many kinds to be told apart. */
const OTHERS = 'OTHERS';

/**
 * Folds refused calls, so that no number of them makes many entries: of each kind the first calls are due at once,
 * all further ones of the window together when it is over. Bounded by the limits beside it. Knows no clock: times are handed
 * in, in milliseconds of any one clock that does not go back.
 *
 * A window begins with its first call. It does not end while what was handed out comes back, or more is due than goes at once,
 * however long that takes: so the bounds hold for a database that is away, or slow, too.
 */
export class RefusalFolds {
  #beganMs = 0;
  readonly #kinds = new Map<string, Kind>();
  /** How many kinds each caller has. */
  readonly #callers = new Map<string, number>();
  readonly #due: Kind[] = [];
  #cameBack = false;

  /** Whether nothing is waited for: neither calls to be written nor the end of a window. */
  get empty(): boolean {
    return this.#kinds.size === 0 && this.#due.length === 0;
  }

  /** Calls that are counted and not handed out. */
  get waitingCalls(): number {
    let calls = 0;
    for (const kind of new Set([...this.#kinds.values(), ...this.#due])) calls += kind.waiting?.count ?? 0;
    return calls;
  }

  /** Counts a call; answers false when there are too many callers to remember another one. */
  count(refusal: Refusal, nowMs: number): boolean {
    if (this.#kinds.size === 0) this.#beganMs = nowMs;
    const caller = `${refusal.actorKind}\n${refusal.actor}`;
    const key = `${caller}\n${refusal.rpc}\n${refusal.code}\n${refusal.errorReason}`;
    const known = this.#kinds.get(key);
    if (known) return this.#add(known, refusal, nowMs);
    const kinds = this.#callers.get(caller) ?? 0;
    if (kinds === 0 && this.#callers.size >= MAX_REFUSED_CALLERS) return false;
    if (kinds < MAX_REFUSAL_KINDS_PER_CALLER && this.#kinds.size < MAX_REFUSAL_KINDS) {
      this.#callers.set(caller, kinds + 1);
      return this.#add(this.#begin(key), refusal, nowMs);
    }
    this.#callers.set(caller, Math.max(kinds, 1));
    const others = this.#kinds.get(caller) ?? this.#begin(caller);
    return this.#add(others, { ...refusal, rpc: '', code: '', errorReason: OTHERS }, nowMs);
  }

  /** Hands out what is due now, at most so many kinds; the rest is due the next time. */
  take(nowMs: number, limit: number): Fold[] {
    const over = nowMs - this.#beganMs >= REFUSAL_WINDOW_MS;
    if (over && !this.#cameBack && this.#due.length <= limit) this.endWindow();
    this.#cameBack = false;
    return this.#due.splice(0, limit).flatMap((kind) => {
      const { waiting } = kind;
      kind.due = false;
      kind.told = true;
      kind.waiting = undefined;
      if (!waiting) return [];
      return [{ kind, waiting, calls: { ...waiting.first, count: waiting.count, firstMsAgo: nowMs - waiting.firstMs, lastMsAgo: nowMs - waiting.lastMs } }];
    });
  }

  /** Takes back what could not be written: it is due again, together with what was counted meanwhile. */
  giveBack(folds: readonly Fold[]): void {
    this.#cameBack = true;
    for (const { kind, waiting } of folds) {
      const since = kind.waiting;
      kind.waiting = since ? { ...waiting, count: waiting.count + since.count, lastMs: since.lastMs } : waiting;
      this.#makeDue(kind);
    }
  }

  /** Makes all that is counted due, whether the window is over or not. */
  endWindow(): void {
    for (const kind of this.#kinds.values()) if (kind.waiting) this.#makeDue(kind);
    this.#kinds.clear();
    this.#callers.clear();
  }

  #begin(key: string): Kind {
    const kind: Kind = { waiting: undefined, told: false, due: false };
    this.#kinds.set(key, kind);
    return kind;
  }

  #add(kind: Kind, refusal: Refusal, nowMs: number): true {
    if (kind.waiting) {
      kind.waiting.count += 1;
      kind.waiting.lastMs = nowMs;
    } else {
      kind.waiting = { first: refusal, count: 1, firstMs: nowMs, lastMs: nowMs };
      if (!kind.told) this.#makeDue(kind);
    }
    return true;
  }

  #makeDue(kind: Kind): void {
    if (kind.due) return;
    kind.due = true;
    this.#due.push(kind);
  }
}
