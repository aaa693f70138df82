import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Group } from '../../../gen/ticketing/v1/group_pb.ts';
import { OperationOutcome, type OperationTicket } from '../../../gen/ticketing/v1/operation_pb.ts';
import { TicketStatus } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { dropOldResults } from '../../../src/domain/operations/index.ts';
import { jobs } from '../../../src/edge/worker/index.ts';
import { createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { makeCrowdedGroup } from '../../support/operations.ts';

const { PENDING, CHANGED, UNCHANGED, FAILED } = OperationOutcome;

let harness: Harness;
let group: Group;
let operationId: string;
beforeAll(async () => {
  harness = await createHarness();
  group = await makeCrowdedGroup(harness, 'TOLD', 1_200);
  // Of the resolved tickets some are closed already, and some cancelled, which is final.
  await harness.sql(`UPDATE tickets SET status = 5 WHERE user_id % 10 = 0`);
  await harness.sql(`UPDATE tickets SET status = 6 WHERE user_id % 100 = 7`);
  const request = { filter: `group_id == "${group.groupId}"`, patch: { status: TicketStatus.CLOSED } };
  operationId = (await harness.callAs('admin').tickets.bulkUpdateTickets(request)).operationId;
});
afterAll(() => harness.close());

async function listAll(request: object = {}): Promise<OperationTicket[]> {
  const tickets: OperationTicket[] = [];
  for (let pageToken = ''; ; ) {
    const page = await harness.callAs('admin').operations.listOperationTickets({ operationId, pageSize: 500, pageToken, ...request });
    tickets.push(...page.tickets);
    if (page.nextPageToken === '') return tickets;
    pageToken = page.nextPageToken;
  }
}

const tally = (tickets: readonly OperationTicket[]) =>
  Object.fromEntries([...Map.groupBy(tickets, (ticket) => ticket.outcome)].map(([outcome, all]) => [outcome, all.length]));

it('tells of every ticket once, in the order in which it is dealt with, before and after', async () => {
  const before = await listAll();
  expect(tally(before)).toEqual({ [PENDING]: 1_200 });
  const inOrder = await harness.sql<{ ticket_id: string }>('SELECT ticket_id FROM tickets WHERE group_id = $1 ORDER BY priority DESC, create_time, ticket_id', [
    group.groupId,
  ]);
  expect(before.map((ticket) => ticket.ticketId)).toEqual(inOrder.map((row) => row.ticket_id));
  await harness.runJobs(jobs);
  const after = await listAll();
  expect(after.map((ticket) => ticket.ticketId)).toEqual(before.map((ticket) => ticket.ticketId));
  expect(tally(after)).toEqual({ [CHANGED]: 1_068, [UNCHANGED]: 120, [FAILED]: 12 });
});

it('says why a ticket failed', async () => {
  const failed = await listAll({ outcomes: [FAILED] });
  expect(failed).toHaveLength(12);
  for (const ticket of failed) {
    expect(ticket).toMatchObject({ outcome: FAILED, reason: 'TICKET_CANCELLED', message: `status: ticket ${ticket.ticketId} is cancelled, which is final` });
  }
});

it('NOT_FOUND: for an operation that is not there, or another’s', async () => {
  const { operations } = harness.callAs('service');
  expect(await failureOf(operations.listOperationTickets({ operationId }))).toMatchObject({ reason: 'OPERATION_NOT_FOUND' });
  expect(await failureOf(harness.callAs('admin').operations.listOperationTickets({ operationId: randomUUID() }))).toMatchObject({
    reason: 'OPERATION_NOT_FOUND',
  });
});

it('INVALID_ARGUMENT: for a page token of other outcomes', async () => {
  const { operations } = harness.callAs('admin');
  const { nextPageToken } = await operations.listOperationTickets({ operationId, pageSize: 1 });
  expect(await failureOf(operations.listOperationTickets({ operationId, outcomes: [FAILED], pageToken: nextPageToken }))).toMatchObject({
    reason: 'PAGE_TOKEN_INVALID',
  });
});

it('is empty thirty days after the end, when only the operation itself is left', async () => {
  harness.jobs.push({ name: dropOldResults.name, data: {}, startAfter: undefined });
  await harness.runJobs(jobs);
  expect(await listAll()).toHaveLength(1_200);
  await harness.moveClock('30 days 1 second');
  harness.jobs.push({ name: dropOldResults.name, data: {}, startAfter: undefined });
  await harness.runJobs(jobs);
  expect(await listAll()).toEqual([]);
  expect((await harness.callAs('admin').operations.getOperation({ operationId })).operation).toMatchObject({ totalCount: 1_200n, failedCount: 12n });
});
