import { generateKeyPairSync } from 'node:crypto';
import { vi } from 'vitest';
import { openSigner, readPublicKeys, type Seal, Sealer } from '../../src/domain/audit/index.ts';
import type { Finding, FindingKind } from '../../src/domain/audit/sealing/check-entries.ts';
import type { Round } from '../../src/domain/audit/sealing/sealer.ts';
import { type Tally, verifyLog } from '../../src/domain/audit/sealing/verification.ts';
import { sqlOf } from '../../src/foundation/database/sql.ts';
import type { Reading } from './reading.ts';

/** A signer with a key of its own. */
export const newSigner = () => openSigner(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());

/** The sealed log of a database, with the key and the checkpoints that its attackers do not have. */
export interface SealedLog {
  readonly sealer: Sealer;
  readonly signer: ReturnType<typeof newSigner>;
  /** Seals until nothing is left; other databases of the same server may have transactions under way that it must wait for. */
  rounds(): Promise<Round[]>;
  /** The same; answers the newest seal. */
  seal(): Promise<Seal>;
  verify(options?: { checkpoints?: readonly Seal[]; startSequence?: number; endSequence?: number }): Promise<{ findings: Finding[]; tally: Tally }>;
  /** Kinds of findings, each once, sorted. */
  kinds(checkpoints?: readonly Seal[]): Promise<FindingKind[]>;
}

/** Opens it; `newestCheckpoint` is what the sealer knows from outside. */
export function openSealedLog(reading: Reading, newestCheckpoint: () => Seal | undefined = () => undefined, signer = newSigner()): SealedLog {
  const keys = readPublicKeys(signer.publicKey);
  const sealer = new Sealer({ orm: reading.orm, signer, keys, newestCheckpoint });
  const verify: SealedLog['verify'] = async ({ checkpoints = [], ...bounds } = {}) => {
    const findings: Finding[] = [];
    let tally: Tally | undefined;
    for await (const told of verifyLog({ sql: sqlOf(reading.orm.em.fork()), keys, checkpoints, ...bounds })) {
      if ('kind' in told) findings.push(told);
      else tally = told;
    }
    if (!tally) throw new Error('a verification ended without a tally');
    return { findings, tally };
  };
  const rounds = async (): Promise<Round[]> => {
    const done: Round[] = [];
    await vi.waitFor(
      async () => {
        const round = await sealer.round();
        if (round.entries > 0) done.push(round);
        const [left] = await reading.sql('SELECT FROM audit_entries e WHERE NOT EXISTS (SELECT FROM sealed_entries s WHERE s.entry_id = e.entry_id) LIMIT 1');
        if (left) throw new Error('not everything is sealed');
      },
      { timeout: 20_000, interval: 10 },
    );
    return done;
  };
  return {
    sealer,
    signer,
    verify,
    rounds,
    async seal() {
      const newest = (await rounds()).at(-1)?.seals.at(-1);
      if (!newest) throw new Error('there was nothing to seal');
      return newest;
    },
    kinds: async (checkpoints = []) => [...new Set((await verify({ checkpoints })).findings.map(({ kind }) => kind))].sort(),
  };
}
