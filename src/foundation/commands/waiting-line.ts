import type { Message } from '@bufbuild/protobuf';
import type { Command } from './command.ts';

/** A batch leaves half of the commands at hand to the next one, but not fewer than this: while the database works on one, the answers of the other go out. */
export const SMALLEST_SHARE = 16;
/**
 * How long a unit of work is expected to last at most, in milliseconds: commands for other pools gather meanwhile until they are as many
 * as the largest carries, since a unit costs much however few it carries. Behind somebody's lock it may last longer; then nobody waits for it.
 */
export const EXPECTED_MS = 20;
/** Places in one batch; a command of a thousand tickets takes a thousand. */
export const BATCH_CAP = 1024;
/** Pools that one unit of work holds at most, when its commands need one each. */
export const POOLS_PER_UNIT = 64;

/** A command and the call that waits for it. */
export interface Waiting {
  readonly command: Command;
  readonly signal: AbortSignal | undefined;
  pools: readonly string[];
  resolve(answer: Message): void;
  reject(error: unknown): void;
}

/** What a unit of work begins with: the pools that it will hold, or one command that needs none. */
export interface Start {
  readonly pools: readonly string[];
  readonly lone: Waiting | undefined;
}

/** Commands in the order in which they came. Order is kept within a pool: nobody overtakes a command that needs it. */
export class WaitingLine {
  #items: Waiting[] = [];
  /** Size of the batch before: its callers are likely to come back while the next one is under way. */
  #lastTaken = 0;

  get length(): number {
    return this.#items.length;
  }

  push(item: Waiting): void {
    this.#items.push(item);
  }

  /** Puts commands before all others. */
  putBack(items: readonly Waiting[]): void {
    this.#items.unshift(...items);
  }

  /** Whether it was still waiting. */
  remove(item: Waiting): boolean {
    const at = this.#items.indexOf(item);
    if (at >= 0) this.#items.splice(at, 1);
    return at >= 0;
  }

  /** The next unit's pools: of every waiting command that no held pool, and no earlier command, stands before. */
  choose(held: ReadonlySet<string>): Start | undefined {
    const blocked = new Set(held);
    const chosen = new Set<string>();
    for (const [at, item] of this.#items.entries()) {
      if (item.pools.length === 0) {
        if (chosen.size > 0) continue;
        this.#items.splice(at, 1);
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
  take(pools: readonly string[]): Waiting[] {
    const { taken, left } = this.#divide(pools);
    this.#items = left;
    this.#lastTaken = taken.length;
    return taken;
  }

  /** What `take` would take now. */
  expect(pools: readonly string[]): readonly Waiting[] {
    return this.#divide(pools).taken;
  }

  #divide(pools: readonly string[]): { taken: Waiting[]; left: Waiting[] } {
    const held = new Set(pools);
    const passed = new Set<string>();
    const taken: Waiting[] = [];
    const left: Waiting[] = [];
    let room = BATCH_CAP;
    let places = Math.max(SMALLEST_SHARE, Math.ceil((this.#items.length + this.#lastTaken) / 2));
    for (const item of this.#items) {
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
}
