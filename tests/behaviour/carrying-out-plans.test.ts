import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Availability } from '../../gen/ticketing/v1/agent_pb.ts';
import { OperationState } from '../../gen/ticketing/v1/operation_pb.ts';
import { Priority } from '../../gen/ticketing/v1/ticket_pb.ts';
import { checkDatabase } from '../../src/edge/cli/check-invariants.ts';
import { jobs } from '../../src/edge/worker/index.ts';
import { expectSound, readTicket } from '../support/engine.ts';
import { createHarness, failureOf, type Harness } from '../support/harness.ts';
import { takeOneStep } from '../support/operations.ts';
import { heldTickets, makeAgent, makeGroup, makeTickets } from '../support/team.ts';

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

const tickets = () => harness.callAs('admin').tickets;

/** A group whose first agent holds so many tickets, which two others could take; and the plan that deals them out. */
async function makePlan(key: string, count: number) {
  const group = await makeGroup(harness, key);
  const names = ['from', 'left', 'right'].map((name) => `${key}-${name}`) as [string, string, string];
  for (const name of names) await makeAgent(harness, name, [group]);
  const made = await makeTickets(harness, group, count, names[0]);
  const plan = await tickets().reassignTickets({ fromAgentIds: [names[0]], validateOnly: true });
  return { group, names, made, plan };
}

it('carries out exactly what was planned, though meanwhile the deal would have come out otherwise', async () => {
  const { group, names, plan } = await makePlan('EXACT', 6);
  expect(plan.planToken).not.toBe('');
  expect(Number(plan.planExpireTime?.seconds) * 1000 - Date.now()).toBeGreaterThan(14 * 60_000);
  expect(await heldTickets(harness, group)).toEqual({ [names[0]]: 6 });
  // Who got others in between would be second in a new deal.
  await makeTickets(harness, group, 1, names[1]);
  const done = await tickets().reassignTickets({ planToken: plan.planToken });
  expect(done.movedTickets).toEqual(plan.movedTickets);
  expect(done.receipts).toEqual(plan.receipts);
  for (const { ticketId, toAgentId } of plan.movedTickets) expect((await readTicket(harness, ticketId)).agentId).toBe(toAgentId);
});

it('answers a repeated request again, although its plan cannot be carried out any more', async () => {
  const { plan } = await makePlan('AGAIN', 3);
  const request = { planToken: plan.planToken, requestId: randomUUID() };
  const done = await tickets().reassignTickets(request);
  await harness.moveClock('16 minutes');
  expect(await tickets().reassignTickets(request)).toEqual(done);
});

it('ABORTED: as a whole, when a ticket changed its agent, status or group, or a receiver can take no more', async () => {
  const changes: Record<string, (scene: Awaited<ReturnType<typeof makePlan>>) => Promise<[named: string, unknown]>> = {
    AGENT: async ({ made, names }) => [made[1]?.key ?? '', await tickets().updateTicket({ ticket: { ticketId: made[1]?.ticketId ?? '', agentId: names[1] } })],
    STATUS: async ({ made }) => [made[2]?.key ?? '', await tickets().updateTicket({ ticket: { ticketId: made[2]?.ticketId ?? '', status: 3 } })],
    GROUP: async ({ made }) => {
      const other = await makeGroup(harness, 'GROUPOTHER');
      return [made[0]?.key ?? '', await tickets().updateTicket({ ticket: { ticketId: made[0]?.ticketId ?? '', groupId: other.groupId } })];
    },
    AWAY: async ({ names }) => [names[2], await harness.callAs('admin').agents.setAvailability({ agentId: names[2], availability: Availability.AWAY })],
    LIMIT: async ({ names }) => [names[1], await harness.callAs('admin').agents.updateAgent({ agent: { agentId: names[1], maxOpenTickets: 1 } })],
    MEMBER: async ({ group, names }) => [names[2], await harness.callAs('admin').groups.removeGroupMembers({ groupId: group.groupId, agentIds: [names[2]] })],
  };
  for (const [key, change] of Object.entries(changes)) {
    const scene = await makePlan(key, 4);
    const [named] = await change(scene);
    const before = await harness.sql('SELECT ticket_id, agent_id, version FROM tickets ORDER BY 1');
    const refused = await failureOf(tickets().reassignTickets({ planToken: scene.plan.planToken }));
    expect(refused, key).toMatchObject({ kind: 'aborted', reason: 'PLAN_OUTDATED' });
    expect(refused.facts['changed'], key).toContain(named);
    expect(await failureOf(tickets().reassignTickets({ planToken: scene.plan.planToken, validateOnly: true })), key).toMatchObject({ reason: 'PLAN_OUTDATED' });
    expect(await harness.sql('SELECT ticket_id, agent_id, version FROM tickets ORDER BY 1'), key).toEqual(before);
  }
});

it('is not disturbed by changes that the plan has nothing to do with', async () => {
  const { made, plan, names, group } = await makePlan('OTHER', 2);
  await tickets().updateTicket({ ticket: { ticketId: made[0]?.ticketId ?? '', title: 'another', priority: Priority.URGENT } });
  await tickets().reassignTickets({ planToken: plan.planToken });
  expect(await heldTickets(harness, group)).toEqual({ [names[1]]: 1, [names[2]]: 1 });
});

it('NOT_FOUND: after fifteen minutes, for another caller, and for no plan at all', async () => {
  const { plan } = await makePlan('LOST', 2);
  const [another, none] = [harness.callAs({ roles: ['admin'], actor: 'another' }).tickets, { planToken: randomUUID() }];
  expect(await failureOf(another.reassignTickets({ planToken: plan.planToken }))).toMatchObject({ kind: 'not_found', reason: 'PLAN_NOT_FOUND' });
  expect(await failureOf(tickets().reassignTickets(none))).toMatchObject({ reason: 'PLAN_NOT_FOUND' });
  await harness.moveClock('15 minutes 1 second');
  expect(await failureOf(tickets().reassignTickets({ planToken: plan.planToken }))).toMatchObject({ reason: 'PLAN_NOT_FOUND' });
  harness.jobs.push({ name: 'drop-old-plans', data: {}, startAfter: undefined });
  await harness.runJobs(jobs);
  expect(await harness.sql('SELECT FROM reassignment_plan_tickets')).toEqual([]);
});

it('NOT_FOUND: once it was carried out, though everything may be as it was before', async () => {
  for (const [key, count] of [
    ['TWICE', 2],
    ['TWICEALL', 1_003],
  ] as const) {
    const { made, names, plan } = await makePlan(key, count);
    const ends = await Promise.allSettled([0, 1, 2].map(() => tickets().reassignTickets({ planToken: plan.planToken })));
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await harness.runJobs(jobs);
    for (let from = 0; from < made.length; from += 1_000) {
      const ticketIds = made.slice(from, from + 1_000).map((ticket) => ticket.ticketId);
      await tickets().bulkUpdateTickets({ ticketIds, patch: { agentId: names[0] } });
    }
    expect(await failureOf(tickets().reassignTickets({ planToken: plan.planToken }))).toMatchObject({ reason: 'PLAN_NOT_FOUND' });
  }
});

it('INVALID_ARGUMENT: beside a selection', async () => {
  const both = { planToken: randomUUID(), fromAgentIds: ['somebody'] };
  expect(await failureOf(tickets().reassignTickets(both))).toMatchObject({ reason: 'INVALID_FIELD' });
});

it('carries a plan of more than a thousand out as an operation, and leaves alone what changes under way', async () => {
  const { group, names, made, plan } = await makePlan('LARGE', 1_203);
  expect(plan.selectedCount).toBe(1_203n);
  expect(plan.receipts.map((receipt) => receipt.receivedCount).toSorted()).toEqual([601, 602]);
  expect(plan.movedTickets).toHaveLength(1_000);
  const { operationId, selectedCount } = await tickets().reassignTickets({ planToken: plan.planToken });
  expect([operationId === '', selectedCount]).toEqual([false, 1_203n]);
  await takeOneStep(harness, operationId);
  const held = await harness.sql<{ ticket_id: string }>('SELECT ticket_id FROM tickets WHERE agent_id = $1 ORDER BY ticket_id LIMIT 3', [names[0]]);
  await tickets().bulkUpdateTickets({ ticketIds: held.map((row) => row.ticket_id), patch: { status: 3 } });
  await harness.moveClock('20 minutes');
  await harness.runJobs(jobs);
  const { operation } = await harness.callAs('admin').operations.getOperation({ operationId });
  expect(operation).toMatchObject({ state: OperationState.SUCCEEDED, changedCount: 1_200n, failedCount: 3n });
  const rows = await harness.sql<{ planned: string; is: string }>(
    `SELECT p.to_agent_id AS planned, t.agent_id AS is FROM reassignment_plan_tickets p JOIN tickets t USING (ticket_id) WHERE p.plan_id = $1 AND t.status <> 3`,
    [plan.planToken],
  );
  expect(rows).toHaveLength(1_200);
  expect(rows.filter((row) => row.planned !== row.is)).toEqual([]);
  expect((await heldTickets(harness, group))[names[0]]).toBe(3);
  expect(made).toHaveLength(1_203);
});

it('ABORTED: for a large plan that is outdated when it is to begin', async () => {
  const { made, names, plan } = await makePlan('LARGEOLD', 1_003);
  await tickets().updateTicket({ ticket: { ticketId: made[700]?.ticketId ?? '', agentId: names[1] } });
  const refused = await failureOf(tickets().reassignTickets({ planToken: plan.planToken }));
  expect(refused).toMatchObject({ kind: 'aborted', reason: 'PLAN_OUTDATED', facts: { changed: `ticket ${made[700]?.key}` } });
});

it('ABORTED: for a large plan that is not its caller’s any more, or that its receivers could not take', async () => {
  const { group, names, made } = await makePlan('LARGELOST', 1_003);
  const { groupId } = group;
  const { agents, groups } = harness.callAs('admin');
  const supervisors = (supervisorIds: string[]) => groups.updateGroup({ group: { groupId, supervisorIds }, updateMask: { paths: ['supervisor_ids'] } });
  await supervisors(['sue']);
  const sue = harness.callAs({ roles: ['supervisor'], actor: 'sue' }).tickets;
  const { planToken } = await sue.reassignTickets({ fromAgentIds: [names[0]], validateOnly: true });
  const active = (value: boolean) => groups.updateGroup({ group: { groupId, active: value }, updateMask: { paths: ['active'] } });
  const skills = (requiredSkills: Record<string, number>) =>
    groups.updateGroup({ group: { groupId, assignmentPolicy: { requiredSkills } }, updateMask: { paths: ['assignment_policy.required_skills'] } });
  const room = (maxOpenTickets: number | undefined) =>
    agents.updateAgent({ agent: { agentId: names[1], ...(maxOpenTickets && { maxOpenTickets }) }, updateMask: { paths: ['max_open_tickets'] } });
  const changes: Record<string, [named: string, lose: () => Promise<unknown>, undo: () => Promise<unknown>]> = {
    supervisor: [`ticket ${made[0]?.key}`, () => supervisors([]), () => supervisors(['sue'])],
    closed: [`agent ${names[1]}`, () => active(false), () => active(true)],
    skill: [`agent ${names[2]}`, () => skills({ german: 1 }), () => skills({})],
    full: [`agent ${names[1]}`, () => room(500), () => room(undefined)],
  };
  for (const [what, [named, lose, undo]] of Object.entries(changes)) {
    await lose();
    for (const validateOnly of [true, false]) {
      const refused = await failureOf(sue.reassignTickets({ planToken, validateOnly }));
      expect(refused, what).toMatchObject({ kind: 'aborted', reason: 'PLAN_OUTDATED' });
      expect(refused.facts['changed']?.split(', '), what).toContain(named);
    }
    await undo();
  }
  expect((await heldTickets(harness, group))[names[0]]).toBe(1_003);
  expect(await sue.reassignTickets({ planToken })).toMatchObject({ selectedCount: 1_003n });
});
