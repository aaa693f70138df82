import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { vi } from 'vitest';
import { openSigner, readPublicKeys, type Seal, Sealer } from '../../src/domain/audit/index.ts';
import type { Finding, FindingKind } from '../../src/domain/audit/sealing/check-entries.ts';
import { CheckThreads } from '../../src/domain/audit/sealing/check-threads.ts';
import type { Round } from '../../src/domain/audit/sealing/sealer.ts';
import { type Tally, verifyLog } from '../../src/domain/audit/sealing/verification.ts';
import { type ConnectionPlace, placeOf } from '../../src/foundation/database/connection.ts';
import { sqlOf } from '../../src/foundation/database/sql.ts';
import type { Reading } from './reading.ts';

/** A signer with a key of its own. */
export const newSigner = () => openSigner(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());

/** A file with a new private key in the folder. */
export async function writeKeyFile(folder: string): Promise<string> {
  const file = join(folder, 'key.pem');
  await writeFile(file, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return file;
}

/** The sealed log of a database, with the key and the checkpoints that its attackers do not have. */
export interface SealedLog {
  readonly sealer: Sealer;
  readonly signer: ReturnType<typeof newSigner>;
  /** Seals until nothing is left; other databases of the same server may have transactions under way that it must wait for. */
  rounds(): Promise<Round[]>;
  /** The same; answers the newest seal. */
  seal(): Promise<Seal>;
  verify(options?: {
    checkpoints?: readonly Seal[];
    startSequence?: number;
    endSequence?: number;
    place?: ConnectionPlace;
  }): Promise<{ findings: Finding[]; tally: Tally }>;
  /** Kinds of findings, each once, sorted. */
  kinds(checkpoints?: readonly Seal[]): Promise<FindingKind[]>;
}

/** Opens it; `newestCheckpoint` is what the sealer knows from outside. */
export function openSealedLog(
  reading: Pick<Reading, 'orm' | 'sql'>,
  newestCheckpoint: () => Seal | undefined = () => undefined,
  signer = newSigner(),
): SealedLog {
  const keys = readPublicKeys(signer.publicKey);
  const threads = new CheckThreads(keys);
  const sealer = new Sealer({ orm: reading.orm, signer, keys, newestCheckpoint });
  const verify: SealedLog['verify'] = async ({ checkpoints = [], ...bounds } = {}) => {
    const findings: Finding[] = [];
    let tally: Tally | undefined;
    for await (const told of verifyLog({ sql: sqlOf(reading.orm.em.fork()), place: placeOf(reading.orm.em), keys, threads, checkpoints, ...bounds })) {
      if ('kind' in told) findings.push(told);
      else tally = told;
    }
    if (!tally) throw new Error('a verification ended without a tally');
    return { findings, tally };
  };
  const unsealed = 'audit_entries e WHERE NOT EXISTS (SELECT FROM sealed_entries s WHERE s.entry_id = e.entry_id)';
  const rounds = async (): Promise<Round[]> => {
    const done: Round[] = [];
    // So that what is there goes into as few seals as it can.
    await vi.waitFor(
      async () => {
        const [under] = await reading.sql(
          `SELECT FROM ${unsealed} AND e.transaction_id >= pg_snapshot_xmin(pg_current_snapshot()) AND e.transaction_id < '9000000000' LIMIT 1`,
        );
        if (under) throw new Error('somebody who began before has not ended');
      },
      { timeout: 20_000, interval: 10 },
    );
    await vi.waitFor(
      async () => {
        const round = await sealer.round();
        if (round.entries > 0) done.push(round);
        const [left] = await reading.sql(`SELECT FROM ${unsealed} LIMIT 1`);
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
