import type { JsonObject } from '@bufbuild/protobuf';
import type { AuditEntry } from '../../../gen/ticketing/v1/audit_entry_pb.ts';
import { fromTimestamp } from '../../foundation/clock.ts';
import type { Context } from '../../foundation/context.ts';
import { InvalidField } from '../../foundation/errors.ts';
import { isUuid } from '../../foundation/ids.ts';
import { canonicalId, given } from '../../foundation/request.ts';
import { type AgentVersion, findMetVersions, getVisibleAgent } from '../agents/index.ts';
import type { PastTableName } from '../audit/index.ts';
import { type GroupScope, getVisibleGroup, visibleGroups } from '../groups/index.ts';
import { getTicket } from '../tickets/index.ts';

/** A ticket, an agent or a group that the caller may see now. */
export interface Thing {
  readonly table: PastTableName;
  readonly entityType: string;
  readonly entityId: string;
  readonly scope: GroupScope;
}

/** Finds it by what the contract calls it. Throws TicketNotFound, AgentNotFound or GroupNotFound, also when the caller may not see it, and InvalidField for a group without a UUID. */
export async function getThing(ctx: Context, entityType: string, entityId: string): Promise<Thing> {
  const scope = await visibleGroups(ctx);
  if (entityType === 'ticket') return { table: 'tickets', entityType, entityId: (await getTicket(ctx, entityId, scope)).ticket_id, scope };
  if (entityType === 'agent') {
    const { agentId } = await getVisibleAgent(ctx, entityId);
    return { table: 'agents', entityType, entityId: agentId, scope: agentId === ctx.caller.agentId ? 'all' : scope };
  }
  if (!isUuid(entityId)) throw new InvalidField('entity_id', 'must be a UUID for a group, as in GetGroup; its key is not taken');
  return { table: 'groups', entityType, entityId: (await getVisibleGroup(ctx, canonicalId(entityId))).groupId, scope };
}

/** A version that the caller may see, by the entry that made it. */
export interface SeenVersion {
  readonly entry: AuditEntry;
  /** Whether he may also see the version before, and so what was changed. */
  readonly whole: boolean;
}

/** Of versions those that lay within the caller's groups: a ticket by its group, an agent by whose member he was; a group is one of his. */
export async function pickSeen(ctx: Context, { scope, entityType, entityId }: Thing, entries: readonly AuditEntry[]): Promise<SeenVersion[]> {
  if (scope === 'all' || entityType === 'group') return entries.map((entry) => ({ entry, whole: true }));
  if (entityType === 'ticket') {
    const isWithin = (values: JsonObject | undefined) => values?.group_id === undefined || scope.includes(String(values.group_id));
    return entries.filter(({ before, after }) => isWithin(after ?? before)).map((entry) => ({ entry, whole: isWithin(entry.before) }));
  }
  const versions = entries.map(({ entryId, time }) => ({ entryId, time: fromTimestamp(given('time', time)) }));
  const met = await findMetVersions(ctx.sql, entityId, scope, versions);
  return entries.flatMap((entry) => (met.has(entry.entryId) ? [{ entry, whole: met.get(entry.entryId) === true }] : []));
}

/** Whether the same holds of one version, told by its number and its columns. */
export async function isSeen(ctx: Context, { scope, entityType, entityId }: Thing, version: bigint, values: JsonObject): Promise<boolean> {
  if (scope === 'all' || entityType === 'group') return true;
  if (entityType === 'ticket') return scope.includes(String(values.group_id));
  const made = await ctx.sql<AgentVersion>(
    `SELECT entry_id AS "entryId", time::text AS time FROM audit_entries WHERE entity_type = 'agent' AND entity_id = $1 AND version = $2::bigint`,
    [entityId, String(version)],
  );
  return (await findMetVersions(ctx.sql, entityId, scope, made)).size > 0;
}
