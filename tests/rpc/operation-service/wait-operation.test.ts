import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Group } from '../../../gen/ticketing/v1/group_pb.ts';
import { OperationState } from '../../../gen/ticketing/v1/operation_pb.ts';
import { jobs } from '../../../src/edge/worker/index.ts';
import { createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { beginRetitling, makeCrowdedGroup } from '../../support/operations.ts';

let harness: Harness;
let group: Group;
beforeAll(async () => {
  harness = await createHarness();
  group = await makeCrowdedGroup(harness, 'WAIT', 1_001);
});
afterAll(() => harness.close());

const wait = async (operationId: string, seconds?: bigint) =>
  (await harness.callAs('admin').operations.waitOperation({ operationId, ...(seconds === undefined ? {} : { timeout: { seconds, nanos: 0 } }) })).operation
    ?.state;

it('answers when the operation has ended, to everybody who waits', async () => {
  const operationId = await beginRetitling(harness, group, 'admin', 'waited for');
  const waiting = Promise.all(Array.from({ length: 20 }, () => wait(operationId)));
  await harness.runJobs(jobs);
  expect(new Set(await waiting)).toEqual(new Set([OperationState.SUCCEEDED]));
  expect(await wait(operationId)).toBe(OperationState.SUCCEEDED);
});

it('answers how it stands when the time is over', async () => {
  const operationId = await beginRetitling(harness, group, 'admin', 'not begun');
  expect(await wait(operationId, 0n)).toBe(OperationState.RUNNING);
  expect(await wait(operationId, 1n)).toBe(OperationState.RUNNING);
});

it('NOT_FOUND: for an operation that is not there', async () => {
  expect(await failureOf(wait(randomUUID()))).toMatchObject({ kind: 'not_found', reason: 'OPERATION_NOT_FOUND' });
});

it('INVALID_ARGUMENT: for more than sixty seconds', async () => {
  expect(await failureOf(wait(randomUUID(), 61n))).toMatchObject({ reason: 'INVALID_FIELD' });
});
