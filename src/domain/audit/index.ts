export { AuditEntryNotFound } from './errors.ts';
export { MONTHS_AHEAD, makeAuditPartitions } from './jobs.ts';
export { type RefusedCalls, recordRefusedCalls } from './refusals.ts';
export { listAuditEntries, listEntityHistory, makeAuditHandlers } from './rpc.ts';
export { findProofFault, type InclusionProof } from './sealing/proof.ts';
export { checkpointLine, readCheckpoint, type Seal } from './sealing/seal.ts';
export { Sealer } from './sealing/sealer.ts';
export { openSigner, type PublicKeys, readPublicKeys, type Signer } from './sealing/signing.ts';
export { NO_TRUST, type Trust } from './sealing/trust.ts';
