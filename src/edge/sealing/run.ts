import { setTimeout as delay } from 'node:timers/promises';
import type { MikroORM } from '@mikro-orm/postgresql';
import { type Seal, Sealer } from '../../domain/audit/index.ts';
import type { Config } from '../../foundation/config/index.ts';
import type { Writes } from '../../foundation/database/writes.ts';
import type { Logger } from '../../foundation/log.ts';
import type { Metrics } from '../../foundation/metrics.ts';
import type { CheckpointFile } from './checkpoint-file.ts';
import { CheckpointSender } from './checkpoint-sender.ts';
import type { AuditKeys } from './keys.ts';

/** How long after one look the next is taken, in milliseconds: most of the time that an entry waits for its seal. */
const ROUND_MS = 500;
/** The same after a failure. */
const RETRY_MS = 2_000;
/** So many failures in a row are told as an error. */
const ALARMING_FAILURES = 15;

/** What the sealing of the log works with. */
export interface SealingDeps {
  readonly orm: MikroORM;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly config: Config;
  readonly keys: AuditKeys;
  readonly checkpoints: CheckpointFile;
  readonly writes: Pick<Writes, 'closed'>;
}

/** Seals until it is stopped. */
export interface Sealing {
  /** Seals what is settled once more, writes a last checkpoint, and ends. */
  stop(): Promise<void>;
}

/** Begins to seal the audit log in this process, besides whoever else does; trouble goes to the log and is tried again. */
export async function startSealing(deps: SealingDeps): Promise<Sealing> {
  // Without a key nothing was put on record, and what is there is of another log.
  if (deps.keys.signer) await deps.checkpoints.read();
  const loop = new SealingLoop(deps);
  return { stop: () => loop.stop() };
}

class SealingLoop {
  readonly #deps: SealingDeps;
  readonly #sealer: Sealer;
  readonly #measures: ReturnType<typeof makeMeasures>;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  /** The newest seal of this process that is in no checkpoint. */
  #due: Seal | undefined;
  #lastCheckpointMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  readonly #sender: CheckpointSender;

  constructor(deps: SealingDeps) {
    this.#deps = deps;
    const { orm, keys, checkpoints } = deps;
    this.#sealer = new Sealer({ orm, signer: keys.signer, keys: keys.trusted, newestCheckpoint: () => checkpoints.newest });
    this.#measures = makeMeasures(deps.metrics);
    this.#sender = new CheckpointSender(deps.config, (error, seal) => this.#tellLoss(error, seal));
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#trySealing();
    await this.#keepCheckpoint();
    await this.#sender.stop();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const pauseMs = await this.#trySealing();
      if (this.#isDue(this.#lastCheckpointMs)) await this.#keepCheckpoint();
      this.#sender.sendDue();
      await delay(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  #isDue(lastMs: number): boolean {
    return performance.now() - lastMs >= this.#deps.config.auditCheckpointSeconds * 1000;
  }

  /** One round; answers after how many milliseconds the next is due. */
  async #trySealing(): Promise<number> {
    if (this.#deps.writes.closed !== undefined) return ROUND_MS;
    try {
      const { seals, entries, more, restored, lagsMs } = await this.#sealer.round();
      this.#failures = 0;
      this.#due = seals.at(-1) ?? this.#due;
      this.#measures.entries.add(entries);
      for (const lagMs of lagsMs) this.#measures.lag.record(lagMs / 1000);
      if (restored) {
        this.#measures.restores.add(1);
        this.#deps.log.error({ epoch: this.#due?.header.epoch, seal: this.#due?.header.seal }, `the audit log begins a new epoch: ${restored}`);
      }
      return more ? 0 : ROUND_MS;
    } catch (error) {
      this.#failures += 1;
      // Once is a hiccup of the database; what goes on is an alarm, told once.
      if (this.#failures === 1) this.#deps.log.warn({ err: error }, 'the audit log could not be sealed; it will be tried again');
      if (this.#failures === ALARMING_FAILURES)
        this.#deps.log.error({ err: error }, 'the audit log has not been sealed for a while; it is tried again and again');
      return RETRY_MS;
    }
  }

  /** Puts the newest seal on record outside the database. Unsigned ones prove nothing there. */
  async #keepCheckpoint(): Promise<void> {
    const seal = this.#due;
    if (seal?.signature === undefined) return;
    try {
      await this.#deps.checkpoints.add(seal);
      this.#lastCheckpointMs = performance.now();
      this.#due = undefined;
      this.#sender.offer(seal);
    } catch (error) {
      this.#lastCheckpointMs = performance.now();
      this.#tellLoss(error, seal);
    }
  }

  #tellLoss(error: unknown, seal: Seal): void {
    this.#deps.log.error({ err: error, seal: seal.header.seal }, 'a checkpoint of the audit log could not be kept');
  }
}

function makeMeasures(metrics: Metrics) {
  const meter = metrics.meter('audit');
  return {
    entries: meter.createCounter('docket_audit_sealed_entries_total', { description: 'Audit entries that this process has sealed' }),
    restores: meter.createCounter('docket_audit_epochs_total', {
      description: 'Times the log was found to be another than was sealed last; more than 0 is an alarm',
    }),
    lag: meter.createHistogram('docket_audit_seal_lag_seconds', {
      description: 'Time from a change to the seal of its audit entry: the longest of each round',
      advice: { explicitBucketBoundaries: [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300] },
    }),
  };
}
