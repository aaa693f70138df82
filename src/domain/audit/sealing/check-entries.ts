import { type EntryParts, entryText, PART_SEPARATOR } from './entry-text.ts';
import { type Erased, leafOf } from './leaf.ts';
import { merkleRoot } from './merkle.ts';
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

/** One sealed entry as `SEALED_LINES` in read.ts gives it. */
interface Line {
  readonly sequence: number;
  readonly entryId: string;
  readonly leaf: string;
  /** Empty when the entry itself is gone. */
  readonly entity: string;
  readonly erasedFields: readonly string[];
  readonly computed: string | undefined;
}

/** How many parts the line of an entry that is there has. */
const ENTRY_PARTS = 14;

/**
 * Holds some seals against their own hashes and signatures, where keys are known, and the entries against the seals. `lines` are the entries. Pure, so that a thread can do it.
 */
export function checkEntries(seals: readonly SealToCheck[], lines: string, keys: PublicKeys): CheckedEntries {
  const findings: Finding[] = [];
  const erased: ErasedEntry[] = [];
  const bySeal = new Map<number, Line[]>(seals.map(({ seal }) => [seal.header.seal, []]));
  for (const text of lines === '' ? [] : lines.split('\n')) {
    const [sealNumber, line] = readLine(text);
    // One that is said to be of another seal is missing from its own.
    bySeal.get(sealNumber)?.push(line);
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

function readLine(text: string): [seal: number, Line] {
  const [sequence, seal, entryId, salt, leaf, erasedText, erasedFields, ...parts] = text.split(PART_SEPARATOR) as string[];
  const isThere = parts.length === ENTRY_PARTS;
  const erased = erasedText ? readErased(erasedText) : undefined;
  // An entry has its salt or what is left of it, and says itself what was erased.
  const isClear = erasedText ? erased !== undefined && salt === '' && Object.keys(erased.digests).every((name) => listOf(erasedFields).includes(name)) : true;
  const entry = parts as unknown as EntryParts;
  const line = {
    ...{ sequence: Number(sequence), entryId: entryId as string, leaf: leaf as string, erasedFields: listOf(erasedFields) },
    entity: isThere ? `${entry[6]} ${entry[7]}` : '',
    computed: isThere && isClear ? leafOf(entryText(entry), erased ?? (salt as string)) : undefined,
  };
  return [Number(seal), line];
}

const NONE: readonly string[] = [];
const listOf = (names: string | undefined): readonly string[] => (names ? names.split(',') : NONE);

/** Undefined for what no erasure leaves behind. */
function readErased(text: string): Erased | undefined {
  const erased = JSON.parse(text) as Partial<Erased> | null;
  const isRecord = (value: unknown): boolean => typeof value === 'object' && value !== null && Object.values(value).every((each) => typeof each === 'string');
  return isRecord(erased?.digests) && isRecord(erased?.salts) ? (erased as Erased) : undefined;
}
