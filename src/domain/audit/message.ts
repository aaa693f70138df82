import type { DescEnum, JsonObject, MessageInitShape } from '@bufbuild/protobuf';
import { ActorKind, type AuditEntrySchema, AuditOperation } from '../../../gen/ticketing/v1/audit_entry_pb.ts';
import { PrioritySchema, TicketStatusSchema } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { type Instant, toTimestamp } from '../../foundation/clock.ts';

/** A row of the log as `AUDIT_ENTRY_COLUMNS` reads it. */
export interface AuditEntryRow {
  readonly entry_id: string;
  readonly time: Instant;
  readonly actor: string;
  readonly actor_kind: 'USER' | 'SERVICE' | 'SYSTEM' | 'DATABASE';
  readonly rpc: string;
  readonly request_id: string | null;
  readonly reason: string;
  readonly entity_type: string;
  readonly entity_id: string;
  readonly version: string;
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'REFUSE';
  /** JSON text, so that numbers beyond what a double holds arrive whole. */
  readonly before: string | null;
  readonly after: string | null;
  readonly changed_fields: readonly string[];
  readonly erased_fields: readonly string[];
  /** Null until it is sealed. */
  readonly sequence: string | null;
}

/** What to select from `audit_entries e` to get an `AuditEntryRow`. */
export const AUDIT_ENTRY_COLUMNS = `e.entry_id, e.time, e.actor, e.actor_kind, e.rpc, e.request_id, e.reason, e.entity_type, e.entity_id,
  e.version, e.operation, e.before::text, e.after::text, e.changed_fields, e.erased_fields,
  (SELECT s.sequence FROM sealed_entries s WHERE s.entry_id = e.entry_id AND s.time = e.time) AS sequence`;

// Columns that hold an enum's numbers, shown by the names that the contract gives them.
const ENUM_COLUMNS: Readonly<Record<string, Readonly<Record<string, ReadonlyMap<number, string>>>>> = {
  ticket: { status: namesOf(TicketStatusSchema), priority: namesOf(PrioritySchema) },
};

/** The wire form of an entry. Enums inside `before` and `after` go by name, whole numbers past 2^53 as text. */
export function toAuditEntry(row: AuditEntryRow): MessageInitShape<typeof AuditEntrySchema> {
  const before = parseValues(row.before, row.entity_type);
  const after = parseValues(row.after, row.entity_type);
  return {
    entryId: row.entry_id,
    time: toTimestamp(row.time),
    actor: row.actor,
    actorKind: ActorKind[row.actor_kind],
    rpc: row.rpc,
    requestId: row.request_id ?? '',
    reason: row.reason,
    entityType: row.entity_type,
    entityId: row.entity_id,
    version: BigInt(row.version),
    operation: AuditOperation[row.operation],
    ...(before && { before }),
    ...(after && { after }),
    changedFields: [...row.changed_fields],
    erasedFields: [...row.erased_fields],
    sequence: BigInt(row.sequence ?? 0),
  };
}

/** The values of a row's columns from their JSON text; undefined for none. */
export function parseValues(text: string | null, entityType: string): JsonObject | undefined {
  if (text === null) return undefined;
  const values = parseExact(text);
  for (const [column, names] of Object.entries(ENUM_COLUMNS[entityType] ?? {})) {
    const value = values[column];
    if (typeof value === 'number') values[column] = names.get(value) ?? value;
  }
  return values;
}

// Columns of type bigint must arrive whole. Numbers deeper down are the caller's own doubles and stay numbers.
function parseExact(text: string): JsonObject {
  const inexact: { readonly holder: unknown; readonly key: string; readonly source: string }[] = [];
  const values = JSON.parse(text, function (this: unknown, key: string, value: unknown, context?: { source?: string }) {
    const source = context?.source;
    if (typeof value === 'number' && source !== undefined && !Number.isSafeInteger(value) && /^-?\d+$/.test(source)) {
      inexact.push({ holder: this, key, source });
    }
    return value;
  }) as JsonObject;
  for (const { holder, key, source } of inexact) if (holder === values) values[key] = source;
  return values;
}

function namesOf(schema: DescEnum): ReadonlyMap<number, string> {
  return new Map(schema.values.map((value) => [value.number, value.localName]));
}
