import { parentPort, workerData } from 'node:worker_threads';
import { checkEntries, type SealToCheck } from './check-entries.ts';
import { readPublicKeys } from './signing.ts';

/** What the thread is told: some whole seals, and their entries. */
export interface EntriesToCheck {
  readonly seals: readonly SealToCheck[];
  readonly lines: string;
}

const port = parentPort;
// In such a thread alone: whoever imports this file for its types runs none.
if (port) {
  const keys = readPublicKeys(workerData as string);
  port.on('message', ({ seals, lines }: EntriesToCheck) => port.postMessage(checkEntries(seals, lines, keys)));
}
