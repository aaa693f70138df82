import { afterAll, beforeAll, expect, it } from 'vitest';
import { OperationOutcome, OperationState } from '../../gen/ticketing/v1/operation_pb.ts';
import { checkDatabase } from '../../src/edge/cli/check-invariants.ts';
import { jobs } from '../../src/edge/worker/index.ts';
import { expectSound } from '../support/engine.ts';
import { createHarness, type Harness } from '../support/harness.ts';
import { importMessages, PLAIN, sheet } from '../support/imports.ts';
import { takeOneStep } from '../support/operations.ts';
import { heldTickets, makeAgent, makeGroup } from '../support/team.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await createHarness();
});
afterAll(async () => {
  await expectSound(harness);
  const { findings } = await checkDatabase(harness.url);
  expect(findings.filter(({ violations }) => violations > 0)).toEqual([]);
  await harness.close();
});

type Who = Parameters<Harness['callAs']>[0];
const rowsFor = (key: string, count: number) => sheet(...Array.from({ length: count }, (_, at) => `${at + 1},${key},${at}`));

async function begin(file: string, source: string, who: Who = 'admin'): Promise<string> {
  const { operationId } = await harness.callAs(who).files.importTickets(...importMessages({ source, mapping: PLAIN }, file));
  return operationId;
}

const nameOf = (values: Readonly<Record<string, number>>, wanted: number) => Object.keys(values).find((name) => values[name] === wanted);

/** How many rows ended in which way, with which reason. */
async function outcomesOf(operationId: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const { tickets } = await harness.callAs('admin').operations.listOperationTickets({ operationId, pageSize: 1000 });
  for (const { outcome, reason } of tickets) {
    const ended = `${nameOf(OperationOutcome, outcome)} ${reason}`.trim();
    counts[ended] = (counts[ended] ?? 0) + 1;
  }
  return counts;
}

it('gives the tickets of an import out as it goes on, to everybody alike', async () => {
  const group = await makeGroup(harness, 'DEALT');
  for (const name of ['a', 'b', 'c']) await makeAgent(harness, `dealt-${name}`, [group]);
  const operationId = await begin(rowsFor('DEALT', 600), 'dealt');
  await takeOneStep(harness, operationId);
  expect(await outcomesOf(operationId)).toEqual({ CHANGED: 250, PENDING: 350 });
  const { tickets } = await harness.callAs('admin').operations.listOperationTickets({ operationId, pageSize: 1000 });
  expect(tickets.map(({ ticketId, line }) => [ticketId !== '', line])).toEqual(tickets.map((_, at) => [at < 250, BigInt(at + 2)]));
  await harness.runJobs(jobs);
  expect(await outcomesOf(operationId)).toEqual({ CHANGED: 600 });
  expect(await heldTickets(harness, group)).toEqual({ 'dealt-a': 200, 'dealt-b': 200, 'dealt-c': 200 });
});

it('looks at rights, groups and agents as they are in each step', async () => {
  const sue = { actor: 'sue', roles: ['supervisor'] } as const;
  const group = await makeGroup(harness, 'HERS', { supervisorIds: ['sue'] });
  const [lost, closed] = [await begin(rowsFor('HERS', 600), 'lost', sue), await begin(rowsFor('HERS', 300), 'closed')];
  await takeOneStep(harness, lost);
  await harness.callAs('admin').groups.updateGroup({ group: { groupId: group.groupId, active: false }, updateMask: { paths: ['active'] } });
  await takeOneStep(harness, closed);
  await harness
    .callAs('admin')
    .groups.updateGroup({ group: { groupId: group.groupId, active: true, supervisorIds: [] }, updateMask: { paths: ['active', 'supervisor_ids'] } });
  await harness.runJobs(jobs);
  expect(await outcomesOf(lost)).toEqual({ CHANGED: 250, 'FAILED GROUP_NOT_FOUND': 350 });
  expect(await outcomesOf(closed)).toEqual({ CHANGED: 50, 'FAILED GROUP_INACTIVE': 250 });
});

it('creates each row once, however many imports of the file go on beside each other', async () => {
  await makeGroup(harness, 'TWICE');
  const [first, second] = [await begin(rowsFor('TWICE', 600), 'twice'), await begin(rowsFor('TWICE', 600), 'twice')];
  await takeOneStep(harness, second);
  await takeOneStep(harness, first);
  await takeOneStep(harness, first);
  await harness.runJobs(jobs);
  expect([await outcomesOf(first), await outcomesOf(second)]).toEqual([
    { 'UNCHANGED EXTERNAL_REFERENCE_TAKEN': 250, CHANGED: 350 },
    { CHANGED: 250, 'UNCHANGED EXTERNAL_REFERENCE_TAKEN': 350 },
  ]);
  const ids = async (operationId: string) =>
    (await harness.callAs('admin').operations.listOperationTickets({ operationId, pageSize: 1000 })).tickets.map(({ ticketId }) => ticketId);
  expect(await ids(first)).toEqual(await ids(second));
});

it('stops where it is cancelled, and tells of the rows that were not reached', async () => {
  await makeGroup(harness, 'STOP');
  const operationId = await begin(rowsFor('STOP', 600), 'stop');
  await takeOneStep(harness, operationId);
  await harness.callAs('admin').operations.cancelOperation({ operationId });
  await harness.runJobs(jobs);
  expect(await outcomesOf(operationId)).toEqual({ CHANGED: 250, PENDING: 350 });
  const { operation } = await harness.callAs('admin').operations.getOperation({ operationId });
  expect(operation).toMatchObject({ state: OperationState.CANCELLED, changedCount: 250n });
});

it('ends at once when the file has a heading only', async () => {
  const operationId = await begin(sheet(), 'empty');
  await harness.runJobs(jobs);
  const { operation } = await harness.callAs('admin').operations.getOperation({ operationId });
  expect(operation).toMatchObject({ state: OperationState.SUCCEEDED, totalCount: 0n });
});
