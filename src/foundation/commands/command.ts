import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Day, Instant } from '../clock.ts';
import type { LockedPool } from '../database/pools.ts';
import type { Origin } from '../database/requests.ts';
import type { Sql } from '../database/sql.ts';
import type { DomainError } from '../errors.ts';
import type { SpanContext } from '../tracing.ts';
import type { EventType } from './events.ts';
import type { PoolMemory, UnitMemory } from './memory.ts';

/** One intended change, as a value that can wait in a queue. */
export interface Command<Input = unknown, Answer extends DescMessage = DescMessage> {
  readonly kind: CommandKind<Input, Answer>;
  readonly input: Input;
  readonly origin: Origin;
  /** Key of the request row that its changes are attributed to. */
  readonly requestKey: string;
  /** The span of whoever asked for it. */
  readonly trace?: SpanContext | undefined;
}

/** How one command ended: with its answer, or with a failure that is told to its caller alone. */
export type Outcome<Answer> = { readonly answer: Answer } | { readonly error: DomainError };

/** What commands will do, decided before anything is written. */
export interface Plan<Answer> {
  /**
   * One for each command, in their order. May be fewer than the commands, but not none: those left
   * over are planned anew after this plan is written.
   */
  readonly outcomes: readonly Outcome<Answer>[];
  /**
   * Writes what was planned. May answer the final outcomes where they are known only afterwards;
   * a domain error is no longer possible here. Never called for `validate_only`.
   */
  write(): Promise<readonly Answer[] | undefined>;
}

/** A verb: how its commands find the pools they need, and how they are carried out. */
export interface CommandKind<Input = unknown, Answer extends DescMessage = DescMessage> {
  readonly name: string;
  /** The message that answers it, kept for repeats of the same request id. */
  readonly answer: Answer;
  /**
   * How many neighbours in the queue are planned together; 1 for verbs that are rare. Kinds that share
   * one `plan` function are neighbours to each other.
   */
  readonly together: number;
  /** How many of a batch's places one command takes: a batch of tickets counts as that many. */
  weight?(input: Input): number;
  /**
   * Whether its plan works on what the process remembers of the pools and keeps that true. Such a plan checks
   * itself that the pools are the right ones (`PoolsMoved`), and writes by `send` alone. Its look-up of pools goes by key,
   * by a plan that is kept for all values.
   */
  readonly remembers?: boolean;
  /** How many numbers of the assignment sequence one command takes at most; they are fetched along with the locks. */
  numbers?(input: Input): number;
  /** The pools as far as the process remembers them, to save the look-up; undefined where it does not. */
  guessPools?(memory: PoolMemory, input: Input): readonly string[] | undefined;
  /** The pools that each input needs locked, read without a lock; none for changes that touch no assignment. */
  pools(sql: Sql, inputs: readonly Input[]): Promise<readonly (readonly string[])[]>;
  /**
   * Reads and locks what the commands touch (pools are held already; then groups, agents, tickets
   * in order of their ids), checks every rule, and decides. In a dry unit it takes no locks.
   */
  plan(unit: Unit, commands: readonly Command<Input, Answer>[]): Promise<Plan<MessageInitShape<Answer>>>;
}

/** One unit of work: one transaction with its pools held and its time read. */
export interface Unit {
  /** Inside this transaction; not for kinds that `remember`, which do without. */
  readonly em: EntityManager;
  readonly sql: Sql;
  /** Sends a statement whose answer nobody waits for: if it fails, so does the commit. Never in a dry unit. */
  send(text: string, values?: readonly unknown[]): void;
  /** Resolves when what was sent so far is under way, not when it is done. */
  sendNow(): Promise<void>;
  /** Numbers of the assignment sequence that were fetched and not used yet, ascending. */
  readonly numbers: number[];
  /** What is known of the pools held; only for kinds that `remember`. */
  readonly memory: UnitMemory;
  /** Read once from the database's clock, after the locks. */
  readonly now: Instant;
  /** The business day outside any pool. */
  readonly today: Day;
  /** The pools held, by id; their business day never goes backwards. */
  readonly pools: ReadonlyMap<string, LockedPool>;
  /** Nothing may be locked or written: the unit only answers what would happen. */
  readonly dryRun: boolean;
  /** The request whose command is being written. */
  readonly requestKey: string;
  /** Tells a fact to everybody who must act on it in the same transaction; resolves when all have. */
  announce<Fact>(event: EventType<Fact>, fact: Fact): Promise<void>;
  /** Leaves work for later; it exists only if this unit commits. `startAfter` puts it off until then. */
  enqueue(job: string, data: object, options?: { readonly startAfter?: Instant }): Promise<void>;
}

/** Leaves work for later in the caller's transaction. */
export type Enqueue = (
  sql: Sql,
  job: string,
  data: object,
  options?: { readonly startAfter?: Instant; readonly trace?: SpanContext | undefined },
) => Promise<void>;

/** `FOR UPDATE`, or nothing in a dry unit, which takes no locks. */
export const forUpdate = (unit: Unit): string => (unit.dryRun ? '' : 'FOR UPDATE');
