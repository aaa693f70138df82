import { fromJson, type JsonObject, type JsonValue, type MessageInitShape } from '@bufbuild/protobuf';
import { type Value, ValueSchema } from '@bufbuild/protobuf/wkt';
import { type AuditEntry, AuditOperation } from '../../../gen/ticketing/v1/audit_entry_pb.ts';
import {
  type FieldDifferenceSchema,
  type HistoryService,
  ListVersionsRequestSchema,
  type VersionSchema,
} from '../../../gen/ticketing/v1/history_service_pb.ts';
import type { Context, Handlers } from '../../foundation/context.ts';
import { findVersion, listEntityHistory, VersionNotFound } from '../audit/index.ts';
import { computeDifferences, type Difference, type State, wordsOf } from './rules.ts';
import { getThing, isSeen, pickSeen, type SeenVersion, type Thing } from './things.ts';

/** All of HistoryService. */
export const historyHandlers: Handlers<typeof HistoryService> = {
  async listVersions(request, ctx) {
    const thing = await getThing(ctx, request.entityType, request.entityId);
    const { items, nextPageToken } = await listEntityHistory(ctx, [ListVersionsRequestSchema, request], thing);
    return { versions: (await pickSeen(ctx, thing, items)).map(toVersion), nextPageToken };
  },

  async diffVersions({ entityType, entityId, fromVersion, toVersion }, ctx) {
    const thing = await getThing(ctx, entityType, entityId);
    const from = await getState(ctx, thing, fromVersion, 'from_version');
    const to = await getState(ctx, thing, toVersion, 'to_version');
    const differences = computeDifferences(from, to);
    return { differences: differences.map(toDifference), summary: linesOf(differences) };
  },
};

async function getState(ctx: Context, thing: Thing, version: bigint, field: string): Promise<State> {
  const found = await findVersion(ctx.sql, thing.table, thing.entityId, String(version));
  if (!found || !(await isSeen(ctx, thing, version, found.values))) throw new VersionNotFound(thing.entityType, thing.entityId, version, field);
  return found;
}

const linesOf = (differences: readonly Difference[]): string => differences.map(wordsOf).join('\n');

const toDifference = (difference: Difference): MessageInitShape<typeof FieldDifferenceSchema> => ({
  field: difference.field,
  fromValue: toValue(difference.from),
  toValue: toValue(difference.to),
  text: wordsOf(difference),
  erased: difference.erased,
});

const toValue = (value: JsonValue): Value => fromJson(ValueSchema, value);

function toVersion({ entry, whole }: SeenVersion): MessageInitShape<typeof VersionSchema> {
  return {
    version: entry.version,
    ...(entry.time && { changeTime: entry.time }),
    actor: entry.actor,
    actorKind: entry.actorKind,
    rpc: entry.rpc,
    reason: entry.reason,
    operation: entry.operation,
    summary: whole && entry.operation === AuditOperation.UPDATE ? linesOf(changesOf(entry)) : '',
    entryId: entry.entryId,
  };
}

/** What an entry changed. */
function changesOf({ before = {}, after = {}, changedFields, erasedFields }: AuditEntry): Difference[] {
  const erased = changedFields.filter((field) => erasedFields.includes(`before.${field}`) || erasedFields.includes(`after.${field}`));
  const changed = (values: JsonObject): State => ({ values: Object.fromEntries(changedFields.map((field) => [field, values[field] ?? null])), erased });
  return computeDifferences(changed(before), changed(after));
}
