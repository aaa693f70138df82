import type { Sql } from '../../../foundation/database/sql.ts';
import { AuditEntryNotFound, AuditEntryNotSealed } from '../errors.ts';
import { canonicalJson, parseExactJson } from './canonical-json.ts';
import { type EntryText, ERASABLE_COLUMNS } from './entry-text.ts';
import { leafOf } from './leaf.ts';
import { merklePath, rootOfPath } from './merkle.ts';
import { findSeal } from './read.ts';
import { checkpointLine, findSignatureFault, isHashed, readCheckpoint } from './seal.ts';
import type { PublicKeys } from './signing.ts';

/** That an entry is part of a seal, in the names of the contract's JSON. */
export interface InclusionProof {
  readonly entryId: string;
  readonly sequence: string;
  /** In hexadecimal. */
  readonly salts: string;
  readonly digests: Readonly<Record<string, string>>;
  /** In hexadecimal. */
  readonly path: readonly string[];
  readonly seal: string;
}

/** Makes the proof of an entry. Throws AuditEntryNotFound, AuditEntryNotSealed. */
export async function proveInclusion(sql: Sql, entryId: string): Promise<InclusionProof> {
  const [entry] = await sql<{ sequence: string | null; seal: string; salts: string; digests: Readonly<Record<string, string>> | null }>(
    `SELECT s.sequence, s.seal, encode(s.salts, 'hex') AS salts, s.digests
     FROM audit_entries e LEFT JOIN sealed_entries s ON s.entry_id = e.entry_id AND s.time = e.time WHERE e.entry_id = $1`,
    [entryId],
  );
  if (!entry) throw new AuditEntryNotFound(entryId);
  const { sequence, salts, digests } = entry;
  const seal = sequence === null ? undefined : await findSeal(sql, Number(entry.seal));
  if (sequence === null || !seal) throw new AuditEntryNotSealed(entryId);
  const { first_sequence: first, last_sequence: last } = seal.header;
  const leaves = await sql<{ leaf: string }>(`SELECT encode(leaf, 'hex') AS leaf FROM sealed_entries WHERE sequence BETWEEN $1 AND $2 ORDER BY sequence`, [
    first,
    last,
  ]);
  return {
    ...{ entryId, sequence, salts, digests: digests ?? {}, seal: checkpointLine(seal) },
    path: merklePath(
      leaves.map(({ leaf }) => leaf),
      Number(sequence) - first,
    ),
  };
}

const CLEAR_MEMBERS = ['entry_id', 'time', 'actor', 'actor_kind', 'rpc', 'request_id', 'entity_type', 'entity_id', 'version', 'operation', 'changed_fields'];
const MEMBERS: ReadonlySet<string> = new Set([...CLEAR_MEMBERS, 'sequence', 'reason', 'before', 'after', 'erased_fields']);

/** An exported entry: a line of NDJSON. */
type ExportedEntry = Readonly<Record<string, ReturnType<typeof parseExactJson>>>;

/**
 * Verifies a proof with nothing but the exported entry and the public keys: no database, no service. Answers what is wrong; undefined when
 * the entry is what was sealed. @throws Error when the texts are no entry and no seal.
 */
export function findProofFault(exportedLine: string, proof: InclusionProof, keys: PublicKeys): string | undefined {
  const entry = parseExactJson(exportedLine) as ExportedEntry | null;
  if (entry === null || typeof entry !== 'object' || Array.isArray(entry)) return 'the entry is no object of JSON';
  const unknown = Object.keys(entry).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) return `no entry has a member ${JSON.stringify(unknown)}`;
  if (canonicalJson(entry.sequence ?? null) !== proof.sequence) return `the entry has another sequence than the proof, which is of ${proof.sequence}`;
  const seal = readCheckpoint(proof.seal);
  const { first_sequence: first, last_sequence: last, merkle_root: root } = seal.header;
  if (!isHashed(seal)) return 'the seal is not what its hash was made of';
  const fault = findSignatureFault(seal, keys);
  if (fault) return `the seal cannot be believed: ${fault}`;
  const leaf = leafOf(textOfExport(entry), proof);
  if (leaf === undefined) return 'the proof has more or fewer salts than the entry has values, or gives a digest for one that is there';
  const reached = rootOfPath(leaf, Number(proof.sequence) - first, last - first + 1, proof.path);
  return reached === root ? undefined : 'the entry is not what was sealed';
}

/** The same text that the seal was made from: whatever wrote the line anew may have changed its order and its spaces. */
function textOfExport(entry: ExportedEntry): EntryText {
  const values: { name: string; content: string }[] = [];
  const clearOf = (image: 'after' | 'before'): string => {
    const columns = entry[image];
    if (columns === null || columns === undefined) return 'null';
    const clear: Record<string, ReturnType<typeof parseExactJson>> = {};
    for (const [name, value] of Object.entries(columns)) {
      if (ERASABLE_COLUMNS.has(name)) values.push({ name: `${image}.${name}`, content: canonicalJson(value) });
      else clear[name] = value;
    }
    return canonicalJson(clear);
  };
  const [after, before] = [clearOf('after'), clearOf('before')];
  values.push({ name: 'reason', content: canonicalJson(entry.reason ?? '') });
  values.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { clear: `[${[...CLEAR_MEMBERS.map((name) => canonicalJson(entry[name] ?? null)), before, after].join(', ')}]`, values };
}
