import type { Command, Unit } from '../../foundation/commands/command.ts';
import type { Caller } from '../../foundation/context.ts';
import { newId } from '../../foundation/ids.ts';

import type { OperationKindName } from './row.ts';
import { CHUNK_TICKETS, OPERATION_TICKETS } from './rules.ts';

/** The job that carries an operation on. */
export const RUN_OPERATION = 'run-operation';

/** What an operation is to do. */
export interface NewOperation {
  readonly kind: OperationKindName;
  readonly caller: Caller;
  /** Whatever its kind wants to know again in every chunk. */
  readonly input: object;
  /** A query with columns `ticket_id`, `priority` and `create_time`; parameters from `$1` on. */
  readonly selected: { readonly text: string; readonly values: readonly unknown[] };
}

/** An operation that was accepted. */
export interface AcceptedOperation {
  readonly operationId: string;
  readonly ticketCount: number;
}

/**
 * Sets an operation down with its tickets, in the transaction of the request that asks for it, and leaves it to a job. From here on its
 * tickets are fixed; they are dealt with in waiting order.
 */
export async function acceptOperation(unit: Unit, { origin }: Command, operation: NewOperation): Promise<AcceptedOperation> {
  const operationId = newId();
  const ticketCount = await storeTickets(unit, operationId, operation.selected);
  const { caller, kind, input } = operation;
  await unit.sql(
    `INSERT INTO operations (operation_id, kind, state, actor, actor_kind, roles, caller_agent_id, rpc, request_id, reason, input, total_count, create_time, update_time)
     VALUES ($1, $2, 'RUNNING', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)`,
    [
      operationId,
      kind,
      origin.actor,
      origin.actorKind,
      [...caller.roles],
      caller.agentId ?? null,
      origin.rpc,
      origin.intent.requestId ?? operationId,
      origin.intent.reason,
      JSON.stringify(input),
      ticketCount,
      unit.now,
    ],
  );
  await unit.sql('INSERT INTO operation_progress (operation_id, update_time) VALUES ($1, $2)', [operationId, unit.now]);
  await unit.enqueue(RUN_OPERATION, { operationId });
  return { operationId, ticketCount };
}

async function storeTickets(unit: Unit, operationId: string, { text, values }: NewOperation['selected']): Promise<number> {
  const id = values.length + 1;
  const [stored] = await unit.sql<{ count: string }>(
    `WITH stored AS (
       INSERT INTO operation_chunks (operation_id, chunk, ticket_ids)
       SELECT $${id}::uuid, place / ${CHUNK_TICKETS}, array_agg(ticket_id ORDER BY place)
       FROM (
         SELECT ticket_id, row_number() OVER (ORDER BY priority DESC, create_time, ticket_id) - 1 AS place FROM (${text}) selected LIMIT ${OPERATION_TICKETS}
       ) placed GROUP BY place / ${CHUNK_TICKETS}
       RETURNING cardinality(ticket_ids) AS count
     )
     SELECT coalesce(sum(count), 0) AS count FROM stored`,
    [...values, operationId],
  );
  return Number(stored?.count);
}
