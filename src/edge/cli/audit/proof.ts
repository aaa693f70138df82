import { readFile } from 'node:fs/promises';
import { fromJsonString, toJsonString } from '@bufbuild/protobuf';
import { InclusionProofSchema } from '../../../../gen/ticketing/v1/audit_proof_pb.ts';
import { findProofFault, readPublicKeys } from '../../../domain/audit/index.ts';
import type { DocketClient } from '../client.ts';

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

/** Verifies a proof from files alone: neither service nor database is asked. Answers what is wrong with it; undefined when nothing is. */
export async function verifyProof(files: ProofFiles): Promise<string | undefined> {
  const [entry, proof, key] = await Promise.all([files.entry, files.proof, files.key].map((file) => readFile(file, 'utf8')));
  const { sequence, path, ...rest } = fromJsonString(InclusionProofSchema, proof as string);
  return findProofFault(
    (entry as string).trim(),
    { ...rest, sequence: String(sequence), path: path.map((hash) => Buffer.from(hash).toString('hex')) },
    readPublicKeys(key as string),
  );
}
