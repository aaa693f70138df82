import type { MessageShape } from '@bufbuild/protobuf';
import { OperationKind, OperationOutcome, OperationSchema, OperationState, OperationTicketSchema } from '../../../gen/ticketing/v1/operation_pb.ts';
import { ListOperationsRequestSchema, ListOperationTicketsRequestSchema } from '../../../gen/ticketing/v1/operation_service_pb.ts';
import type { Caller, Context } from '../../foundation/context.ts';
import type { Sql } from '../../foundation/database/sql.ts';
import { listPage } from '../../foundation/list-page.ts';
import { afterPosition, type Order, orderBySql, parseOrderBy, positionSql } from '../../foundation/page/index.ts';
import { canonicalId } from '../../foundation/request.ts';
import { OperationNotFound } from './errors.ts';
import { nameOf, type OperationTicketRow, toOperation, toOperationTicket } from './message.ts';
import { OPERATION_COLUMNS, OPERATIONS, type OperationRow } from './row.ts';

/** Administrators and auditors see all operations, everybody else his own. */
const ownerOf = (caller: Caller): string | null => (caller.roles.has('admin') || caller.roles.has('auditor') ? null : caller.actor);

/** Operations by id, in one statement for all who ask at the same moment; undefined where there is none. */
export async function findOperations(sql: Sql, operationIds: readonly string[]): Promise<readonly (OperationRow | undefined)[]> {
  const rows = await sql<OperationRow>(`SELECT ${OPERATION_COLUMNS} FROM ${OPERATIONS} WHERE o.operation_id = ANY ($1::uuid[])`, [operationIds]);
  const byId = new Map(rows.map((row) => [row.operation_id, row]));
  return operationIds.map((operationId) => byId.get(operationId));
}

/** One operation; throws `OperationNotFound` when there is none that the caller may see. */
export async function getOperation(ctx: Pick<Context, 'gather' | 'caller'>, operationId: string): Promise<OperationRow> {
  const row = await ctx.gather(findOperations, canonicalId(operationId));
  return assertVisible(row, operationId, ctx.caller);
}

/** Throws `OperationNotFound` unless the operation is there and the caller may see it. */
export function assertVisible(row: OperationRow | undefined, operationId: string, caller: Caller): OperationRow {
  const owner = ownerOf(caller);
  if (!row || (owner !== null && row.actor !== owner)) throw new OperationNotFound(operationId);
  return row;
}

const NEWEST_FIRST: Order = parseOrderBy(
  'create_time desc',
  { create_time: { sql: 'o.create_time', type: 'timestamptz' }, operation_id: { sql: 'o.operation_id', type: 'uuid' } },
  ['create_time'],
  ['operation_id'],
);

/** States as they are stored; one that pauses is RUNNING with a reason to pause. */
const STATE = `CASE WHEN o.state = 'RUNNING' AND p.pause_reason <> '' THEN 'PAUSED' ELSE o.state END`;

/** One page of the operations that the caller may see. */
export async function listOperations(ctx: Context, request: MessageShape<typeof ListOperationsRequestSchema>) {
  const { kind, states, actor } = request;
  return listPage(ctx, {
    request: [ListOperationsRequestSchema, request],
    order: NEWEST_FIRST,
    item: [OperationSchema, toOperation],
    read(limit, position) {
      const after = position && afterPosition(NEWEST_FIRST, position, 6);
      return ctx.sql<OperationRow & Record<string, unknown>>(
        `SELECT ${OPERATION_COLUMNS}, ${positionSql(NEWEST_FIRST)} FROM ${OPERATIONS}
         WHERE ($1::text IS NULL OR o.actor = $1) AND ($2::text IS NULL OR o.kind = $2) AND ($3::text[] IS NULL OR ${STATE} = ANY ($3)) AND ($4::text IS NULL OR o.actor = $4)
           ${after ? `AND ${after.text}` : ''}
         ORDER BY ${orderBySql(NEWEST_FIRST)} LIMIT $5`,
        [
          ownerOf(ctx.caller),
          kind ? nameOf(OperationKind, kind) : null,
          states.length > 0 ? states.map((state) => nameOf(OperationState, state)) : null,
          actor || null,
          limit,
          ...(after?.values ?? []),
        ],
      );
    },
  });
}

const IN_ORDER: Order = parseOrderBy('chunk', { chunk: { sql: 'c.chunk', type: 'bigint' }, place: { sql: 't.place', type: 'bigint' } }, ['chunk'], ['place']);

/** One page of the tickets of an operation that the caller may see. */
export async function listOperationTickets(ctx: Context, request: MessageShape<typeof ListOperationTicketsRequestSchema>) {
  const { operation_id: operationId } = await getOperation(ctx, request.operationId);
  return listPage(ctx, {
    request: [ListOperationTicketsRequestSchema, request],
    order: IN_ORDER,
    item: [OperationTicketSchema, toOperationTicket],
    read(limit, position) {
      const after = position && afterPosition(IN_ORDER, position, 4);
      return ctx.sql<OperationTicketRow & Record<string, unknown>>(
        `SELECT t.ticket_id, t.outcome, t.to_agent_id, t.reason, t.message, t.line, t.field, t.found_id, ${positionSql(IN_ORDER)}
         FROM operation_chunks c
         CROSS JOIN LATERAL unnest(c.ticket_ids, c.outcomes, c.to_agent_ids, c.reasons, c.messages, c.lines, c.fields, c.found_ids) WITH ORDINALITY
           AS t(ticket_id, outcome, to_agent_id, reason, message, line, field, found_id, place)
         WHERE c.operation_id = $1 AND ($2::smallint[] IS NULL OR coalesce(t.outcome, ${OperationOutcome.PENDING}) = ANY ($2)) ${after ? `AND ${after.text}` : ''}
         ORDER BY ${orderBySql(IN_ORDER)} LIMIT $3`,
        [operationId, request.outcomes.length > 0 ? request.outcomes : null, limit, ...(after?.values ?? [])],
      );
    },
  });
}
