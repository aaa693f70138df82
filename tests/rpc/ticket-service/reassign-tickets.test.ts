import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Availability } from '../../../gen/ticketing/v1/agent_pb.ts';
import { StayReason } from '../../../gen/ticketing/v1/reassignment_pb.ts';
import { Priority, TicketStatus } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { jobs } from '../../../src/edge/worker/index.ts';
import { countersOf, createTicket, decisionsOf, expectSound, readTicket, traces, updateTicket } from '../../support/engine.ts';
import { createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { heldTickets, makeAgent, makeGroup, makeTickets } from '../../support/team.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await createHarness();
});
afterAll(async () => {
  await expectSound(harness);
  await harness.close();
});

type Request = Parameters<ReturnType<typeof admin>['reassignTickets']>[0];
const admin = () => harness.callAs('admin').tickets;
const reassign = (request: Omit<Request, '$typeName'>) => admin().reassignTickets(request as Request);
const receiptsOf = (answer: Awaited<ReturnType<typeof reassign>>) =>
  Object.fromEntries(answer.receipts.map((receipt) => [receipt.agentId, receipt.receivedCount]));
const away = (agentId: string) => harness.callAs('admin').agents.setAvailability({ agentId, availability: Availability.AWAY });

async function team(key: string, size: number, more: Parameters<typeof makeGroup>[2] = {}) {
  const group = await makeGroup(harness, key, more);
  const names = Array.from({ length: size }, (_, at) => `${key}-${'abcdef'[at]}`);
  for (const name of names) await makeAgent(harness, name, [group]);
  return { group, names: names as [string, string, string, string] };
}

describe('an equal deal', () => {
  it('gives 12 tickets of one who leaves to agents with 0, 6 and 12 today: 4 each', async () => {
    const { group, names } = await team('DEAL', 4);
    const [leaver, none, six, twelve] = names;
    await makeTickets(harness, group, 12, leaver);
    await makeTickets(harness, group, 6, six);
    await makeTickets(harness, group, 12, twelve);
    const answer = await reassign({ fromAgentIds: [leaver] });
    expect(receiptsOf(answer)).toEqual({ [none]: 4, [six]: 4, [twelve]: 4 });
    expect(answer.movedTickets).toHaveLength(12);
    expect(answer.stayingTickets).toEqual([]);
    expect(await countersOf(harness, leaver)).toMatchObject({ totalAssigned: 12, open: 0 });
    expect(await countersOf(harness, six)).toMatchObject({ assignedToday: 10, open: 10 });
  });

  it('deals the most urgent first, and tells from whom to whom each goes', async () => {
    const { group, names } = await team('FIRST', 3);
    const [a, b, c] = names;
    for (const priority of [Priority.LOW, Priority.URGENT, Priority.HIGH]) await createTicket(harness, group, { priority, agentId: a });
    await createTicket(harness, group, { agentId: c });
    const answer = await reassign({ fromAgentIds: [a] });
    expect(answer.movedTickets.map((moved) => [moved.key, moved.fromAgentId, moved.toAgentId])).toEqual([
      ['FIRST-2', a, b],
      ['FIRST-3', a, c],
      ['FIRST-1', a, b],
    ]);
    expect(await decisionsOf(harness, (await readTicket(harness, 'FIRST-1')).ticketId)).toEqual([`MANUAL ${a}`, `REASSIGN ${b} from ${a}`]);
  });

  it('turns IN_PROGRESS into OPEN, leaves ON_HOLD, and passes finished tickets over', async () => {
    const { group, names } = await team('STATE', 2);
    const tickets = await makeTickets(harness, group, 3, names[0]);
    const statuses = [TicketStatus.IN_PROGRESS, TicketStatus.ON_HOLD, TicketStatus.RESOLVED];
    for (const [at, ticket] of tickets.entries()) await updateTicket(harness, ticket.ticketId, { status: statuses[at] as TicketStatus });
    const answer = await reassign({ fromAgentIds: [names[0]] });
    expect(answer.movedTickets).toHaveLength(2);
    expect(answer.stayingTickets).toEqual([]);
    expect((await readTicket(harness, 'STATE-1')).status).toBe(TicketStatus.OPEN);
    expect((await readTicket(harness, 'STATE-2')).status).toBe(TicketStatus.ON_HOLD);
  });

  it('gives each ticket to somebody of its own group, counting what he received in all of them', async () => {
    const [one, other] = [await makeGroup(harness, 'ONE'), await makeGroup(harness, 'TWO')];
    await makeAgent(harness, 'two-leaver', [one, other]);
    await makeAgent(harness, 'two-one', [one]);
    await makeAgent(harness, 'two-both', [one, other]);
    await makeTickets(harness, other, 2, 'two-leaver');
    await makeTickets(harness, one, 2, 'two-leaver');
    expect(receiptsOf(await reassign({ fromAgentIds: ['two-leaver'] }))).toEqual({ 'two-both': 2, 'two-one': 2 });
    expect(await heldTickets(harness, other)).toEqual({ 'two-both': 2 });
  });

  it('gives to the named agents only, as far as they can take them', async () => {
    const { group, names } = await team('ONLY', 3, { assignmentPolicy: { maxOpenPerAgent: 3 } });
    await makeTickets(harness, group, 3, names[0]);
    await makeTickets(harness, group, 1, names[2]);
    const answer = await reassign({ fromAgentIds: [names[0]], toAgentIds: [names[2]] });
    expect(receiptsOf(answer)).toEqual({ [names[2]]: 2 });
    expect(answer.stayingTickets).toMatchObject([{ key: 'ONLY-3', agentId: names[0], reason: StayReason.NO_ELIGIBLE_AGENT }]);
    expect(answer.stayingTickets[0]?.explanation).toContain(`${names[1]} (not to receive it)`);
    expect(answer.stayingTickets[0]?.explanation).toContain(`${names[2]} (full)`);
  });

  it('takes named tickets too, waiting ones among them, and never gives one back to its agent', async () => {
    const { group, names } = await team('NAMED', 2);
    await away(names[0]);
    await away(names[1]);
    const waiting = await createTicket(harness, group);
    const held = await createTicket(harness, group, { agentId: names[1] });
    const done = await createTicket(harness, group, { agentId: names[1] });
    await updateTicket(harness, done.ticketId, { status: TicketStatus.CLOSED });
    const answer = await reassign({ ticketIds: [waiting.key, held.ticketId, done.ticketId] });
    expect(answer.movedTickets).toEqual([]);
    expect(answer.stayingTickets.map((staying) => [staying.key, staying.reason])).toEqual([
      [waiting.key, StayReason.NO_ELIGIBLE_AGENT],
      [held.key, StayReason.NO_ELIGIBLE_AGENT],
      [done.key, StayReason.NOT_PENDING],
    ]);
    expect(answer.stayingTickets[0]?.explanation).toContain(`${names[0]} (away)`);
    await harness.callAs('admin').agents.setAvailability({ agentId: names[1], availability: Availability.AVAILABLE });
    expect((await reassign({ ticketIds: [held.ticketId] })).stayingTickets).toMatchObject([{ reason: StayReason.NO_ELIGIBLE_AGENT }]);
  });

  it('takes the tickets that meet all conditions given, and says of named ones which do not', async () => {
    const { group, names } = await team('COMBI', 3);
    const [high] = [await createTicket(harness, group, { agentId: names[0], priority: Priority.HIGH })];
    const low = await createTicket(harness, group, { agentId: names[0], priority: Priority.LOW });
    const others = await createTicket(harness, group, { agentId: names[1], priority: Priority.HIGH });
    const answer = await reassign({ fromAgentIds: [names[0]], ticketIds: [high.key, low.key, others.key], filter: 'priority >= HIGH' });
    expect(answer.movedTickets.map((moved) => moved.key)).toEqual([high.key]);
    expect(answer.stayingTickets.map((staying) => [staying.key, staying.reason])).toEqual([
      [others.key, StayReason.NOT_SELECTED],
      [low.key, StayReason.NOT_SELECTED],
    ]);
  });

  it('gives what waited to those who got room by giving tickets away, in their other groups too', async () => {
    const [group, other] = [await makeGroup(harness, 'GETS'), await makeGroup(harness, 'GETSB')];
    await makeAgent(harness, 'gets-full', [group, other], { maxOpenTickets: 1 });
    const [held] = await makeTickets(harness, group, 1);
    const [waits] = await makeTickets(harness, other, 1);
    await makeAgent(harness, 'gets-free', [group]);
    await reassign({ ticketIds: [held?.ticketId ?? ''] });
    expect((await readTicket(harness, held?.key ?? '')).agentId).toBe('gets-free');
    expect((await readTicket(harness, waits?.key ?? '')).agentId).toBe('gets-full');
  });

  it('gives nothing out in a group that is not active', async () => {
    const { group, names } = await team('SHUT', 2);
    await makeTickets(harness, group, 1, names[0]);
    await harness.callAs('admin').groups.updateGroup({ group: { groupId: group.groupId, active: false }, updateMask: { paths: ['active'] } });
    expect((await reassign({ fromAgentIds: [names[0]] })).stayingTickets).toMatchObject([
      { key: 'SHUT-1', agentId: names[0], reason: StayReason.GROUP_INACTIVE },
    ]);
  });
});

describe('with validate_only', () => {
  it('answers the plan that is then carried out, and leaves no trace', async () => {
    const { group, names } = await team('PLAN', 3, { assignmentPolicy: { maxOpenPerAgent: 4 } });
    await makeTickets(harness, group, 4, names[0]);
    await makeTickets(harness, group, 3, names[2]);
    await makeTickets(harness, group, 1, names[1]);
    const before = await traces(harness);
    const plan = await reassign({ fromAgentIds: [names[0]], validateOnly: true });
    expect(await traces(harness)).toEqual(before);
    expect(receiptsOf(plan)).toEqual({ [names[1]]: 3, [names[2]]: 1 });
    expect(await reassign({ fromAgentIds: [names[0]] })).toEqual({ ...plan, planToken: '', planExpireTime: undefined });
  });
});

describe('asking for what cannot be', () => {
  it('invalid argument: nothing that says which tickets, a filter that says nothing sensible', async () => {
    expect(await failureOf(reassign({ toAgentIds: ['somebody'] }))).toMatchObject({ kind: 'invalid_argument', reason: 'INVALID_FIELD' });
    expect(await failureOf(reassign({ filter: 'status = OPEN' }))).toMatchObject({ kind: 'invalid_argument', reason: 'FILTER_INVALID' });
  });

  it('not found: a ticket, a giver, a receiver', async () => {
    const { names } = await team('MISS', 1);
    expect(await failureOf(reassign({ ticketIds: [randomUUID()] }))).toMatchObject({ kind: 'not_found', reason: 'TICKET_NOT_FOUND' });
    expect(await failureOf(reassign({ fromAgentIds: ['nobody'] }))).toMatchObject({ kind: 'not_found', reason: 'AGENT_NOT_FOUND' });
    expect(await failureOf(reassign({ fromAgentIds: [names[0]], toAgentIds: ['nobody'] }))).toMatchObject({ kind: 'not_found', reason: 'AGENT_NOT_FOUND' });
  });

  it('leaves more than 1000 to an operation', async () => {
    const { group, names } = await team('MUCH', 3);
    await makeTickets(harness, group, 1001, names[0]);
    expect(await reassign({ fromAgentIds: [names[0]], validateOnly: true })).toMatchObject({ selectedCount: 1001n, operationId: '' });
    const { operationId, selectedCount, movedTickets } = await reassign({ fromAgentIds: [names[0]] });
    expect([operationId === '', selectedCount, movedTickets]).toEqual([false, 1001n, []]);
    expect(await heldTickets(harness, group)).toEqual({ [names[0]]: 1001 });
    await harness.runJobs(jobs);
    expect(Object.values(await heldTickets(harness, group)).toSorted()).toEqual([500, 501]);
  });

  it('keeps a supervisor to his groups', async () => {
    const { group, names } = await team('HIS', 2, { supervisorIds: ['boss'] });
    const foreign = await team('NOTHIS', 2);
    await makeAgent(harness, 'his-both', [group, foreign.group]);
    await makeTickets(harness, group, 2, 'his-both');
    const [hidden] = await makeTickets(harness, foreign.group, 2, 'his-both');
    const boss = harness.callAs({ roles: ['supervisor'], actor: 'boss' }).tickets;
    expect(await failureOf(boss.reassignTickets({ ticketIds: [hidden?.key ?? ''] }))).toMatchObject({ kind: 'not_found', reason: 'TICKET_NOT_FOUND' });
    expect(await failureOf(boss.reassignTickets({ fromAgentIds: [foreign.names[0]] }))).toMatchObject({ kind: 'not_found', reason: 'AGENT_NOT_FOUND' });
    expect(receiptsOf(await boss.reassignTickets({ fromAgentIds: ['his-both'] }))).toEqual({ [names[0]]: 1, [names[1]]: 1 });
    expect(await heldTickets(harness, foreign.group)).toEqual({ 'his-both': 2 });
    expect(await failureOf(harness.callAs('service').tickets.reassignTickets({ fromAgentIds: ['his-both'] }))).toMatchObject({ kind: 'permission_denied' });
  });
});

it('answers a repeated request id as it did, and moves nothing more', async () => {
  const { group, names } = await team('RREP', 2);
  await makeTickets(harness, group, 2, names[0]);
  const request = { fromAgentIds: [names[0]], requestId: randomUUID() };
  const first = await reassign(request);
  await makeTickets(harness, group, 1, names[0]);
  expect(await reassign(request)).toEqual(first);
  expect(await heldTickets(harness, group)).toEqual({ [names[0]]: 1, [names[1]]: 2 });
  expect(await failureOf(reassign({ ...request, fromAgentIds: [names[1]] }))).toMatchObject({ kind: 'already_exists', reason: 'REQUEST_ID_REUSED' });
});
