import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import type { Group } from '../../gen/ticketing/v1/group_pb.ts';
import { jobs } from '../../src/edge/worker/index.ts';
import type { JobOutcome } from '../../src/foundation/jobs/job.ts';
import { makeMetrics } from '../../src/foundation/metrics.ts';
import type { Harness } from './harness.ts';
import type { Service } from './service.ts';
import { makeGroup } from './team.ts';

/** An operation of this actor that goes on, so far without any chunk done, and that nobody carries on: as if its process had just begun with it. */
export async function insertOperation(
  sql: Service['sql'],
  actor: string,
  ticketId: string,
  [kind, input]: readonly [kind: string, input: object] = ['BULK_UPDATE_TICKETS', { title: 'x' }],
): Promise<string> {
  const operationId = randomUUID();
  await sql(
    `WITH made AS (
       INSERT INTO operations (operation_id, kind, state, actor, actor_kind, roles, rpc, request_id, reason, input, total_count, create_time, update_time)
       VALUES ($1, $4, 'RUNNING', $2, 'USER', '{admin}', 'ticketing.v1.TicketService/BulkUpdateTickets', $1, '', $5, 1, now(), now())
     ), chunk AS (INSERT INTO operation_chunks (operation_id, chunk, ticket_ids) VALUES ($1, 0, ARRAY[$3::uuid]))
     SELECT`,
    [operationId, actor, ticketId, kind, JSON.stringify(input)],
  );
  await sql(`INSERT INTO operation_progress (operation_id, update_time) VALUES ($1, now() + interval '1 hour')`, [operationId]);
  return operationId;
}

/** Begins a bulk change of more tickets than one transaction takes: a title for all tickets of a group, for a caller. Answers the operation's id. */
export async function beginRetitling(harness: Harness, group: Group, as: Parameters<Harness['callAs']>[0] = 'admin', title = 'many'): Promise<string> {
  const { operationId } = await harness.callAs(as).tickets.bulkUpdateTickets({ filter: `group_id == "${group.groupId}"`, patch: { title } });
  return operationId;
}

/** A group with nobody in it and so many tickets, written past Docket's own ways: for what is about operations, not about tickets. */
export async function makeCrowdedGroup(harness: Harness, key: string, count: number, more: Parameters<typeof makeGroup>[2] = {}): Promise<Group> {
  const group = await makeGroup(harness, key, more);
  await harness.sql(
    `INSERT INTO tickets (ticket_id, key, group_id, user_id, status, priority, create_time, update_time)
     SELECT gen_random_uuid(), $1 || '-' || n, $2, n, 4, 1 + n % 4, docket_now(), docket_now() FROM generate_series(1, $3) n`,
    [key, group.groupId, count],
  );
  await harness.sql('UPDATE group_counters SET last_ticket_number = $2 WHERE group_id = $1', [group.groupId, count]);
  return group;
}

/** Carries an operation on by one step, as a process that is stopping does, in this queue; answers what is to become of the job. */
export async function takeOneStep(
  { orm, queue: own }: Harness,
  operationId: string,
  queue = own,
  data: object = { operationId },
): Promise<JobOutcome | undefined> {
  const run = jobs.find((job) => job.name === 'run-operation');
  return run?.run(data, { orm, queue, log: pino({ level: 'silent' }), metrics: makeMetrics(), signal: AbortSignal.abort() });
}
