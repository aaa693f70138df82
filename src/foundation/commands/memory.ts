import type { LockedPool } from '../database/pools.ts';

/** What a plan wants to be remembered of a pool. */
export interface Recollection {
  readonly value: unknown;
  /** How much of the memory it takes: members, say. */
  readonly weight: number;
  readonly groupIds: readonly string[];
}

/** What is remembered of a pool that is held. */
export interface Recalled {
  readonly value: unknown;
  /** False when others took the pool meanwhile: they moved its counters, but left everybody in his place. */
  readonly isCurrent: boolean;
}

/** What a process remembers of one pool. */
interface Remembered extends Recollection {
  /** The pool's sequence as this process left it: nobody else took the pool while it is still that. */
  readonly sequence: string;
  /** Rises with every change of the roster. */
  readonly rosterSequence: string;
  readonly businessDay: string;
  readonly dayStart: string;
}

/** How much is remembered at most; the pools that were not used for longest are forgotten first. */
export const MEMORY_WEIGHT = 50_000;

/**
 * What one process remembers of pools between its units of work. A piece is true only while the pool's sequence,
 * read under the lock, is the one that this process left behind: every unit of work and every change of the
 * roster, by whomever, raises it. When only units of work did, the roster is true still, and its counters are not.
 */
export class PoolMemory {
  /** In the order of their last use. */
  readonly #pools = new Map<string, Remembered>();
  readonly #poolOfGroup = new Map<string, string>();
  #weight = 0;

  /** The pool that a group was in when it was last seen; a guess, to be checked under the pool's lock. */
  poolOf(groupId: string): string | undefined {
    return this.#poolOfGroup.get(groupId);
  }

  /** A guess was wrong. */
  forgetGuesses(): void {
    this.#poolOfGroup.clear();
  }

  /** Takes out what is remembered of a pool that is now held; undefined when somebody changed the roster meanwhile, or a day began. */
  take(pool: LockedPool): Recalled | undefined {
    const remembered = this.#pools.get(pool.poolId);
    if (!remembered) return undefined;
    this.#drop(pool.poolId, remembered);
    const isSameDay = remembered.businessDay === pool.businessDay && remembered.dayStart === pool.dayStart;
    if (remembered.rosterSequence !== pool.rosterSequence || !isSameDay) return undefined;
    return { value: remembered.value, isCurrent: BigInt(remembered.sequence) + 1n === BigInt(pool.sequence) };
  }

  /** Remembers a pool as the unit that just committed left it. */
  keep(pool: LockedPool, recollection: Recollection): void {
    const { sequence, rosterSequence, businessDay, dayStart } = pool;
    this.#pools.set(pool.poolId, { ...recollection, sequence, rosterSequence, businessDay, dayStart });
    this.#weight += recollection.weight;
    for (const groupId of recollection.groupIds) this.#poolOfGroup.set(groupId, pool.poolId);
    for (const [poolId, remembered] of this.#pools) {
      if (this.#weight <= MEMORY_WEIGHT) break;
      this.#drop(poolId, remembered);
      for (const groupId of remembered.groupIds) this.#poolOfGroup.delete(groupId);
    }
  }

  #drop(poolId: string, remembered: Remembered): void {
    this.#pools.delete(poolId);
    this.#weight -= remembered.weight;
  }
}

/** What is known of the pools of one unit of work, while its commands are carried out one after another. */
export class UnitMemory {
  readonly #known = new Map<string, Recollection>();
  #recalled: ReadonlyMap<string, Recalled | undefined>;
  #isOpen = false;

  constructor(recalled: ReadonlyMap<string, Recalled | undefined> = new Map()) {
    this.#recalled = recalled;
  }

  /** Before commands that remember: what earlier ones of the unit knew counts on. */
  open(): void {
    this.#isOpen = true;
  }

  /** Before a command that may change anything: all is forgotten, and nothing is remembered until it is over. */
  forget(): void {
    this.#isOpen = false;
    this.#recalled = new Map();
    this.#known.clear();
  }

  /** What is known of a pool; undefined while nothing is remembered. */
  recall(poolId: string): Recalled | undefined {
    const known = this.#known.get(poolId);
    return known ? { value: known.value, isCurrent: true } : this.#recalled.get(poolId);
  }

  remember(poolId: string, recollection: Recollection): void {
    if (this.#isOpen) this.#known.set(poolId, recollection);
  }

  get known(): ReadonlyMap<string, Recollection> {
    return this.#known;
  }
}
