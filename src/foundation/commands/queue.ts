import type { DescMessage, Message, MessageShape } from '@bufbuild/protobuf';
import { isDatabaseLost, isRetryable } from '../database/failures.ts';
import { sqlOf } from '../database/sql.ts';
import { DomainError } from '../errors.ts';
import { answerOnRecord, type Settled } from './carry-out.ts';
import type { Command } from './command.ts';
import { PoolMemory } from './memory.ts';
import { PoolLookup } from './pool-lookup.ts';
import { carryOutInTransaction, PoolsMoved, rehearse, type UnitOfWorkDeps } from './unit-of-work.ts';

/** Bounds of the queue. */
export interface QueueLimits {
  /** Units of work in flight at once in this process. */
  readonly lanes: number;
  /** Commands that may wait; one more is refused with a delay to retry after. */
  readonly queueBound: number;
}

/** A batch leaves half of the commands at hand to the next one, but not fewer than this: while the database works on one, the answers of the other go out. */
const SMALLEST_SHARE = 16;
/** Answers given in one turn of the event loop, so that the unit of work under way is not kept waiting. */
const ANSWERS_PER_TURN = 8;
/** Places in one batch; a command of a thousand tickets takes a thousand. */
export const BATCH_CAP = 1024;
/** Pools that one unit of work holds at most, when its commands need one each. */
export const POOLS_PER_UNIT = 64;
/** Tries of one batch against deadlocks, lock time-outs, and races for a request id. */
export const TRIES = 6;
const RETRY_AFTER_MS = 1000;

/** What the queue tells about itself, for metrics. */
export interface QueueObserver {
  batch(commands: number, pools: number): void;
}

interface Waiting {
  readonly command: Command;
  readonly signal: AbortSignal | undefined;
  pools: readonly string[];
  resolve(answer: Message): void;
  reject(error: unknown): void;
}

/**
 * The queue of all changes. Commands that need a pool gather while a unit of work of that pool is in
 * flight, and the next one takes what is there after its locks are held: one commit for many calls,
 * and no timer, so that a lone call never waits. Order is kept within a pool. Answers leave after
 * the commit. Several processes over one database stay exact, since the pool rows serialise them.
 */
export class CommandQueue {
  readonly #deps: UnitOfWorkDeps;
  readonly #limits: QueueLimits;
  readonly #observer: QueueObserver | undefined;
  readonly #lookup: PoolLookup;
  readonly #memory = new PoolMemory();
  #waiting: Waiting[] = [];
  #lookingUp = 0;
  /** Size of the batch before: its callers are likely to come back while the next one is under way. */
  #lastTaken = 0;
  /** Commands that are carried out and whose callers are about to be told. */
  #answering = 0;
  readonly #held = new Set<string>();
  #busy = 0;
  #idle: (() => void)[] = [];

  constructor(deps: UnitOfWorkDeps, limits: QueueLimits, observer?: QueueObserver) {
    this.#deps = deps;
    this.#limits = limits;
    this.#observer = observer;
    this.#lookup = new PoolLookup(() => sqlOf(deps.orm.em.fork()));
  }

  /** Commands that wait to be taken. */
  get depth(): number {
    return this.#waiting.length + this.#lookingUp;
  }

  /**
   * Carries out a command; resolves with its answer once it is committed. Rejects with a domain error,
   * `unavailable` when the database is lost (the change may or may not have happened: repeat it with
   * the same request id), `resource_exhausted` when the queue is full. An aborted signal takes a command
   * back only while it waits; once taken it is committed.
   */
  async submit<Input, Answer extends DescMessage>(command: Command<Input, Answer>, signal?: AbortSignal): Promise<MessageShape<Answer>> {
    signal?.throwIfAborted();
    const plain = command as unknown as Command;
    if (command.origin.intent.validateOnly) {
      const settled = await rehearse(this.#deps, plain, signal ?? new AbortController().signal);
      if (settled !== 'again' && 'error' in settled) throw settled.error;
      return (settled as { answer: MessageShape<Answer> }).answer;
    }
    if (this.depth >= this.#limits.queueBound) throw queueFull();
    try {
      return (await this.#wait(plain, signal)) as MessageShape<Answer>;
    } catch (error) {
      const onRecord = isRefusal(error) ? await answerOnRecord(sqlOf(this.#deps.orm.em.fork(), signal), plain) : undefined;
      if (onRecord && 'answer' in onRecord) return onRecord.answer as MessageShape<Answer>;
      throw onRecord?.error ?? error;
    }
  }

  /** Resolves once the command is carried out. */
  async #wait(command: Command, signal: AbortSignal | undefined): Promise<Message> {
    const pools = command.kind.guessPools?.(this.#memory, command.input) ?? (await this.#poolsOf(command));
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      this.#enqueue({ command, signal, pools, resolve, reject });
    });
  }

  /** Resolves when nothing waits and nothing is in flight. */
  async drain(): Promise<void> {
    if (this.#isIdle) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async #poolsOf(command: Command): Promise<readonly string[]> {
    this.#lookingUp += 1;
    try {
      return await this.#lookup.find(command);
    } catch (error) {
      throw isDatabaseLost(error) ? unavailable(error) : error;
    } finally {
      this.#lookingUp -= 1;
      this.#pump();
    }
  }

  #enqueue(item: Waiting): void {
    if (item.signal) {
      const takeBack = (): void => {
        const at = this.#waiting.indexOf(item);
        if (at < 0) return;
        this.#waiting.splice(at, 1);
        item.reject(item.signal?.reason);
      };
      item.signal.addEventListener('abort', takeBack, { once: true });
    }
    this.#waiting.push(item);
    this.#pump();
  }

  #pump(): void {
    while (this.#busy < this.#limits.lanes) {
      const start = this.#choose();
      if (!start) break;
      this.#busy += 1;
      for (const pool of start.pools) this.#held.add(pool);
      void this.#runLane(start).finally(() => {
        this.#busy -= 1;
        for (const pool of start.pools) this.#held.delete(pool);
        this.#pump();
      });
    }
    this.#tellIdle();
  }

  #tellIdle(): void {
    if (this.#isIdle) for (const resolve of this.#idle.splice(0)) resolve();
  }

  get #isIdle(): boolean {
    return this.#busy === 0 && this.depth === 0 && this.#answering === 0;
  }

  /** The next unit's pools: of every waiting command that no held pool, and no earlier command, stands before. */
  #choose(): { pools: readonly string[]; lone: Waiting | undefined } | undefined {
    const blocked = new Set(this.#held);
    const chosen = new Set<string>();
    for (const [at, item] of this.#waiting.entries()) {
      if (item.pools.length === 0) {
        if (chosen.size > 0) continue;
        this.#waiting.splice(at, 1);
        return { pools: [], lone: item };
      }
      if (item.pools.some((pool) => blocked.has(pool)) || (chosen.size > 0 && chosen.size + item.pools.length > POOLS_PER_UNIT)) {
        for (const pool of item.pools) blocked.add(pool);
        continue;
      }
      for (const pool of item.pools) chosen.add(pool);
    }
    return chosen.size > 0 ? { pools: [...chosen], lone: undefined } : undefined;
  }

  /** Takes, in order, what the held pools allow. */
  #take(pools: readonly string[]): Waiting[] {
    const { taken, left } = this.#fitting(pools);
    this.#waiting = left;
    this.#lastTaken = taken.length;
    return taken;
  }

  #fitting(pools: readonly string[]): { taken: Waiting[]; left: Waiting[] } {
    const held = new Set(pools);
    const passed = new Set<string>();
    const taken: Waiting[] = [];
    const left: Waiting[] = [];
    let room = BATCH_CAP;
    let places = Math.max(SMALLEST_SHARE, Math.ceil((this.#waiting.length + this.#lastTaken) / 2));
    for (const item of this.#waiting) {
      const fits = item.pools.length > 0 && item.pools.every((pool) => held.has(pool) && !passed.has(pool));
      const weight = item.command.kind.weight?.(item.command.input) ?? 1;
      if (fits && (weight <= room || taken.length === 0) && places > 0) {
        taken.push(item);
        room -= weight;
        places -= 1;
      } else {
        left.push(item);
        for (const pool of item.pools) passed.add(pool);
      }
    }
    return { taken, left };
  }

  async #runLane(start: { pools: readonly string[]; lone: Waiting | undefined }): Promise<void> {
    if (start.lone) await this.#carryOut([start.lone], []);
    else await this.#carryOut(undefined, start.pools);
  }

  /**
   * Carries out one batch, taking it under the locks when it is not given. An unexpected failure splits
   * it until the culprit stands alone; a domain error or an answer settles its own command only.
   */
  async #carryOut(given: Waiting[] | undefined, pools: readonly string[]): Promise<void> {
    let batch = given;
    for (let attempt = 1; ; attempt++) {
      try {
        const settled = await carryOutInTransaction(this.#deps, this.#memory, pools, {
          expected: () => (batch ?? this.#fitting(pools).taken).map((item) => item.command),
          take: () => {
            batch ??= this.#take(pools);
            return batch.map((item) => item.command);
          },
        });
        this.#observer?.batch(settled.length, pools.length);
        void this.#settle(batch ?? [], settled);
        return;
      } catch (error) {
        if (error instanceof PoolsMoved) {
          this.#memory.forgetGuesses();
          await this.#lookUpAgain(batch ?? this.#take(pools));
          return;
        }
        const again = isRetryable(error);
        if (again && attempt < TRIES) {
          await pause(2 ** attempt * (0.5 + Math.random()));
          continue;
        }
        batch ??= this.#take(pools);
        if (batch.length <= 1 || isDatabaseLost(error)) {
          const told = isDatabaseLost(error) ? unavailable(error) : again ? concurrentChange(error) : error;
          for (const item of batch) item.reject(told);
          return;
        }
        const half = Math.ceil(batch.length / 2);
        await this.#carryOut(batch.slice(0, half), pools);
        await this.#carryOut(batch.slice(half), pools);
        return;
      }
    }
  }

  async #settle(batch: readonly Waiting[], settled: readonly Settled[]): Promise<void> {
    const repeats = batch.filter((_, index) => settled[index] === 'again');
    this.#waiting.unshift(...repeats);
    this.#answering += batch.length;
    for (const [index, item] of batch.entries()) {
      if (index > 0 && index % ANSWERS_PER_TURN === 0) await nextTurn();
      this.#answering -= 1;
      const outcome = settled[index] as Settled;
      if (outcome === 'again') continue;
      if ('error' in outcome) item.reject(outcome.error);
      else item.resolve(outcome.answer);
    }
    this.#tellIdle();
  }

  /** Puts commands back, in their order, under the pools they need now. */
  async #lookUpAgain(batch: readonly Waiting[]): Promise<void> {
    const back: Waiting[] = [];
    for (const item of batch) {
      try {
        item.pools = await this.#poolsOf(item.command);
        back.push(item);
      } catch (error) {
        item.reject(error);
      }
    }
    this.#waiting.unshift(...back);
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Whether the command itself was refused, by the state of things. */
const isRefusal = (error: unknown): boolean =>
  error instanceof DomainError &&
  ['invalid_argument', 'permission_denied', 'not_found', 'already_exists', 'failed_precondition', 'aborted'].includes(error.kind);

const queueFull = (): DomainError =>
  new DomainError('resource_exhausted', 'QUEUE_FULL', 'too many changes are waiting; try again shortly', { retryAfterMs: RETRY_AFTER_MS });

const concurrentChange = (cause: unknown): DomainError =>
  new DomainError('aborted', 'CONCURRENT_CHANGE', 'other changes kept getting in the way; try again shortly, with the same request_id', {
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });

const unavailable = (cause: unknown): DomainError =>
  new DomainError('unavailable', 'DATABASE_UNAVAILABLE', 'the database did not carry out the change; repeat it with the same request_id', {
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
