type Kind = typeof Float64Array | typeof Int32Array | typeof Uint8Array;

/** A list of numbers in as little memory as their kind takes, growing as it is written to. Unwritten places hold `empty`. */
export class NumberList {
  #values: Float64Array | Int32Array | Uint8Array;
  readonly #kind: Kind;
  readonly #empty: number;
  length = 0;

  constructor(kind: Kind, empty = 0) {
    this.#kind = kind;
    this.#empty = empty;
    this.#values = new kind(1024).fill(empty);
  }

  get(at: number): number {
    return at < this.#values.length ? (this.#values[at] as number) : this.#empty;
  }

  set(at: number, value: number): void {
    if (at >= this.#values.length) {
      const grown = new this.#kind(Math.max(at + 1, this.#values.length * 2)).fill(this.#empty);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[at] = value;
    if (at >= this.length) this.length = at + 1;
  }

  push(value: number): void {
    this.set(this.length, value);
  }

  /** What was written, ascending. */
  sorted(): Float64Array | Int32Array | Uint8Array {
    return this.#values.slice(0, this.length).sort();
  }
}
