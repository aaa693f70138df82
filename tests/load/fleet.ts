import type { Client } from '@grpc/grpc-js';
import { type ServingProcess, startProcess } from '../support/fleet/process.ts';

/** Several processes of the service over one database, some of which may be dead at times. */
export class Fleet {
  readonly #databaseUrl: string;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #slots: (ServingProcess | undefined)[] = [];
  #last: Client | undefined;
  /** Processes that ended although nobody told them to, with their last words; and what was logged as an error. */
  readonly faults: string[] = [];
  kills = 0;

  constructor(databaseUrl: string, settings: Readonly<Record<string, string>> = {}) {
    this.#databaseUrl = databaseUrl;
    this.#settings = settings;
  }

  /** Starts so many processes at once. */
  async start(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, slot) => this.#start(slot)));
  }

  /** A channel to one of the living; to a dead one when all are. */
  anyChannel(): Client {
    const living = this.#slots.filter((process) => process?.alive);
    this.#last = living[Math.floor(Math.random() * living.length)]?.channel ?? this.#last;
    if (!this.#last) throw new Error('no process was ever started');
    return this.#last;
  }

  /** Kills one of the living without a word and starts another in its place. */
  async killOne(): Promise<void> {
    const living = this.#slots.flatMap((process, slot) => (process?.alive ? [slot] : []));
    const slot = living[Math.floor(Math.random() * living.length)];
    if (slot === undefined) return;
    const process = this.#slots[slot];
    this.kills += 1;
    this.#slots[slot] = undefined;
    process?.signal('SIGKILL');
    await process?.ended;
    if (process) this.#retire(process);
    await this.#start(slot);
  }

  /** Tells all to stop, and answers what is wrong with how they did. */
  async stop(): Promise<void> {
    await Promise.all(
      this.#slots.splice(0).map(async (process) => {
        if (!process) return;
        const startMs = performance.now();
        process.signal('SIGTERM');
        const how = await process.ended;
        const tookMs = performance.now() - startMs;
        if (how !== 0 || tookMs > 10_500)
          this.faults.push(`a process told to stop ended with ${how} after ${Math.round(tookMs)} ms:\n${process.lines.slice(-5).join('\n')}`);
        this.#retire(process);
      }),
    );
  }

  /** Ends whatever still runs. */
  killAll(): void {
    for (const process of this.#slots.splice(0)) process?.signal('SIGKILL');
  }

  #retire(process: ServingProcess): void {
    process.channel.close();
    this.faults.push(...process.faults.map((line) => `logged: ${line}`));
  }

  async #start(slot: number): Promise<void> {
    // The database may be down at this moment: whoever keeps processes running tries again.
    for (let attempt = 1; ; attempt++) {
      try {
        const process = await startProcess(this.#databaseUrl, this.#settings);
        this.#slots[slot] = process;
        void process.ended.then((how) => {
          if (this.#slots[slot] === process) this.faults.push(`a process ended with ${how} by itself:\n${process.lines.slice(-5).join('\n')}`);
        });
        return;
      } catch (error) {
        if (attempt === 10) throw error;
      }
    }
  }
}
