import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Group } from '../../../gen/ticketing/v1/group_pb.ts';
import { OperationKind, OperationState } from '../../../gen/ticketing/v1/operation_pb.ts';
import { jobs } from '../../../src/edge/worker/index.ts';
import { createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { beginRetitling, makeCrowdedGroup } from '../../support/operations.ts';

let harness: Harness;
let group: Group;
beforeAll(async () => {
  harness = await createHarness();
  group = await makeCrowdedGroup(harness, 'GET', 1_001, { supervisorIds: ['sue'] });
});
afterAll(() => harness.close());

const sue = { roles: ['supervisor'], actor: 'sue' } as const;

it('tells how far it is, from its acceptance to its end', async () => {
  const operationId = await beginRetitling(harness, group);
  const { operations } = harness.callAs('admin');
  const begun = (await operations.getOperation({ operationId: operationId.toUpperCase() })).operation;
  expect(begun).toMatchObject({
    operationId,
    requestId: operationId,
    kind: OperationKind.BULK_UPDATE_TICKETS,
    state: OperationState.RUNNING,
    actor: 'the-admin',
    totalCount: 1_001n,
    doneCount: 0n,
  });
  expect([begun?.endTime, begun?.expireTime]).toEqual([undefined, undefined]);
  await harness.runJobs(jobs);
  const ended = (await operations.getOperation({ operationId })).operation;
  expect(ended).toMatchObject({ state: OperationState.SUCCEEDED, doneCount: 1_001n, changedCount: 1_001n, unchangedCount: 0n, failedCount: 0n });
  expect(Number(ended?.expireTime?.seconds) - Number(ended?.endTime?.seconds)).toBe(30 * 24 * 60 * 60);
  expect(ended?.etag).not.toBe(begun?.etag);
});

it('forgets with its end what it wrote into tickets: texts that are erased there are to be nowhere else', async () => {
  const operationId = await beginRetitling(harness, group, 'admin', 'about somebody');
  const told = () => harness.sql(`SELECT row_to_json(o)::text LIKE '%about somebody%' AS told FROM operations o WHERE operation_id = $1`, [operationId]);
  expect(await told()).toEqual([{ told: true }]);
  await harness.runJobs(jobs);
  expect(await told()).toEqual([{ told: false }]);
});

it('is for whoever began it, for administrators and for auditors', async () => {
  const operationId = await beginRetitling(harness, group, sue, 'hers');
  for (const who of [sue, 'admin', 'auditor'] as const) {
    expect((await harness.callAs(who).operations.getOperation({ operationId })).operation?.actor).toBe('sue');
  }
});

it('NOT_FOUND: for anybody else, as for an operation that is not there', async () => {
  const operationId = await beginRetitling(harness, group, sue, 'hers again');
  for (const who of ['supervisor', 'service', 'agent'] as const) {
    expect(await failureOf(harness.callAs(who).operations.getOperation({ operationId }))).toMatchObject({ reason: 'OPERATION_NOT_FOUND' });
  }
  expect(await failureOf(harness.callAs('admin').operations.getOperation({ operationId: randomUUID() }))).toMatchObject({
    kind: 'not_found',
    reason: 'OPERATION_NOT_FOUND',
  });
});
