import { readFile } from 'node:fs/promises';
import { fromJsonString, type MessageShape, toJsonString } from '@bufbuild/protobuf';
import { InclusionProofSchema } from '../../../../gen/ticketing/v1/audit_proof_pb.ts';
import type { DocketClient } from '../../../client/index.ts';
import { findProofFault, readPublicKeys } from '../../../domain/audit/index.ts';
import { CommandRefused, UsageWrong } from '../running/failures.ts';

const PROOF = 'the proof that docket audit prove prints';

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
 * as digests. @throws UsageWrong when a file cannot be read, CommandRefused when it is not what it should be. */
export async function verifyProof(files: ProofFiles): Promise<{ readonly fault: string | undefined; readonly withheld: readonly string[] }> {
  const [entry, proof, key] = await Promise.all([readText(files.entry), readText(files.proof), readText(files.key)]);
  assertJson(files.entry, entry, 'a line of docket audit export');
  assertJson(files.proof, proof, PROOF);
  const { sequence, salts, path, ...rest } = readProof(files.proof, proof);
  const keys = readPublicKeys(key);
  if (keys.size === 0) throw new CommandRefused(`${files.key} holds no public key in PEM; docket audit public-key prints it`);
  const fault = findProofFault(
    entry,
    { ...rest, sequence: String(sequence), salts: Buffer.from(salts).toString('hex'), path: path.map((hash) => Buffer.from(hash).toString('hex')) },
    keys,
  );
  return { fault, withheld: Object.keys(rest.digests).sort() };
}

async function readText(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageWrong(error.code === 'ENOENT' ? `there is no file ${file}` : `${file} cannot be read (${error.code})`);
  });
  return text.trim();
}

function assertJson(file: string, text: string, wanted: string): void {
  if (text === '') throw new CommandRefused(`${file} is empty; it must hold ${wanted}`);
  try {
    JSON.parse(text);
  } catch {
    throw new CommandRefused(`${file} is no JSON; it must hold ${wanted}`);
  }
}

function readProof(file: string, text: string): MessageShape<typeof InclusionProofSchema> {
  try {
    return fromJsonString(InclusionProofSchema, text);
  } catch (error) {
    throw new CommandRefused(`${file} is not ${PROOF}: ${(error as Error).message}`);
  }
}
