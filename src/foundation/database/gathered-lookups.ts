import type { Sql } from './sql.ts';

/** Looks up many things by one statement; the answers run parallel to the inputs. */
export type Look<Input, Found> = (sql: Sql, inputs: readonly Input[]) => Promise<readonly Found[]>;

/** Gives each look-up a connection of its own. */
type Open = <Found>(look: (sql: Sql) => Promise<Found>) => Promise<Found>;

interface Asked {
  readonly input: unknown;
  resolve(found: unknown): void;
  reject(error: unknown): void;
}

/**
 * Looks things up, without locks, for many callers at once: while a look-up of one kind is under way, further
 * ones of that kind gather and are answered together by the next. Each answer is from a statement that began
 * after it was asked for.
 */
export class GatheredLookups {
  readonly #open: Open;
  readonly #asked = new Map<unknown, Asked[]>();
  readonly #running = new Set<unknown>();

  constructor(open: Open) {
    this.#open = open;
  }

  /** Looks one thing up; rejects with the database's own error. The kind is the function. */
  find<Input, Found>(look: Look<Input, Found>, input: Input): Promise<Found> {
    return new Promise((resolve, reject) => {
      const one = { input, resolve: resolve as Asked['resolve'], reject };
      const asked = this.#asked.get(look);
      if (asked) asked.push(one);
      else this.#asked.set(look, [one]);
      if (!this.#running.has(look)) void this.#run(look as Look<unknown, unknown>);
    });
  }

  async #run(look: Look<unknown, unknown>): Promise<void> {
    this.#running.add(look);
    for (let asked = this.#asked.get(look); asked; asked = this.#asked.get(look)) {
      this.#asked.delete(look);
      await this.#answer(look, asked);
    }
    this.#running.delete(look);
  }

  async #answer(look: Look<unknown, unknown>, asked: readonly Asked[]): Promise<void> {
    try {
      const inputs = asked.map((one) => one.input);
      const found = await this.#open((sql) => look(sql, inputs));
      asked.forEach((one, at) => {
        one.resolve(found[at]);
      });
    } catch (error) {
      // One that cannot be looked up (a domain error of its own) must not fail its neighbours.
      if (asked.length === 1) asked[0]?.reject(error);
      else for (const one of asked) await this.#answer(look, [one]);
    }
  }
}
