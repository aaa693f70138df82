import { entryText } from './entry-text.ts';
import { leafOf, type Salting } from './leaf.ts';
import { merkleRoot } from './merkle.ts';
import type { SealedRow } from './read.ts';
import { findSignatureFault, isHashed, type Seal } from './seal.ts';
import type { PublicKeys } from './signing.ts';

/** What can be wrong with the log. */
export type FindingKind =
  | 'ENTRY_ALTERED'
  | 'ENTRY_MISSING'
  | 'ENTRY_INSERTED'
  | 'ENTRIES_REORDERED'
  | 'ERASURE_NOT_ON_RECORD'
  | 'SEAL_ALTERED'
  | 'SEAL_MISSING'
  | 'SIGNATURE_INVALID'
  | 'CHECKPOINT_INVALID'
  | 'CHECKPOINT_CONTRADICTED'
  | 'LOG_CUT'
  | 'LOG_SET_BACK';

/** Something that is wrong, and where. */
export interface Finding {
  readonly kind: FindingKind;
  readonly says: string;
  readonly seal?: number;
  readonly sequence?: number;
  readonly entryId?: string;
}

/** A seal that is checked with its entries. */
export interface SealToCheck {
  readonly seal: Seal;
  /** Whether its entries are still kept; else only the seal itself is checked. */
  readonly isKept: boolean;
}

/** Values that were erased from an entry, to be held against the erasures on record. */
export interface ErasedEntry {
  readonly sequence: number;
  readonly entryId: string;
  /** Entity type and id as JSON text, joined by a space. */
  readonly entity: string;
  /** Such as `after.title`. */
  readonly fields: readonly string[];
}

/** What came of some seals' entries. */
export interface CheckedEntries {
  readonly findings: readonly Finding[];
  readonly erased: readonly ErasedEntry[];
}

/** What is to be known of one sealed entry. */
interface Line {
  readonly sequence: number;
  readonly entryId: string;
  readonly leaf: string;
  /** Empty when the entry itself is gone. */
  readonly entity: string;
  readonly erasedFields: readonly string[];
  readonly computed: string | undefined;
}

/**
 * Holds some seals against their own hashes and signatures, where keys are known, and the entries against the seals. `rows` are the entries. Pure, so that a thread can do it.
 */
export function checkEntries(seals: readonly SealToCheck[], rows: readonly SealedRow[], keys: PublicKeys): CheckedEntries {
  const findings: Finding[] = [];
  const erased: ErasedEntry[] = [];
  const bySeal = new Map<number, Line[]>(seals.map(({ seal }) => [seal.header.seal, []]));
  for (const row of rows) {
    const line = readRow(row);
    // One that is said to be of another seal is missing from its own.
    bySeal.get(Number(row.seal))?.push(line);
    if (line.erasedFields.length > 0) erased.push({ sequence: line.sequence, entryId: line.entryId, entity: line.entity, fields: line.erasedFields });
  }
  for (const { seal, isKept } of seals) {
    findings.push(...checkSeal(seal, keys));
    const own = (bySeal.get(seal.header.seal) ?? []).sort((a, b) => a.sequence - b.sequence);
    // Of a dropped month nothing must be there; what is must be right.
    findings.push(...checkEntriesOf(seal, own).filter(({ kind }) => isKept || kind === 'ENTRY_ALTERED'));
  }
  return { findings, erased };
}

function checkSeal(seal: Seal, keys: PublicKeys): Finding[] {
  const number = seal.header.seal;
  if (!isHashed(seal)) return [{ kind: 'SEAL_ALTERED', says: 'the seal is not what its hash was made of', seal: number }];
  // Seals of the time before there was a key have none; where they may be found is for the chain to say.
  const fault = keys.size > 0 && seal.key_id !== undefined ? findSignatureFault(seal, keys) : undefined;
  return fault === undefined ? [] : [{ kind: 'SIGNATURE_INVALID', says: fault, seal: number }];
}

function checkEntriesOf({ header }: Seal, lines: readonly Line[]): Finding[] {
  const { seal, first_sequence: firstSequence, last_sequence: lastSequence, merkle_root: root } = header;
  const findings: Finding[] = [];
  for (const { sequence, entryId, entity, leaf, computed } of lines) {
    const at = { seal, sequence, entryId };
    if (entity === '') findings.push({ kind: 'ENTRY_MISSING', says: 'the entry was sealed, and is gone', ...at });
    else if (computed !== leaf) findings.push({ kind: 'ENTRY_ALTERED', says: 'the entry is not what was sealed', ...at });
  }
  const expected = lastSequence - firstSequence + 1;
  if (lines.length !== expected || lines.some(({ sequence }, at) => sequence !== firstSequence + at)) {
    findings.push({
      kind: 'ENTRY_MISSING',
      says: `the seal covers sequences ${firstSequence} to ${lastSequence}, but ${lines.length} of ${expected} are on record as sealed`,
      seal,
    });
  } else if (merkleRoot(lines.map(({ leaf }) => leaf)) !== root) {
    findings.push({
      kind: 'ENTRIES_REORDERED',
      says: 'what is on record as sealed does not lead to the root of the seal: its entries were exchanged, or altered together with it',
      seal,
    });
  }
  return findings;
}

function readRow(row: SealedRow): Line {
  // Of an entry that is gone the join leaves nothing.
  const isThere = (row.entry_id as string | null) !== null;
  const salting = isThere ? saltingOf(row) : undefined;
  return {
    ...{ sequence: Number(row.sequence), entryId: row.sealed_entry_id, leaf: hexOf(row.leaf), erasedFields: listOf(row.erased) },
    entity: isThere ? `${row.entity_type} ${JSON.stringify(row.entity_id)}` : '',
    computed: salting && leafOf(entryText(row), salting),
  };
}

const NONE: readonly string[] = [];
const listOf = (names: string | null): readonly string[] => (names ? names.split(',') : NONE);
const hexOf = (bytes: string): string => bytes.slice(2);

/** Undefined for what no erasure leaves behind: an entry says itself what was erased from it. */
function saltingOf(row: SealedRow): Salting | undefined {
  const salts = hexOf(row.salts);
  if (row.digests === null) return { salts };
  const digests = JSON.parse(row.digests) as Readonly<Record<string, string>> | null;
  if (typeof digests !== 'object' || digests === null || Array.isArray(digests)) return undefined;
  const erased = listOf(row.erased);
  return Object.keys(digests).every((name) => erased.includes(name)) ? { salts, digests } : undefined;
}
