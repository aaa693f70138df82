import { parentPort, workerData } from 'node:worker_threads';
import type { Client } from 'pg';
import { type ConnectionPlace, openConnection } from '../../../foundation/database/connection.ts';
import { sqlStateOf } from '../../../foundation/database/failures.ts';
import { type CheckedEntries, checkEntries, type SealToCheck } from './check-entries.ts';
import { SEALED_ROWS, type SealedRow } from './read.ts';
import { readPublicKeys } from './signing.ts';

/** What the thread is told: some neighbouring seals, and where their entries are. */
export interface EntriesToCheck {
  readonly place: ConnectionPlace;
  readonly seals: readonly SealToCheck[];
}

/** What came of it; or why it failed, in a form that crosses threads. */
export type Checked = CheckedEntries | { readonly failed: { readonly message: string; readonly code: string | undefined } };

/** Everything as the database prints it. */
const types = { getTypeParser: () => (text: string) => text };

/** Reads and checks; its connection lasts as long as the thread. */
class Checker {
  readonly #keys = readPublicKeys(workerData as string);
  #connection: { readonly client: Client; readonly url: string } | undefined;

  async check({ place, seals }: EntriesToCheck): Promise<Checked> {
    try {
      const client = await this.#connect(place);
      const range = [seals[0]?.seal.header.first_sequence, seals.at(-1)?.seal.header.last_sequence];
      const { rows } = await client.query<SealedRow>({ text: SEALED_ROWS, values: range, types });
      return checkEntries(seals, rows, this.#keys);
    } catch (error) {
      await this.#disconnect();
      return { failed: { message: error instanceof Error ? error.message : String(error), code: sqlStateOf(error) ?? codeOf(error) } };
    }
  }

  async #connect(place: ConnectionPlace): Promise<Client> {
    if (this.#connection?.url !== place.url) {
      await this.#disconnect();
      const client = await openConnection(place);
      // Of one that is lost the next query tells.
      client.on('error', () => undefined);
      this.#connection = { client, url: place.url };
    }
    return this.#connection.client;
  }

  async #disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.client.end().catch(() => undefined);
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

const port = parentPort;
// In such a thread alone: whoever imports this file for its types runs none.
if (port) {
  const checker = new Checker();
  port.on('message', (told: EntriesToCheck) => void checker.check(told).then((checked) => port.postMessage(checked)));
}
