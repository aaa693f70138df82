import type { Seal } from './seal.ts';
import type { PublicKeys } from './signing.ts';

/** What a verification believes, none of it from the database. */
export interface Trust {
  /** Keys that seals are or were signed with. */
  readonly keys: PublicKeys;
  /** The seals that this service put on record outside the database. */
  checkpoints(): Promise<readonly Seal[]>;
}

/** Hashes can be verified with it, and nothing else. */
export const NO_TRUST: Trust = { keys: new Map(), checkpoints: async () => [] };
