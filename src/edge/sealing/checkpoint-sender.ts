import { checkpointLine, type Seal } from '../../domain/audit/index.ts';
import type { Config } from '../../foundation/config/index.ts';

/** How long a checkpoint may take to be sent, in milliseconds. */
const SEND_MS = 2_000;

/** Sends checkpoints to the configured address, if there is one. Nobody waits for it; one that could not be sent is sent again when the next would be due. */
export class CheckpointSender {
  readonly #address: string | undefined;
  readonly #intervalMs: number;
  readonly #tellLoss: (error: unknown, seal: Seal) => void;
  /** The newest that its receiver does not have. */
  #unsent: Seal | undefined;
  #sending: Promise<void> | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(config: Config, tellLoss: (error: unknown, seal: Seal) => void) {
    this.#address = config.auditCheckpointUrl;
    this.#intervalMs = config.auditCheckpointSeconds * 1000;
    this.#tellLoss = tellLoss;
  }

  /** Takes a new one; older ones need not be sent any more. */
  offer(seal: Seal): void {
    this.#unsent = seal;
  }

  /** Begins to send the newest, unless it is too early for it. */
  sendDue(): void {
    if (this.#sending || performance.now() - this.#lastMs < this.#intervalMs) return;
    this.#sending = this.#send().finally(() => (this.#sending = undefined));
  }

  /** Sends what is left. */
  async stop(): Promise<void> {
    await this.#sending;
    await this.#send();
  }

  async #send(): Promise<void> {
    const seal = this.#unsent;
    if (!seal || this.#address === undefined) return;
    this.#lastMs = performance.now();
    try {
      await post(this.#address, checkpointLine(seal));
      if (this.#unsent === seal) this.#unsent = undefined;
    } catch (error) {
      this.#tellLoss(error, seal);
    }
  }
}

async function post(address: string, body: string): Promise<void> {
  const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal: AbortSignal.timeout(SEND_MS) };
  const response = await fetch(address, request);
  await response.body?.cancel();
  if (!response.ok) throw new Error(`its receiver answered with status ${response.status}`);
}
