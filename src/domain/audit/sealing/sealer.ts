import { randomBytes } from 'node:crypto';
import type { MikroORM } from '@mikro-orm/postgresql';
import { type Sql, sqlOf } from '../../../foundation/database/sql.ts';
import { ENTRY_COLUMNS, type EntryRow, entryText } from './entry-text.ts';
import { countSalts, leafOf, SALT_BYTES } from './leaf.ts';
import { merkleRoot } from './merkle.ts';
import { findHashes, findLastSeal } from './read.ts';
import { findSignatureFault, makeSeal, type Seal } from './seal.ts';
import type { PublicKeys, Signer } from './signing.ts';

/** Entries in one seal at most: a proof needs 10 hashes then. */
export const SEAL_ENTRIES = 1_024;
const HASH_BYTES = 32;

/** How a round ended. */
export interface Round {
  readonly seals: readonly Seal[];
  readonly entries: number;
  /** There is more to seal at once. */
  readonly more: boolean;
  /** How long the oldest entry had waited, in milliseconds; none when there was none. */
  readonly lagsMs: readonly number[];
  /** The database turned out to be an older state of itself: why that is believed. */
  readonly restored?: string;
}

const NOTHING: Round = { seals: [], entries: 0, more: false, lagsMs: [] };

/** Where the log stood at some moment: whoever began to write after it has transaction and entry ids beyond these. */
interface Mark {
  readonly nextTransaction: bigint;
  readonly entryId: bigint;
}

/** Once through all that is unsealed: a part of it in each round. */
interface Pass {
  /** Of the transactions under way when it began: what those before it wrote is met. */
  readonly oldestTransaction: bigint;
  readonly afterEntryId: bigint;
}

/** Why the log is believed not to be the one that was sealed last. */
interface Restore {
  /** That begins now. */
  readonly epoch: number;
  readonly why: string;
  /** What the last seal says is not believed. */
  readonly isForged: boolean;
}

/** What a round learnt, true once it is committed. */
interface Finished {
  readonly round: Round;
  readonly mark: Mark;
  readonly settled: bigint;
  readonly pass: Pass;
}

interface LastSeal {
  readonly seal: string;
  readonly epoch: number;
  readonly last_sequence: string;
  readonly hash: string;
  readonly settled_entry_id: string;
  readonly server: string;
  readonly epoch_entry_id: string;
  readonly key_id: string | null;
}

interface Entry extends EntryRow {
  readonly month: string;
  readonly waited_ms: number;
}

/** What a sealer works with. */
export interface SealerDeps {
  readonly orm: MikroORM;
  /** Without one seals are not signed. */
  readonly signer: Signer | undefined;
  /** That seals may have been signed with. */
  readonly keys: PublicKeys;
  /** The newest seal that is on record outside the database, if any. */
  readonly newestCheckpoint: () => Seal | undefined;
}

/**
 * Numbers and chains the entries of the audit log after their commit. Any process may try: the one that holds the lock seals, and where it stopped the next
 * goes on, since all that matters is in the database. Nobody who writes entries ever waits for it.
 */
export class Sealer {
  readonly #orm: MikroORM;
  readonly #signer: Signer | undefined;
  readonly #keys: PublicKeys;
  readonly #newestCheckpoint: () => Seal | undefined;
  #marks: Mark[] = [];
  /** The newest seal that this process made. */
  #lastSeal = 0;
  /** No entry up to here is unsealed. */
  #settled = 0n;
  /** Where a pass over more entries than fit into a round goes on. */
  #pass: Pass | undefined;
  /** Everything was sealed when the log and the oldest transaction stood here. */
  #drained: { readonly entryId: bigint; readonly oldestTransaction: bigint } | undefined;

  constructor(deps: SealerDeps) {
    this.#orm = deps.orm;
    this.#signer = deps.signer;
    this.#keys = deps.keys;
    this.#newestCheckpoint = deps.newestCheckpoint;
  }

  /** Seals what is settled, some thousand entries at most. Does nothing while another process is at it. */
  async round(): Promise<Round> {
    if (await this.#isIdle()) return NOTHING;
    const finished = await this.#orm.em.fork().transactional((em) => this.#seal(sqlOf(em)));
    if (!finished) return NOTHING;
    this.#learn(finished);
    return finished.round;
  }

  /** Nothing was written since all was sealed, and nobody has ended who was writing then. */
  async #isIdle(): Promise<boolean> {
    if (!this.#drained) return false;
    const { entryId, oldestTransaction } = await readMark(sqlOf(this.#orm.em.fork()));
    return entryId === this.#drained.entryId && (this.#settled === entryId || oldestTransaction === this.#drained.oldestTransaction);
  }

  /** A mark counts once everybody who had begun before it had ended, and a whole pass has been made since. */
  #learn({ round, mark, settled, pass }: Finished): void {
    this.#settled = settled;
    this.#lastSeal = round.seals.at(-1)?.header.seal ?? this.#lastSeal;
    this.#marks = [...this.#marks, mark];
    this.#pass = round.more ? pass : undefined;
    this.#drained = round.more ? undefined : { entryId: mark.entryId, oldestTransaction: pass.oldestTransaction };
    if (round.more) return;
    while (this.#marks[0] && this.#marks[0].nextTransaction <= pass.oldestTransaction) this.#settled = (this.#marks.shift() as Mark).entryId;
  }

  async #seal(sql: Sql): Promise<Finished | undefined> {
    const [lock] = await sql<{ held: boolean }>(`SELECT pg_try_advisory_xact_lock(hashtext('docket.seal_audit_entries')) AS held`);
    if (!lock?.held) return undefined;
    // Rows are found by their keys: a plan made while the tables were small would go through all of them later.
    await sql(`SELECT set_config('enable_' || way, 'off', true) FROM unnest('{seqscan,hashjoin,mergejoin}'::text[]) way`);
    const { oldestTransaction, entryId } = await readMark(sql);
    // Whoever gets a transaction id after this one has entry ids beyond the mark: the snapshot's own end would not do, since the newest
    // transaction under way may have that very id.
    const [own] = await sql<{ id: string }>('SELECT pg_current_xact_id()::text AS id');
    const mark: Mark = { entryId, nextTransaction: BigInt(own?.id ?? 0) };
    const last = await readLastSeal(sql);
    const [now] = await sql<{ time: string; server: string }>(
      `SELECT to_jsonb(docket_now()) #>> '{}' AS time, system_identifier::text AS server FROM pg_control_system()`,
    );
    if (!now) throw new Error('the database did not say what time it is');
    const restore = await this.#findRestore(sql, last, now.server);
    const settled = this.#settledAt(last, restore, mark);
    const epoch = { number: restore?.epoch ?? last?.epoch ?? 1, entryId: restore ? mark.entryId : BigInt(last?.epoch_entry_id ?? 0) };
    const pass = (restore ? undefined : this.#pass) ?? { oldestTransaction, afterEntryId: settled };
    const entries = await readUnsealed(sql, pass, epoch.entryId);
    const seals: Seal[] = [];
    for (const month of new Set(entries.map((entry) => entry.month))) {
      const ofMonth = entries.filter((entry) => entry.month === month);
      const before = seals.at(-1) ?? { header: { seal: Number(last?.seal ?? 0), last_sequence: Number(last?.last_sequence ?? 0) }, hash: last?.hash };
      const { seal, last_sequence: sequence } = before.header;
      const header = {
        ...{ format: 1 as const, seal: seal + 1, epoch: epoch.number, first_sequence: sequence + 1, last_sequence: sequence + ofMonth.length },
        ...{ month, previous_hash: before.hash ?? randomBytes(HASH_BYTES).toString('hex'), time: now.time },
        ...{ settled_entry_id: Number(settled), server: now.server, epoch_entry_id: Number(epoch.entryId) },
      };
      seals.push(await writeSeal(sql, ofMonth, { header, signer: this.#signer }));
    }
    const lagsMs = entries.length === 0 ? [] : [Math.max(...entries.map(({ waited_ms }) => waited_ms))];
    const round = {
      seals,
      entries: entries.length,
      more: entries.length === SEAL_ENTRIES,
      lagsMs,
      ...(restore && seals.length > 0 && { restored: restore.why }),
    };
    const reached = entries.at(-1);
    return { round, mark, settled, pass: reached ? { ...pass, afterEntryId: BigInt(reached.entry_id) } : pass };
  }

  /** Up to where nothing is unsealed: as the last seal says, or as this process knows, unless the log is not the one that it knew. */
  #settledAt(last: LastSeal | undefined, restore: Restore | undefined, mark: Mark): bigint {
    const isOlder = Number(last?.seal ?? 0) < this.#lastSeal;
    if (restore || isOlder) [this.#marks, this.#pass] = [[], undefined];
    const stored = restore?.isForged ? 0n : BigInt(last?.settled_entry_id ?? 0);
    const settled = restore || isOlder || stored > this.#settled ? stored : this.#settled;
    return settled > mark.entryId ? 0n : settled;
  }

  /** Whether the log is not the one that was sealed last: an older state of it, one on another server, or a forged one. Then a new epoch begins. */
  async #findRestore(sql: Sql, last: LastSeal | undefined, server: string): Promise<Restore | undefined> {
    const known = this.#newestCheckpoint();
    const epoch = Math.max(known?.header.epoch ?? 0, last?.epoch ?? 0) + 1;
    if (known && known.header.epoch >= (last?.epoch ?? 0)) {
      const { seal } = known.header;
      const hash = (await findHashes(sql, [seal])).get(seal);
      if (hash === undefined) return { epoch, isForged: false, why: `the last seal is ${last?.seal ?? 'none'}, but a checkpoint speaks of seal ${seal}` };
      if (hash !== known.hash) return { epoch, isForged: true, why: `seal ${seal} is another one than a checkpoint says` };
    }
    if (!last) return undefined;
    if (last.server !== server) return { epoch, isForged: false, why: 'the database is on another server than at its last seal' };
    const fault = this.#keys.size > 0 && last.key_id !== null ? findSignatureFault((await findLastSeal(sql)) as Seal, this.#keys) : undefined;
    return fault === undefined ? undefined : { epoch, isForged: true, why: `the last seal cannot be believed: ${fault}` };
  }
}

/** The last entry id that was given out, and the oldest transaction under way a moment later. */
async function readMark(sql: Sql): Promise<Pick<Mark, 'entryId'> & { readonly oldestTransaction: bigint }> {
  const [entry] = await sql<{ id: string }>('SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS id FROM audit_entry_ids');
  const [at] = await sql<{ oldest: string }>('SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS oldest');
  return { entryId: BigInt(entry?.id ?? 0), oldestTransaction: BigInt(at?.oldest ?? 0) };
}

async function readLastSeal(sql: Sql): Promise<LastSeal | undefined> {
  const [last] = await sql<LastSeal>(
    `SELECT seal, epoch, last_sequence, encode(hash, 'hex') AS hash, settled_entry_id, server, epoch_entry_id, key_id FROM audit_seals ORDER BY seal DESC LIMIT 1`,
  );
  return last;
}

/** Entries of transactions that have all ended, oldest first. Up to the beginning of an epoch transaction ids are another server's, and mean nothing. */
function readUnsealed(sql: Sql, { oldestTransaction, afterEntryId }: Pass, epochEntryId: bigint): Promise<Entry[]> {
  return sql<Entry>(
    `SELECT ${ENTRY_COLUMNS}, to_char(e.time AT TIME ZONE 'UTC', 'YYYY-MM-01') AS month,
       (extract(epoch FROM docket_now() - e.time) * 1000)::float8 AS waited_ms
     FROM audit_entries e
     WHERE e.entry_id > $1 AND (e.transaction_id < $2::xid8 OR e.entry_id <= $3)
       AND NOT EXISTS (SELECT FROM sealed_entries s WHERE s.entry_id = e.entry_id AND s.time = e.time)
     ORDER BY e.entry_id LIMIT ${SEAL_ENTRIES}`,
    [afterEntryId, String(oldestTransaction), epochEntryId],
  );
}

/** What goes into a seal besides its entries. */
interface SealParts {
  readonly header: Omit<Seal['header'], 'merkle_root'>;
  readonly signer: Signer | undefined;
}

async function writeSeal(sql: Sql, entries: readonly Entry[], { header, signer }: SealParts): Promise<Seal> {
  const texts = entries.map(entryText);
  const salts = texts.map((text) => randomBytes(countSalts(text) * SALT_BYTES).toString('hex'));
  const leaves = texts.map((text, at) => leafOf(text, { salts: salts[at] as string }) as string);
  const seal = makeSeal({ ...header, merkle_root: merkleRoot(leaves) }, signer);
  await sql(
    `INSERT INTO sealed_entries (sequence, seal, entry_id, time, salts, leaf)
     SELECT $1::bigint + place - 1, $2, entry_id, time, decode(salts, 'hex'), decode(leaf, 'hex')
     FROM unnest($3::bigint[], $4::timestamptz[], $5::text[], $6::text[]) WITH ORDINALITY AS new(entry_id, time, salts, leaf, place)`,
    [header.first_sequence, header.seal, entries.map((entry) => entry.entry_id), entries.map((entry) => entry.time), salts, leaves],
  );
  await sql(
    `INSERT INTO audit_seals (seal, epoch, first_sequence, last_sequence, month, merkle_root, previous_hash, hash, time, key_id, signature, settled_entry_id, server, epoch_entry_id)
     VALUES ($1, $2, $3, $4, $5, decode($6, 'hex'), decode($7, 'hex'), decode($8, 'hex'), $9, $10, decode($11, 'base64'), $12, $13, $14)`,
    [
      ...[header.seal, header.epoch, header.first_sequence, header.last_sequence, header.month, seal.header.merkle_root, header.previous_hash],
      ...[seal.hash, header.time, seal.key_id ?? null, seal.signature ?? null, header.settled_entry_id, header.server, header.epoch_entry_id],
    ],
  );
  return seal;
}
