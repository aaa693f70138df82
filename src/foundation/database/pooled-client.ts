import type { Socket } from 'node:net';
import { Client } from 'pg';
import { preparedName } from './prepared.ts';

type GiveBack = (error?: Error | boolean) => void;

/**
 * A connection of the pool. It leaves the pool by itself once it is lost, whoever holds it then: the query
 * builder keeps one whose BEGIN, COMMIT or ROLLBACK failed, and each of those would be missing in the pool for
 * good. Giving one back twice does nothing. Statements that were marked for it run prepared.
 */
export class PooledClient extends Client {
  #giveBack: GiveBack = () => undefined;

  constructor(...config: ConstructorParameters<typeof Client>) {
    super(...config);
    this.once('end', () => this.#giveBack(true));
    const send = this.query.bind(this) as (...given: unknown[]) => unknown;
    this.query = ((text: unknown, values: unknown, ...more: unknown[]) => {
      this.#gather();
      const name = typeof text === 'string' ? preparedName(text) : undefined;
      return name === undefined ? send(text, values, ...more) : send({ name, text, values }, ...more);
    }) as typeof this.query;
  }

  /** What is sent without awaiting anything goes out in one packet: each costs a system call here and a wake-up there. */
  #gather(): void {
    const { stream } = (this as unknown as { readonly connection: { readonly stream: Socket } }).connection;
    if (stream.writableCorked > 0) return;
    stream.cork();
    queueMicrotask(() => stream.uncork());
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
