import type { Sql } from '../database/sql.ts';
import type { Command, CommandKind } from './command.ts';

interface Asked {
  readonly input: unknown;
  resolve(pools: readonly string[]): void;
  reject(error: unknown): void;
}

/**
 * Finds the pools that commands need, without locks: while a look-up of one kind is under way, further
 * commands of that kind gather and are looked up together by the next.
 */
export class PoolLookup {
  readonly #sql: () => Sql;
  readonly #asked = new Map<CommandKind, Asked[]>();
  readonly #running = new Set<CommandKind>();

  /** `sql` opens a connection of its own for each look-up. */
  constructor(sql: () => Sql) {
    this.#sql = sql;
  }

  /** The pools of one command; rejects with the database's own error. */
  find(command: Command): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      const asked = this.#asked.get(command.kind);
      if (asked) asked.push({ input: command.input, resolve, reject });
      else this.#asked.set(command.kind, [{ input: command.input, resolve, reject }]);
      if (!this.#running.has(command.kind)) void this.#run(command.kind);
    });
  }

  async #run(kind: CommandKind): Promise<void> {
    this.#running.add(kind);
    for (let asked = this.#asked.get(kind); asked; asked = this.#asked.get(kind)) {
      this.#asked.delete(kind);
      await this.#answer(kind, asked);
    }
    this.#running.delete(kind);
  }

  async #answer(kind: CommandKind, asked: readonly Asked[]): Promise<void> {
    try {
      const pools = await kind.pools(
        this.#sql(),
        asked.map((one) => one.input),
      );
      asked.forEach((one, at) => {
        one.resolve(pools[at] ?? []);
      });
    } catch (error) {
      // One that cannot be looked up (a domain error of its own) must not fail its neighbours.
      if (asked.length === 1) asked[0]?.reject(error);
      else for (const one of asked) await this.#answer(kind, [one]);
    }
  }
}
