/**
 * Messages handed from one side to the other, one at a time: `put` resolves when the reader has come back
 * for more, so that a slow reader slows the writer down and nothing piles up.
 */
export class Outbox<T> implements AsyncIterable<T> {
  readonly #items: { readonly value: T; taken(): void }[] = [];
  #wake: () => void = () => {};
  #closed = false;
  #error: unknown = undefined;

  /** Hands over one message; rejects with the signal's reason when it is aborted first. */
  put(value: T, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const aborted = () => reject(signal.reason);
      signal.addEventListener('abort', aborted, { once: true });
      const taken = () => {
        signal.removeEventListener('abort', aborted);
        resolve();
      };
      this.#items.push({ value, taken });
      this.#wake();
    });
  }

  /** No more comes: the reader's loop ends, or throws the error. */
  close(error?: unknown): void {
    this.#closed = true;
    this.#error = error;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    while (true) {
      const item = this.#items.shift();
      if (item) {
        yield item.value;
        item.taken();
      } else if (this.#closed) {
        if (this.#error !== undefined) throw this.#error;
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
