import type { DescMessage, Message, MessageShape } from '@bufbuild/protobuf';
import { isDatabaseLost, isRetryable } from '../database/failures.ts';
import { GatheredLookups } from '../database/gathered-lookups.ts';
import { sqlOf } from '../database/sql.ts';
import { lookUpByKey } from '../database/transaction.ts';
import { DomainError } from '../errors.ts';
import { answerOnRecord, type Settled } from './carry-out.ts';
import type { Command } from './command.ts';
import { PoolMemory } from './memory.ts';
import { carryOutInTransaction, PoolsMoved, rehearse, type UnitOfWorkDeps } from './unit-of-work.ts';
import { EXPECTED_MS, type Start, type Waiting, WaitingLine } from './waiting-line.ts';

/** Bounds of the queue. */
export interface QueueLimits {
  /** Units of work in flight at once in this process. */
  readonly lanes: number;
  /** Commands that may wait; one more is refused with a delay to retry after. */
  readonly queueBound: number;
}

/** Answers given in one turn of the event loop, so that the unit of work under way is not kept waiting. */
const ANSWERS_PER_TURN = 8;
/** Tries of one batch against deadlocks, lock time-outs, and races for a request id. */
export const TRIES = 6;
const RETRY_AFTER_MS = 1000;

/** A unit of work that is being carried out, with as many commands as it was expected to take. */
interface UnderWay {
  readonly commands: number;
  isLate: boolean;
}

/** What the queue tells about itself, for metrics. */
export interface QueueObserver {
  batch(commands: number, pools: number): void;
}

/**
 * The queue of all changes. Commands that need a pool gather while a unit of work of that pool is in
 * flight, and the next one takes what is there after its locks are held: one commit for many calls,
 * and a lone call does not wait. Order is kept within a pool. Answers leave after the commit. Several processes over one database stay exact, since the pool rows serialise them.
 */
export class CommandQueue {
  readonly #deps: UnitOfWorkDeps;
  readonly #limits: QueueLimits;
  readonly #observer: QueueObserver | undefined;
  readonly #lookups: GatheredLookups;
  /** Of kinds that remember: these come by the thousand, and planning each costs more than looking. */
  readonly #lookupsByKey: GatheredLookups;
  readonly #memory = new PoolMemory();
  readonly #waiting = new WaitingLine();
  #lookingUp = 0;
  /** Commands that are carried out and whose callers are about to be told. */
  #answering = 0;
  readonly #held = new Set<string>();
  readonly #underWay = new Set<UnderWay>();
  #idle: (() => void)[] = [];

  constructor(deps: UnitOfWorkDeps, limits: QueueLimits, observer?: QueueObserver) {
    this.#deps = deps;
    this.#limits = limits;
    this.#observer = observer;
    this.#lookups = new GatheredLookups((look) => look(sqlOf(deps.orm.em.fork())));
    this.#lookupsByKey = new GatheredLookups((look) => lookUpByKey(deps.orm, look));
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
      return await (command.kind.remembers ? this.#lookupsByKey : this.#lookups).find(command.kind.pools, command.input);
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
        if (this.#waiting.remove(item)) item.reject(item.signal?.reason);
      };
      item.signal.addEventListener('abort', takeBack, { once: true });
    }
    this.#waiting.push(item);
    // A held pool pumps when it is given back.
    if (!item.pools.some((pool) => this.#held.has(pool))) this.#pump();
  }

  #pump(): void {
    while (this.#underWay.size < this.#limits.lanes) {
      const start = this.#waiting.choose(this.#held);
      const commands = start ? this.#waiting.expect(start.pools).length : 0;
      if (!start || this.#gathers(start, commands)) break;
      const unit: UnderWay = { commands, isLate: false };
      this.#underWay.add(unit);
      for (const pool of start.pools) this.#held.add(pool);
      const late = setTimeout(() => {
        unit.isLate = true;
        this.#pump();
      }, EXPECTED_MS);
      void this.#runLane(start).finally(() => {
        clearTimeout(late);
        this.#underWay.delete(unit);
        for (const pool of start.pools) this.#held.delete(pool);
        this.#pump();
      });
    }
    this.#tellIdle();
  }

  /** Whether it is better begun when more commands wait for it, or a unit under way has ended or is late. */
  #gathers({ lone }: Start, waiting: number): boolean {
    const carried = [...this.#underWay].map(({ commands, isLate }) => (isLate ? 0 : commands));
    return !lone && waiting < Math.max(0, ...carried);
  }

  #tellIdle(): void {
    if (this.#isIdle) for (const resolve of this.#idle.splice(0)) resolve();
  }

  get #isIdle(): boolean {
    return this.#underWay.size === 0 && this.depth === 0 && this.#answering === 0;
  }

  async #runLane(start: Start): Promise<void> {
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
          expected: () => (batch ?? this.#waiting.expect(pools)).map((item) => item.command),
          take: () => {
            batch ??= this.#waiting.take(pools);
            return batch.map((item) => item.command);
          },
        });
        this.#observer?.batch(settled.length, pools.length);
        void this.#settle(batch ?? [], settled);
        return;
      } catch (error) {
        if (error instanceof PoolsMoved) {
          this.#memory.forgetGuesses();
          await this.#lookUpAgain(batch ?? this.#waiting.take(pools));
          return;
        }
        const again = isRetryable(error);
        if (again && attempt < TRIES) {
          await pause(2 ** attempt * (0.5 + Math.random()));
          continue;
        }
        batch ??= this.#waiting.take(pools);
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
    this.#waiting.putBack(repeats);
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
    this.#waiting.putBack(back);
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
