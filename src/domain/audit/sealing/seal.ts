import { hash } from 'node:crypto';
import { canonicalJson, parseExactJson } from './canonical-json.ts';
import { isSigned, type PublicKeys, type Signer } from './signing.ts';

/** What a seal says, and what is hashed and signed of it. */
export interface SealHeader {
  /** Of this form; another one will have another number. */
  readonly format: 1;
  /** Counted from 1, without gaps. */
  readonly seal: number;
  /** Raised when the database was found to be an older state of itself. */
  readonly epoch: number;
  readonly first_sequence: number;
  readonly last_sequence: number;
  /** First day of the calendar month (UTC) of all its entries. */
  readonly month: string;
  /** Over the leaves of its entries, in hexadecimal. */
  readonly merkle_root: string;
  /** Hash of the seal before; of the first, a random number that tells this log from all others. */
  readonly previous_hash: string;
  /** When it was made, in RFC 3339. */
  readonly time: string;
  /** No entry up to this one is left unsealed. */
  readonly settled_entry_id: number;
  /** Of the PostgreSQL server that it was made on. */
  readonly server: string;
  /** Up to this entry transaction ids are those of the server of an earlier epoch. */
  readonly epoch_entry_id: number;
}

/** A seal with its hash and, where there is a key, its signature. */
export interface Seal {
  readonly header: SealHeader;
  readonly hash: string;
  readonly key_id?: string;
  /** In base64. */
  readonly signature?: string;
}

/** What is hashed and signed: canonical JSON. */
export const headerText = (header: SealHeader): string => canonicalJson(parseExactJson(JSON.stringify(header)));

/** Hashes a header, and signs it where there is a key. */
export function makeSeal(header: SealHeader, signer: Signer | undefined): Seal {
  const text = headerText(header);
  const sealed = { header, hash: hash('sha256', text, 'hex') };
  return signer ? { ...sealed, key_id: signer.keyId, signature: signer.sign(text).toString('base64') } : sealed;
}

/** Whether a seal's hash is that of its header. */
export const isHashed = ({ header, hash: claimed }: Seal): boolean => hash('sha256', headerText(header), 'hex') === claimed;

/** What is wrong with a seal's signature; undefined when it is good. */
export function findSignatureFault({ header, key_id, signature }: Seal, keys: PublicKeys): string | undefined {
  if (key_id === undefined || signature === undefined) return 'it is not signed';
  const signed = isSigned(keys, key_id, headerText(header), Buffer.from(signature, 'base64'));
  if (signed === undefined) return `it is signed with the key ${key_id}, which is not among those that are known`;
  return signed ? undefined : `its signature was not made with the key ${key_id}`;
}

const HEX_HASH = /^[0-9a-f]{64}$/;
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;

/** A checkpoint is a seal on one line of JSON, kept where the database cannot reach it. */
export const checkpointLine = (seal: Seal): string => JSON.stringify(seal);

/** Reads a checkpoint back. @throws Error that says what is wrong with the text. */
export function readCheckpoint(line: string): Seal {
  const seal = JSON.parse(line) as Partial<Seal> | null;
  const header = seal?.header as Partial<SealHeader> | undefined;
  if (header?.format !== 1) throw new Error('it is no checkpoint of format 1');
  const { seal: number, epoch, first_sequence, last_sequence, month, merkle_root, previous_hash, time } = header;
  const texts =
    [month, time].every((text) => typeof text === 'string') &&
    [merkle_root, previous_hash, seal?.hash].every((text) => typeof text === 'string' && HEX_HASH.test(text));
  const signing = [seal?.key_id, seal?.signature].every((text) => text === undefined || typeof text === 'string');
  if (![number, epoch, first_sequence, last_sequence].every(isCount) || !texts || !signing)
    throw new Error('a field of the checkpoint is missing or malformed');
  return seal as Seal;
}
