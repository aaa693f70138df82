import type { Command, Unit } from '../../foundation/commands/command.ts';
import type { Caller } from '../../foundation/context.ts';
import { newId } from '../../foundation/ids.ts';

import type { OperationKindName } from './row.ts';
import { CHUNK_TICKETS, OPERATION_TICKETS } from './rules.ts';

/** The job that carries an operation on. */
export const RUN_OPERATION = 'run-operation';

/** A query; parameters from `$1` on. */
interface Query {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** What an operation is to do. */
export interface NewOperation {
  readonly kind: OperationKindName;
  readonly caller: Caller;
  /** Whatever its kind wants to know again in every chunk. */
  readonly input: object;
  /**
   * Its tickets: `selected` with columns `ticket_id`, `priority` and `create_time`; or, where they are yet to be created, the `chunks` of an
   * operation whose id was made before, with columns `chunk`, `ticket_ids` and `lines`, each but the last of `CHUNK_TICKETS`.
   */
  readonly tickets: { readonly selected: Query } | { readonly operationId: string; readonly chunks: Query };
}

/** An operation that was accepted. */
export interface AcceptedOperation {
  readonly operationId: string;
  readonly ticketCount: number;
}

/**
 * Sets an operation down with its tickets, in the transaction of the request that asks for it, and leaves it to a job. From here on its
 * tickets are fixed; they are dealt with in waiting order, or in that of the chunks.
 */
export async function acceptOperation(unit: Unit, { origin }: Command, operation: NewOperation): Promise<AcceptedOperation> {
  const { caller, kind, input, tickets } = operation;
  const operationId = 'chunks' in tickets ? tickets.operationId : newId();
  const ticketCount = 'chunks' in tickets ? await storeChunks(unit, operationId, tickets.chunks) : await storeTickets(unit, operationId, tickets.selected);
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

async function storeTickets(unit: Unit, operationId: string, { text, values }: Query): Promise<number> {
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

async function storeChunks(unit: Unit, operationId: string, { text, values }: Query): Promise<number> {
  const [stored] = await unit.sql<{ count: string }>(
    `WITH stored AS (
       INSERT INTO operation_chunks (operation_id, chunk, ticket_ids, lines)
       SELECT $${values.length + 1}::uuid, chunk, ticket_ids, lines FROM (${text}) made
       RETURNING cardinality(ticket_ids) AS count
     )
     SELECT coalesce(sum(count), 0) AS count FROM stored`,
    [...values, operationId],
  );
  return Number(stored?.count);
}
