import type { ConnectionPlace } from '../../../foundation/database/connection.ts';
import type { Sql } from '../../../foundation/database/sql.ts';
import { SequenceNotReached } from '../errors.ts';
import type { CheckedEntries, ErasedEntry, Finding } from './check-entries.ts';
import type { CheckThreads } from './check-threads.ts';
import { countUnsealed, type Excuses, findHashes, findLastSeal, findSeal, findSealOf, listInserted, listSeals, listStrayRows, readExcuses } from './read.ts';
import { findSignatureFault, isHashed, type Seal } from './seal.ts';
import type { PublicKeys } from './signing.ts';

/** Seals looked at in one go. */
const SEALS_AT_ONCE = 1_000;
/** Entries that a thread reads and hashes in one go, about. */
const ENTRIES_AT_ONCE = 2_000;

/** What is verified, and against what. */
export interface Verification {
  readonly sql: Sql;
  /** Where threads read the entries: the same database. */
  readonly place: ConnectionPlace;
  readonly keys: PublicKeys;
  readonly threads: CheckThreads;
  /** Sequences; the whole log when absent. Seals are verified whole, those at both ends too. */
  readonly startSequence?: number | undefined;
  readonly endSequence?: number | undefined;
  /** Seals kept outside the database. */
  readonly checkpoints: readonly Seal[];
}

/** How far it has come, and in the end what there is. */
export interface Tally {
  entries: number;
  seals: number;
  /** Of the newest seal that was reached; 0 before the first. */
  lastSequence: number;
  /** Of the seals to be verified: where it will end. */
  endSequence: number;
  /** Entries from which values were erased, by the book or not. */
  erasedEntries: number;
  /** Entries that are no longer kept, in months dropped by the book. */
  droppedEntries: number;
  checkpoints: number;
  signatures: number;
  unsealedEntries: number;
}

/** Goes through the log and tells each finding as it comes, and between them how far it is. Ends with the last tally. */
export async function* verifyLog(verification: Verification): AsyncGenerator<Finding | Tally> {
  const { sql, startSequence, endSequence } = verification;
  const end = await findLastSeal(sql);
  const last = endSequence === undefined ? end : ((await findSealOf(sql, endSequence)) ?? end);
  const settled = end?.header.settled_entry_id ?? 0;
  if (startSequence !== undefined && startSequence > (end?.header.last_sequence ?? 0))
    throw new SequenceNotReached(startSequence, end?.header.last_sequence ?? 0);
  const first = startSequence === undefined ? undefined : await findSealOf(sql, startSequence);
  const tally: Tally = {
    ...{ entries: 0, seals: 0, lastSequence: 0, endSequence: last?.header.last_sequence ?? 0, erasedEntries: 0, droppedEntries: 0 },
    ...{ checkpoints: 0, signatures: 0, unsealedEntries: 0 },
  };
  if (last) yield* new SealCheck(verification, tally, last, await readExcuses(sql, settled)).run((first?.header.seal ?? 1) - 1);
  yield* checkCheckpoints(verification, end, tally);
  if (endSequence === undefined) {
    for (const { entry_id: entryId } of await listInserted(sql, settled)) {
      yield { kind: 'ENTRY_INSERTED', says: 'no seal covers it, though all entries around it are sealed', entryId };
    }
    for (const row of await listStrayRows(sql)) {
      yield { kind: 'ENTRY_INSERTED', says: 'a row calls it sealed, but no seal covers it', sequence: Number(row.sequence), entryId: row.entry_id };
    }
    tally.unsealedEntries = await countUnsealed(sql, settled);
  }
  yield { ...tally };
}

/** A stretch of seals, one after the other, with their entries, which threads read and hash. */
class SealCheck {
  readonly #verification: Verification;
  readonly #tally: Tally;
  readonly #last: Seal;
  readonly #excuses: Excuses;
  /** Oldest first. */
  readonly #pending: { readonly portion: readonly Seal[]; readonly checked: Promise<CheckedEntries> }[] = [];

  constructor(verification: Verification, tally: Tally, last: Seal, excuses: Excuses) {
    this.#excuses = excuses;
    this.#verification = verification;
    this.#tally = tally;
    this.#last = last;
  }

  async *run(after: number): AsyncGenerator<Finding | Tally> {
    const { sql, threads, keys } = this.#verification;
    const lastNumber = this.#last.header.seal;
    threads.enter();
    try {
      let previous = after === 0 ? undefined : await findSeal(sql, after);
      let reached = after;
      while (reached < lastNumber) {
        const seals = (await listSeals(sql, reached, SEALS_AT_ONCE)).filter(({ header }) => header.seal <= lastNumber);
        if (seals.length === 0) break;
        for (const seal of seals) {
          yield* checkChain(seal, previous, reached);
          previous = seal;
          reached = seal.header.seal;
        }
        this.#tally.seals += seals.length;
        yield* this.#checkPortions(seals);
      }
      while (this.#pending.length > 0) yield* this.#collect();
      // Whoever hashes the log anew can leave the signatures out, but not make them.
      if (keys.size > 0 && this.#last.key_id === undefined)
        yield { kind: 'SIGNATURE_INVALID', says: 'it is not signed, though there is a key', seal: lastNumber };
    } finally {
      await Promise.allSettled(this.#pending.map(({ checked }) => checked));
      threads.leave();
    }
  }

  async *#checkPortions(seals: readonly Seal[]): AsyncGenerator<Finding | Tally> {
    for (const portion of portionsOf(seals)) {
      if (this.#pending.length === this.#verification.threads.count) yield* this.#collect();
      const checked = this.#check(portion);
      // It is waited for later; until then its failure is nobody's.
      checked.catch(() => undefined);
      this.#pending.push({ portion, checked });
    }
  }

  #isKept({ header }: Seal): boolean {
    return header.month > this.#excuses.droppedThrough;
  }

  #check(portion: readonly Seal[]): Promise<CheckedEntries> {
    const { place, threads } = this.#verification;
    return threads.check({ place, seals: portion.map((seal) => ({ seal, isKept: this.#isKept(seal) })) });
  }

  /** What was found in the portion that has been waited for the longest, and that it is done. */
  async *#collect(): AsyncGenerator<Finding | Tally> {
    const oldest = this.#pending.shift();
    if (!oldest) return;
    const { findings, erased } = await oldest.checked;
    yield* findings;
    for (const entry of erased) yield* this.#checkErasure(entry);
    const { portion } = oldest;
    const dropped = countEntries(portion.filter((seal) => !this.#isKept(seal)));
    this.#tally.droppedEntries += dropped;
    this.#tally.entries += countEntries(portion) - dropped;
    this.#tally.signatures += this.#verification.keys.size > 0 ? portion.filter(({ key_id }) => key_id !== undefined).length : 0;
    this.#tally.lastSequence = (portion.at(-1) as Seal).header.last_sequence;
    yield { ...this.#tally };
  }

  /** An erasure explains what is gone from entries before it, and no more. */
  *#checkErasure({ sequence, entryId, entity, fields }: ErasedEntry): Generator<Finding> {
    this.#tally.erasedEntries += 1;
    const later = (this.#excuses.erasures.get(entity) ?? []).filter((erasure) => erasure.entryId > Number(entryId));
    const unexplained = fields.filter((field) => !later.some((erasure) => erasure.fields.includes(field.replace(/^(before|after)\./, ''))));
    if (unexplained.length > 0) yield { kind: 'ERASURE_NOT_ON_RECORD', says: `no erasure on record took out ${unexplained.join(', ')}`, sequence, entryId };
  }
}

function* checkChain(seal: Seal, previous: Seal | undefined, reached: number): Generator<Finding> {
  const number = seal.header.seal;
  if (number !== reached + 1) yield { kind: 'SEAL_MISSING', says: `after seal ${reached} comes seal ${number}`, seal: reached + 1 };
  else if (previous && seal.header.previous_hash !== previous.hash)
    yield { kind: 'SEAL_ALTERED', says: `the seal does not follow on seal ${reached}`, seal: number };
  if (previous?.key_id !== undefined && seal.key_id === undefined)
    yield { kind: 'SIGNATURE_INVALID', says: 'it is not signed, though the seal before it is', seal: number };
  const expected = (previous?.header.last_sequence ?? 0) + 1;
  if ((previous || reached === 0) && number === reached + 1 && seal.header.first_sequence !== expected) {
    yield { kind: 'SEAL_ALTERED', says: `the seal begins at sequence ${seal.header.first_sequence}, not at ${expected}`, seal: number };
  }
}

/** Holds the log against seals that were kept where nobody who can change the database could change them. */
async function* checkCheckpoints({ sql, keys, checkpoints }: Verification, end: Seal | undefined, tally: Tally): AsyncGenerator<Finding> {
  const hashes = await findHashes(
    sql,
    checkpoints.map(({ header }) => header.seal),
  );
  for (const checkpoint of checkpoints) {
    const { seal, epoch } = checkpoint.header;
    if (hashes.get(seal) === checkpoint.hash) {
      tally.checkpoints += 1;
      continue;
    }
    const fault = isHashed(checkpoint) ? findSignatureFault(checkpoint, keys) : 'its hash is not that of what it says';
    if (fault) {
      yield { kind: 'CHECKPOINT_INVALID', says: `the checkpoint cannot be believed: ${fault}`, seal };
      continue;
    }
    const present = (await findSeal(sql, seal)) ?? end;
    const says = `seal ${seal} of epoch ${epoch} is not there any more`;
    if ((present?.header.epoch ?? 0) > epoch)
      yield { kind: 'LOG_SET_BACK', says: `${says}: the database was set back to an earlier state, and went on from there`, seal };
    else if (seal < (end?.header.seal ?? 0) && !hashes.has(seal)) yield { kind: 'SEAL_MISSING', says: `${says}, though later ones are`, seal };
    else if (hashes.has(seal)) yield { kind: 'CHECKPOINT_CONTRADICTED', says: `${says}, there is another one: the log was rewritten`, seal };
    else yield { kind: 'LOG_CUT', says: `${says}: the log ends with seal ${end?.header.seal ?? 0}`, seal };
  }
}

const countEntries = (seals: readonly Seal[]): number => seals.reduce((sum, { header }) => sum + header.last_sequence - header.first_sequence + 1, 0);

/** Neighbouring seals by some thousand entries. */
function* portionsOf(seals: readonly Seal[]): Generator<readonly Seal[]> {
  let portion: Seal[] = [];
  for (const seal of seals) {
    portion.push(seal);
    if (seal.header.last_sequence - (portion[0] as Seal).header.first_sequence < ENTRIES_AT_ONCE) continue;
    yield portion;
    portion = [];
  }
  if (portion.length > 0) yield portion;
}
