import { readFile } from 'node:fs/promises';
import { fromJsonString, toJsonString } from '@bufbuild/protobuf';
import { InclusionProofSchema } from '../../../../gen/ticketing/v1/audit_proof_pb.ts';
import type { DocketClient } from '../../../client/index.ts';
import { findProofFault, readPublicKeys } from '../../../domain/audit/index.ts';

/** The proof of an entry, as JSON. */
export async function prove(client: DocketClient, entryId: string): Promise<string> {
  const { inclusionProof } = await client.audit.getInclusionProof({ entryId });
  if (!inclusionProof) throw new Error('the service answered without a proof');
  return toJsonString(InclusionProofSchema, inclusionProof, { prettySpaces: 2, useProtoFieldName: true });
}

/** Files that a proof is verified with. */
export interface ProofFiles {
  /** A line of ExportAuditLog in NDJSON. */
  readonly entry: string;
  readonly proof: string;
  /** Public keys in PEM. */
  readonly key: string;
}

/** Verifies a proof from files alone: neither service nor database is asked. Answers what is wrong with it, and which values are not shown but stand
 * as digests. @throws Error when a file is not what it should be. */
export async function verifyProof(files: ProofFiles): Promise<{ readonly fault: string | undefined; readonly withheld: readonly string[] }> {
  const [entry, proof, key] = await Promise.all([files.entry, files.proof, files.key].map((file) => readFile(file, 'utf8')));
  const { sequence, salts, path, ...rest } = fromJsonString(InclusionProofSchema, proof as string);
  const keys = readPublicKeys(key as string);
  if (keys.size === 0) throw new Error(`${files.key} holds no public key in PEM`);
  const fault = findProofFault(
    (entry as string).trim(),
    { ...rest, sequence: String(sequence), salts: Buffer.from(salts).toString('hex'), path: path.map((hash) => Buffer.from(hash).toString('hex')) },
    keys,
  );
  return { fault, withheld: Object.keys(rest.digests).sort() };
}
