import { Client } from 'pg';
import { DomainError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';

/** How often the database is asked whether it takes changes, in milliseconds. */
const LOOK_MS = 1_000;
/** An answer that takes longer than this is none. */
const ANSWER_MS = 5_000;
/** How long refused callers are asked to wait, in milliseconds. */
const RETRY_AFTER_MS = 5_000;

/**
 * Why nothing may be changed: the setting says so, or the database is a standby, or it (or the user) is set to
 * `default_transaction_read_only`.
 */
export type Closed = 'setting' | 'standby' | 'database';

/** Whether changes may be made. */
export interface Writes {
  /** Why not; undefined: they may. */
  readonly closed: Closed | undefined;
  /** Told each time that it changes; answers how to hear no more. */
  onChange(listener: () => void): () => void;
  /** Stops looking. */
  stop(): Promise<void>;
}

/** The change cannot be made: this service, or its database, only answers reads at present. */
export class ReadOnly extends DomainError {
  constructor(cause?: unknown) {
    super('unavailable', 'READ_ONLY', 'the service only answers reads at present; nothing was changed', {
      retryAfterMs: RETRY_AFTER_MS,
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

/**
 * Asks the database itself, on a new connection: only these have what `ALTER DATABASE … SET default_transaction_read_only` says.
 * Fails as the database does.
 */
export async function lookAtWrites(url: string): Promise<Closed | undefined> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: ANSWER_MS, query_timeout: ANSWER_MS, application_name: 'docket-writes' });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ standby: boolean; closed: boolean }>(
      `SELECT pg_is_in_recovery() AS standby, current_setting('default_transaction_read_only')::boolean AS closed`,
    );
    const [found] = rows;
    return found?.standby ? 'standby' : found?.closed ? 'database' : undefined;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Looks now, and then again and again: a standby becomes the first, a database is closed for maintenance and opened again. */
export async function watchWrites(deps: {
  readonly url: string;
  readonly readOnly: boolean;
  readonly log: Logger;
  readonly metrics: Metrics;
}): Promise<Writes> {
  const watch = new WritesWatch(deps, deps.readOnly ? 'setting' : await lookAtWrites(deps.url));
  return watch;
}

class WritesWatch implements Writes {
  readonly #deps: { readonly url: string; readonly log: Logger };
  readonly #listeners = new Set<() => void>();
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #closed: Closed | undefined;
  #looking: Promise<void> | undefined;

  constructor(deps: { readonly url: string; readonly readOnly: boolean; readonly log: Logger; readonly metrics: Metrics }, closed: Closed | undefined) {
    this.#deps = deps;
    this.#closed = closed;
    deps.metrics
      .meter('database')
      .createObservableGauge('docket_read_only', { description: '1 while only reads are answered, else 0' })
      .addCallback((result) => result.observe(this.#closed === undefined ? 0 : 1));
    if (closed !== undefined) this.#tell();
    // A setting does not change while the process runs.
    if (deps.readOnly) return;
    this.#timer = setInterval(() => {
      this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    }, LOOK_MS).unref();
  }

  get closed(): Closed | undefined {
    return this.#closed;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    this.#listeners.clear();
  }

  async #look(): Promise<void> {
    // While the database does not answer, nothing can be changed anyway, and what was known stays.
    const found = await lookAtWrites(this.#deps.url).catch(() => this.#closed);
    if (found === this.#closed) return;
    this.#closed = found;
    this.#tell();
    for (const listener of [...this.#listeners]) listener();
  }

  #tell(): void {
    if (this.#closed === undefined) this.#deps.log.warn('changes are made again');
    else this.#deps.log.warn({ why: this.#closed }, 'only reads are answered: nothing is changed, no jobs run, the audit log is not sealed');
  }
}
