import { afterAll, beforeAll, expect, it } from 'vitest';
import { OperationKind, OperationState } from '../../../gen/ticketing/v1/operation_pb.ts';
import { jobs } from '../../../src/edge/worker/index.ts';
import { createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { beginRetitling, makeCrowdedGroup } from '../../support/operations.ts';

const sue = { roles: ['supervisor'], actor: 'sue' } as const;
let harness: Harness;
const ids: string[] = [];
beforeAll(async () => {
  harness = await createHarness();
  const group = await makeCrowdedGroup(harness, 'LIST', 1_001, { supervisorIds: ['sue'] });
  ids.push(await beginRetitling(harness, group, 'admin', 'one'));
  await harness.runJobs(jobs);
  ids.push(await beginRetitling(harness, group, sue, 'two'), await beginRetitling(harness, group, 'admin', 'three'));
  await harness.sql(`UPDATE operation_progress SET pause_reason = 'too much to do' WHERE operation_id = $1`, [ids[2]]);
});
afterAll(() => harness.close());

const list = async (request: object, who: Parameters<Harness['callAs']>[0] = 'admin') =>
  (await harness.callAs(who).operations.listOperations(request)).operations.map((operation) => ids.indexOf(operation.operationId));

it('shows the newest first, page by page', async () => {
  expect(await list({})).toEqual([2, 1, 0]);
  const { operations } = harness.callAs('auditor');
  const first = await operations.listOperations({ pageSize: 2 });
  const second = await operations.listOperations({ pageSize: 2, pageToken: first.nextPageToken });
  expect([first, second].map((page) => page.operations.map(({ operationId }) => ids.indexOf(operationId)))).toEqual([[2, 1], [0]]);
  expect(second.nextPageToken).toBe('');
});

it('leaves out what is not wanted, by kind, state and actor', async () => {
  expect(await list({ kind: OperationKind.REASSIGN_TICKETS })).toEqual([]);
  expect(await list({ kind: OperationKind.BULK_UPDATE_TICKETS, states: [OperationState.RUNNING, OperationState.SUCCEEDED] })).toEqual([1, 0]);
  expect(await list({ states: [OperationState.PAUSED] })).toEqual([2]);
  expect(await list({ actor: 'sue' })).toEqual([1]);
});

it('shows others only what they began themselves', async () => {
  expect(await list({}, sue)).toEqual([1]);
  expect(await list({ actor: 'the-admin' }, sue)).toEqual([]);
  expect(await list({}, 'service')).toEqual([]);
});

it('INVALID_ARGUMENT: for a page token of another list', async () => {
  const { nextPageToken } = await harness.callAs('admin').operations.listOperations({ pageSize: 1 });
  expect(await failureOf(list({ actor: 'sue', pageToken: nextPageToken }))).toMatchObject({ reason: 'PAGE_TOKEN_INVALID' });
});
