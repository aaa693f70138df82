import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Group } from '../../gen/ticketing/v1/group_pb.ts';
import { TicketStatus } from '../../gen/ticketing/v1/ticket_pb.ts';
import { expectSound, updateTicket } from '../support/engine.ts';
import { createHarness, type Harness } from '../support/harness.ts';
import { heldTickets, makeAgent, makeGroup, makeTickets } from '../support/team.ts';

// Somebody full who loses tickets of one group has room for what waits in his others, at the same commit.

let harness: Harness;
let left: Group;
let other: Group;
beforeEach(async () => {
  harness = await createHarness();
  [left, other] = [await makeGroup(harness, 'LEFT'), await makeGroup(harness, 'OTHER')];
  await makeAgent(harness, 'full', [left, other], { maxOpenTickets: 2 });
  await makeTickets(harness, left, 2);
  await makeTickets(harness, other, 3);
  expect(await heldTickets(harness, other)).toEqual({ '': 3 });
});
afterEach(async () => {
  await expectSound(harness);
  await harness.close();
});

it('gives it to him when he is taken out of a group', async () => {
  await harness.callAs('admin').groups.removeGroupMembers({ groupId: left.groupId, agentIds: ['full'] });
  expect(await heldTickets(harness, left)).toEqual({ '': 2 });
  expect(await heldTickets(harness, other)).toEqual({ '': 1, full: 2 });
});

it('gives it to him when a group is deleted and its tickets cancelled', async () => {
  await harness.callAs('admin').groups.deleteGroup({ groupId: left.groupId, force: true });
  expect(await heldTickets(harness, other)).toEqual({ '': 1, full: 2 });
});

it('gives it to him when a group is deleted and its tickets move to a team that he is not in', async () => {
  const third = await makeGroup(harness, 'THIRD');
  await makeAgent(harness, 'third-1', [third]);
  await harness.callAs('admin').groups.deleteGroup({ groupId: left.groupId, moveTicketsToGroupId: third.groupId });
  expect(await heldTickets(harness, third)).toEqual({ 'third-1': 2 });
  expect(await heldTickets(harness, other)).toEqual({ '': 1, full: 2 });
});

it('gives out in all of many groups when many tickets of one agent are resolved at once', async () => {
  const groups = [];
  for (let at = 0; at < 10; at++) groups.push(await makeGroup(harness, `MANY${at}`));
  await makeAgent(harness, 'busy', groups, { maxOpenTickets: 12 });
  const [first] = groups as [Group];
  const held = await makeTickets(harness, first, 12);
  for (const group of groups) await makeTickets(harness, group, 1);
  await Promise.all(held.map((ticket) => updateTicket(harness, ticket.ticketId, { status: TicketStatus.RESOLVED })));
  for (const group of groups) expect(await heldTickets(harness, group)).toEqual({ busy: 1 });
});
