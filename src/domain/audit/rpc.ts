import type { DescMessage, Message, MessageShape } from '@bufbuild/protobuf';
import { type AuditEntry, AuditEntrySchema } from '../../../gen/ticketing/v1/audit_entry_pb.ts';
import { AuditFindingKind } from '../../../gen/ticketing/v1/audit_proof_pb.ts';
import { AuditExportFormat, type AuditService, ListAuditEntriesRequestSchema } from '../../../gen/ticketing/v1/audit_service_pb.ts';
import { fromTimestamp } from '../../foundation/clock.ts';
import type { Context, Handlers } from '../../foundation/context.ts';
import { placeOf } from '../../foundation/database/connection.ts';
import { listPage } from '../../foundation/list-page.ts';
import { CheckpointMalformed } from './errors.ts';
import { exportEntries } from './export.ts';
import { toAuditEntry } from './message.ts';
import { getAuditEntry, listEntries, NEWEST_FIRST, type WantedEntries } from './queries.ts';
import type { Finding } from './sealing/check-entries.ts';
import { CheckThreads } from './sealing/check-threads.ts';
import { proveInclusion } from './sealing/proof.ts';
import { checkpointLine, readCheckpoint, type Seal } from './sealing/seal.ts';
import type { Trust } from './sealing/trust.ts';
import { type Tally, verifyLog } from './sealing/verification.ts';

/** ListAuditEntries: a page of entries, newest first. Throws FilterError, PageTokenError. */
export const listAuditEntries: Handlers<typeof AuditService>['listAuditEntries'] = async (request, ctx) => {
  const { entityType, entityId, actor, rpc, requestId, filter, startTime, endTime } = request;
  const page = await listEntryPage(ctx, [ListAuditEntriesRequestSchema, request], {
    entityType,
    entityId,
    actor,
    rpc,
    requestId,
    filter,
    startTime: startTime && fromTimestamp(startTime),
    endTime: endTime && fromTimestamp(endTime),
  });
  return { auditEntries: page.items, nextPageToken: page.nextPageToken };
};

/** The handlers of AuditService; what a verification believes comes from outside the database. */
export function makeAuditHandlers(trust: Trust): Handlers<typeof AuditService> {
  const threads = new CheckThreads(trust.keys);
  return {
    listAuditEntries,

    async getAuditEntry({ entryId }, ctx) {
      return { auditEntry: toAuditEntry(await getAuditEntry(ctx.sql, entryId)) };
    },

    async *verifyAuditLog(request, ctx) {
      const given = request.checkpoints.map(readGivenCheckpoint);
      const checkpoints = [...new Map([...(await trust.checkpoints()), ...given].map((seal) => [checkpointLine(seal), seal])).values()];
      let tally: Tally | undefined;
      for await (const told of verifyLog({ sql: ctx.sql, place: placeOf(ctx.em), keys: trust.keys, threads, checkpoints, ...boundsOf(request) })) {
        if ('kind' in told) {
          yield { event: { case: 'finding', value: toFinding(told) } };
          continue;
        }
        // The last tally is told as such: each is held back until another comes.
        if (tally) yield { event: { case: 'progress', value: toTally(tally) } };
        tally = told;
      }
      if (tally) yield { event: { case: 'done', value: toTally(tally) } };
    },

    async getInclusionProof({ entryId }, ctx) {
      const proof = await proveInclusion(ctx.sql, entryId);
      return {
        inclusionProof: {
          ...proof,
          sequence: BigInt(proof.sequence),
          salts: Buffer.from(proof.salts, 'hex'),
          path: proof.path.map((hash) => Buffer.from(hash, 'hex')),
        },
      };
    },

    async *exportAuditLog({ format, afterSequence, endSequence }, ctx) {
      const form = format === AuditExportFormat.CSV ? 'csv' : 'ndjson';
      for await (const { text, lastSequence } of exportEntries(ctx.sql, form, Number(afterSequence), Number(endSequence) || undefined)) {
        yield { chunk: Buffer.from(text), lastSequence: BigInt(lastSequence) };
      }
    },
  };
}

function readGivenCheckpoint(line: string, at: number): Seal {
  try {
    return readCheckpoint(line);
  } catch (error) {
    throw new CheckpointMalformed(`checkpoints[${at}]`, error instanceof Error ? error.message : String(error));
  }
}

const boundsOf = ({ startSequence, endSequence }: { readonly startSequence: bigint; readonly endSequence: bigint }) => ({
  startSequence: Number(startSequence) || undefined,
  endSequence: Number(endSequence) || undefined,
});

function toFinding({ kind, says, seal, sequence, entryId }: Finding) {
  return { kind: AuditFindingKind[kind], description: says, seal: BigInt(seal ?? 0), sequence: BigInt(sequence ?? 0), entryId: entryId ?? '' };
}

const toTally = (tally: Tally) => ({
  entries: BigInt(tally.entries),
  seals: BigInt(tally.seals),
  signatures: BigInt(tally.signatures),
  checkpoints: BigInt(tally.checkpoints),
  erasedEntries: BigInt(tally.erasedEntries),
  droppedEntries: BigInt(tally.droppedEntries),
  unsealedEntries: BigInt(tally.unsealedEntries),
  lastSequence: BigInt(tally.lastSequence),
  endSequence: BigInt(tally.endSequence),
});

/**
 * A page of every change of one thing, newest first, for other folders to answer their own history
 * calls with. Whether the caller may see the thing is for them to know. Throws PageTokenError.
 */
export function listEntityHistory<Request extends DescMessage>(
  ctx: Context,
  request: readonly [schema: Request, message: MessageShape<Request> & PagedRequest],
  entity: { readonly entityType: string; readonly entityId: string },
): Promise<{ items: AuditEntry[]; nextPageToken: string }> {
  return listEntryPage(ctx, request, entity);
}

type PagedRequest = Message & { readonly pageSize: number; readonly pageToken: string };

function listEntryPage<Request extends DescMessage>(
  ctx: Context,
  request: readonly [schema: Request, message: MessageShape<Request> & PagedRequest],
  wanted: WantedEntries,
): Promise<{ items: AuditEntry[]; nextPageToken: string }> {
  return listPage(ctx, {
    request,
    order: NEWEST_FIRST,
    read: (limit, after) => listEntries(ctx.sql, wanted, limit, after),
    item: [AuditEntrySchema, toAuditEntry],
  });
}
