import { Client } from 'pg';

type GiveBack = (error?: Error | boolean) => void;

/**
 * A connection of the pool that leaves it by itself once it is lost, whoever holds it then: the query builder
 * keeps one whose BEGIN, COMMIT or ROLLBACK failed, and each of those would be missing in the pool for good.
 * Giving one back twice does nothing.
 */
export class PooledClient extends Client {
  #giveBack: GiveBack = () => undefined;

  constructor(...config: ConstructorParameters<typeof Client>) {
    super(...config);
    this.once('end', () => this.#giveBack(true));
  }

  get release(): GiveBack {
    return this.#giveBack;
  }

  /** The pool sets it anew each time it lends the connection. */
  set release(giveBack: GiveBack) {
    let isBack = false;
    this.#giveBack = (error) => {
      if (isBack) return;
      isBack = true;
      giveBack(error);
    };
  }
}
