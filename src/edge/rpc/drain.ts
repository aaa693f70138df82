import { DomainError } from '../../foundation/errors.ts';
import type { Call } from './call.ts';

/** The calls in flight, and whether the server is on its way out. */
export class Drain {
  /** An array, not a Set: see `stream-table.ts`. Each call knows its place in it. */
  readonly #calls: Call[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #listeners = new Set<() => void>();
  #draining = false;

  /** Whether the server is stopping: health says NOT_SERVING and new calls are refused. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Calls that have no answer yet. */
  get inFlight(): number {
    return this.#calls.length;
  }

  /** Counts a call in; `leave` must follow. */
  enter(call: Call): void {
    call.place = this.#calls.push(call) - 1;
  }

  /** Counts a call out. */
  leave(call: Call): void {
    if (call.place < 0) return;
    const last = this.#calls.pop() as Call;
    if (last !== call) {
      this.#calls[call.place] = last;
      last.place = call.place;
    }
    call.place = -1;
    if (this.#draining && this.#pending() === 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Calls `listener` once, when the server starts to stop; returns how to take it back. */
  onDrain(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Refuses new calls from now on, and resolves when the ones in flight are done or `maxMs` have passed. */
  async begin(maxMs: number): Promise<void> {
    this.#draining = true;
    for (const listener of this.#listeners) listener();
    if (this.#pending() === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, maxMs);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Ends what is still in flight, streams included. */
  cancelAll(): void {
    for (const call of [...this.#calls]) call.abort(new DomainError('unavailable', 'SHUTTING_DOWN', 'this process is stopping'));
  }

  /** Streams (watching health, reflection) would last for ever: nobody waits for them. */
  #pending(): number {
    let count = 0;
    for (const call of this.#calls) if (call.endpoint.method.methodKind === 'unary') count += 1;
    return count;
  }
}
