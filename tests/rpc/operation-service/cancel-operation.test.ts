import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Group } from '../../../gen/ticketing/v1/group_pb.ts';
import { OperationOutcome, OperationState } from '../../../gen/ticketing/v1/operation_pb.ts';
import { jobs } from '../../../src/edge/worker/index.ts';
import { expectSound } from '../../support/engine.ts';
import { createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { beginRetitling, makeCrowdedGroup, takeOneStep } from '../../support/operations.ts';

let harness: Harness;
let group: Group;
beforeAll(async () => {
  harness = await createHarness();
  group = await makeCrowdedGroup(harness, 'STOP', 1_001, { supervisorIds: ['sue'] });
});
afterAll(async () => {
  await expectSound(harness);
  await harness.close();
});

const operations = () => harness.callAs('admin').operations;

it('ends it with what was done, before its next chunk', async () => {
  const operationId = await beginRetitling(harness, group, 'admin', 'half');
  // A process that stops after the first step.
  await takeOneStep(harness, operationId);
  const requestId = randomUUID();
  const { operation } = await operations().cancelOperation({ operationId, reason: 'enough', requestId });
  expect(operation).toMatchObject({ state: OperationState.CANCELLED, totalCount: 1_001n, doneCount: 250n, changedCount: 250n });
  await harness.runJobs(jobs);
  expect(await harness.sql(`SELECT count(*)::int AS count FROM tickets WHERE title = 'half'`)).toEqual([{ count: 250 }]);
  const { tickets } = await operations().listOperationTickets({ operationId, outcomes: [OperationOutcome.PENDING], pageSize: 1000 });
  expect(tickets).toHaveLength(751);
  const entries = await harness.sql(`SELECT actor, reason, after ->> 'changed_count' AS changed FROM audit_entries WHERE request_id = $1`, [requestId]);
  expect(entries).toEqual([{ actor: 'the-admin', reason: 'enough', changed: '250' }]);
});

it('only says what it would do when it is only checked', async () => {
  const operationId = await beginRetitling(harness, group, 'admin', 'checked');
  expect((await operations().cancelOperation({ operationId, validateOnly: true })).operation?.state).toBe(OperationState.CANCELLED);
  expect((await operations().getOperation({ operationId })).operation?.state).toBe(OperationState.RUNNING);
});

it('NOT_FOUND: for another’s operation; administrators may stop any', async () => {
  const operationId = await beginRetitling(harness, group, { roles: ['supervisor'], actor: 'sue' }, 'hers');
  expect(await failureOf(harness.callAs('supervisor').operations.cancelOperation({ operationId }))).toMatchObject({ reason: 'OPERATION_NOT_FOUND' });
  expect((await operations().cancelOperation({ operationId })).operation?.state).toBe(OperationState.CANCELLED);
});

it('FAILED_PRECONDITION: for one that has ended', async () => {
  const operationId = await beginRetitling(harness, group, 'admin', 'over');
  await harness.runJobs(jobs);
  expect(await failureOf(operations().cancelOperation({ operationId }))).toMatchObject({
    kind: 'failed_precondition',
    reason: 'OPERATION_ENDED',
    facts: { state: 'SUCCEEDED' },
  });
});

it('ABORTED: for an etag that is not the current one', async () => {
  const operationId = await beginRetitling(harness, group, 'admin', 'etag');
  expect(await failureOf(operations().cancelOperation({ operationId, etag: '7' }))).toMatchObject({ kind: 'aborted', reason: 'ETAG_MISMATCH' });
});
