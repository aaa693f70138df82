import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Group } from '../../gen/ticketing/v1/group_pb.ts';
import { OperationKind, OperationState } from '../../gen/ticketing/v1/operation_pb.ts';
import { Priority } from '../../gen/ticketing/v1/ticket_pb.ts';
import { jobs } from '../../src/edge/worker/index.ts';
import { expectSound } from '../support/engine.ts';
import { createHarness, type Harness } from '../support/harness.ts';
import { makeAgent, makeGroup, makeTickets } from '../support/team.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await createHarness();
});
afterAll(async () => {
  await expectSound(harness);
  await harness.close();
});

const admin = () => harness.callAs('admin');

/** A group in which three agents have so many tickets. */
async function makeBusyGroup(key: string, count: number): Promise<Group> {
  const group = await makeGroup(harness, key);
  for (const name of ['a', 'b', 'c']) await makeAgent(harness, `${key}-${name}`, [group]);
  await makeTickets(harness, group, count);
  return group;
}

it('changes more than a thousand tickets by an operation: each once, with its own entry under the caller and his request id', async () => {
  const group = await makeBusyGroup('MANY', 1_300);
  const requestId = randomUUID();
  const request = { filter: `group_id == "${group.groupId}"`, patch: { priority: Priority.HIGH }, requestId, reason: 'a flood' };
  const { operationId, selectedCount, updatedCount } = await admin().tickets.bulkUpdateTickets(request);
  expect([selectedCount, updatedCount]).toEqual([1_300n, 0]);
  expect((await admin().tickets.bulkUpdateTickets(request)).operationId).toBe(operationId);
  await harness.runJobs(jobs);
  const { operation } = await admin().operations.getOperation({ operationId });
  expect(operation).toMatchObject({
    kind: OperationKind.BULK_UPDATE_TICKETS,
    state: OperationState.SUCCEEDED,
    actor: 'the-admin',
    requestId,
    reason: 'a flood',
    totalCount: 1_300n,
    doneCount: 1_300n,
    changedCount: 1_300n,
  });
  const entries = await harness.sql(
    `SELECT count(*)::int AS entries, count(DISTINCT entity_id)::int AS tickets FROM audit_entries
     WHERE entity_type = 'ticket' AND operation = 'UPDATE' AND actor = 'the-admin' AND request_id = $1 AND reason = 'a flood' AND rpc = 'ticketing.v1.TicketService/BulkUpdateTickets'`,
    [requestId],
  );
  expect(entries).toEqual([{ entries: 1_300, tickets: 1_300 }]);
  const own = await harness.sql(
    `SELECT operation, after ->> 'state' AS state, after ->> 'changed_count' AS changed FROM audit_entries WHERE entity_type = 'operation' AND entity_id = $1 ORDER BY entry_id`,
    [operationId],
  );
  expect(own).toEqual([
    { operation: 'CREATE', state: 'RUNNING', changed: '0' },
    { operation: 'UPDATE', state: 'SUCCEEDED', changed: '1300' },
  ]);
});
