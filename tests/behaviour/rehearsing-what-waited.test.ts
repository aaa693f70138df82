import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AssignmentStrategy } from '../../gen/ticketing/v1/assignment_policy_pb.ts';
import { TicketStatus } from '../../gen/ticketing/v1/ticket_pb.ts';
import { createHarness, type Harness } from '../support/harness.ts';
import { setup } from '../support/simulated.ts';
import { makeAgent, makeGroup, makeTickets } from '../support/team.ts';

// Tickets that nobody was given leave no numbered record: on record nothing happens between one of them and the next.
let harness: Harness;
beforeEach(async () => {
  harness = await createHarness();
});
afterEach(() => harness.close());

async function rehearse(groupId: string) {
  const [clock] = await harness.sql<{ start: Date }>(`SELECT docket_now() - interval '1 day' AS start`);
  const source = { case: 'history' as const, value: { groupIds: [groupId], startTime: timestampFromDate(clock?.start as Date) } };
  const scenarios = [{ name: 'in turn', policies: [{ assignmentPolicy: { strategy: AssignmentStrategy.ROUND_ROBIN } }] }];
  const answer = await harness.callAs('admin').assignment.simulatePolicy(setup({ source, scenarios }));
  expect(answer.mismatchedTicketCount).toBe(0);
  return { baseline: answer.baseline, scenario: answer.scenarios[0] };
}

it('gives each of them to somebody when it comes, under a policy that would have', async () => {
  const group = await makeGroup(harness, 'HAND', { assignmentPolicy: { strategy: AssignmentStrategy.MANUAL } });
  for (const agentId of ['ann', 'bob', 'cat']) await makeAgent(harness, agentId, [group]);
  for (let at = 0; at < 4; at++) {
    await makeTickets(harness, group, 3);
    await harness.moveClock('10 minutes');
  }
  const { baseline, scenario } = await rehearse(group.groupId);
  expect(baseline?.untilAssigned).toMatchObject({ endedCount: 0, neverCount: 12 });
  expect(scenario?.untilAssigned).toMatchObject({ endedCount: 12, neverCount: 0, longest: { seconds: 0n } });
  expect(scenario?.samples.map((sample) => sample.waitingCount).filter((count) => count > 0)).toEqual([]);
});

it('and gives them out in their order where some were cancelled while they waited', async () => {
  const group = await makeGroup(harness, 'FULL', { assignmentPolicy: { strategy: AssignmentStrategy.LEAST_ASSIGNED_TODAY, maxOpenPerAgent: 1 } });
  for (const agentId of ['ann', 'bob']) await makeAgent(harness, agentId, [group]);
  const [, , waiting] = await makeTickets(harness, group, 3);
  await harness.moveClock('10 minutes');
  await harness
    .callAs('admin')
    .tickets.updateTicket({ ticket: { ticketId: waiting?.ticketId ?? '', status: TicketStatus.CANCELLED }, updateMask: { paths: ['status'] } });
  await harness.moveClock('10 minutes');
  await makeTickets(harness, group, 1);
  const { baseline, scenario } = await rehearse(group.groupId);
  expect(baseline?.untilAssigned).toMatchObject({ endedCount: 2, neverCount: 2 });
  expect(scenario?.untilAssigned).toMatchObject({ endedCount: 4, neverCount: 0, longest: { seconds: 0n } });
});
