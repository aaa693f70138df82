import TinyQueue from 'tinyqueue';

// Time, threads, cores and locks of the simulation of many machines.

/** What happens next. */
export type Then = () => void;

/** Simulated time, in milliseconds, and what is to happen when. */
export class Clock {
  now = 0;
  #count = 0;
  readonly #events = new TinyQueue<{ at: number; order: number; then: Then }>([], (a, b) => a.at - b.at || a.order - b.order);

  after(ms: number, then: Then): void {
    this.#events.push({ at: this.now + ms, order: this.#count++, then });
  }

  runUntil(end: number): void {
    for (let event = this.#events.peek(); event && event.at <= end; event = this.#events.peek()) {
      this.#events.pop();
      this.now = event.at;
      event.then();
    }
    this.now = end;
  }
}

/** Whoever comes is served in turn, so many at a time. */
export class Servers {
  readonly #clock: Clock;
  #free: number;
  readonly #line: { ms: number; then: Then }[] = [];
  #next = 0;

  constructor(clock: Clock, count: number) {
    this.#clock = clock;
    this.#free = count;
  }

  run(ms: number, then: Then): void {
    this.#line.push({ ms, then });
    this.#serve();
  }

  #serve(): void {
    while (this.#free > 0 && this.#next < this.#line.length) {
      const task = this.#line[this.#next++] as { ms: number; then: Then };
      if (this.#next > 1024) {
        this.#line.splice(0, this.#next);
        this.#next = 0;
      }
      this.#free -= 1;
      this.#clock.after(task.ms, () => {
        this.#free += 1;
        task.then();
        this.#serve();
      });
    }
  }
}

/** One thread: one task at a time, each on a core of its machine. */
export class Thread {
  readonly #cores: Servers;
  readonly #line: { ms: number; then: Then }[] = [];
  #isBusy = false;

  constructor(cores: Servers) {
    this.#cores = cores;
  }

  run(ms: number, then: Then): void {
    this.#line.push({ ms, then });
    this.#serve();
  }

  #serve(): void {
    const task = this.#isBusy ? undefined : this.#line.shift();
    if (!task) return;
    this.#isBusy = true;
    this.#cores.run(task.ms, () => {
      this.#isBusy = false;
      task.then();
      this.#serve();
    });
  }
}

/** The lock of a pool's row: first come, first served, over all processes. */
export class Lock {
  readonly #clock: Clock;
  readonly #line: Then[] = [];
  #since: number | undefined;
  heldMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take(then: Then): void {
    if (this.#since !== undefined) {
      this.#line.push(then);
      return;
    }
    this.#since = this.#clock.now;
    then();
  }

  release(): void {
    this.heldMs += this.#clock.now - (this.#since ?? this.#clock.now);
    this.#since = undefined;
    const next = this.#line.shift();
    if (next) this.take(next);
  }
}
