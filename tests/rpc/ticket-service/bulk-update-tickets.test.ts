import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Priority, TicketStatus } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { jobs } from '../../../src/edge/worker/index.ts';
import { countersOf, createTicket, expectSound, readTicket, traces } from '../../support/engine.ts';
import { createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { heldTickets, makeAgent, makeGroup, makeTickets } from '../../support/team.ts';

const { OPEN, RESOLVED, CANCELLED } = TicketStatus;

let harness: Harness;
beforeAll(async () => {
  harness = await createHarness();
});
afterAll(async () => {
  await expectSound(harness);
  await harness.close();
});

type Request = Parameters<ReturnType<typeof admin>['bulkUpdateTickets']>[0];
const admin = () => harness.callAs('admin').tickets;
const bulk = (request: Omit<Request, '$typeName'>) => admin().bulkUpdateTickets(request as Request);

it('makes the same change to the tickets named, by id or key, and says which it changed', async () => {
  const group = await makeGroup(harness, 'SAME');
  await makeAgent(harness, 'same-1', [group]);
  const [first, second, third] = await makeTickets(harness, group, 3);
  if (!first || !second || !third) throw new Error('there must be three');
  const answer = await bulk({ ticketIds: [second.key, first.ticketId], patch: { status: RESOLVED, labels: ['done'] } });
  expect(answer.updatedCount).toBe(2);
  expect([...answer.ticketIds].sort()).toEqual([first.ticketId, second.ticketId].sort());
  expect(await readTicket(harness, first.key)).toMatchObject({ status: RESOLVED, labels: ['done'] });
  expect(await readTicket(harness, third.key)).toMatchObject({ status: OPEN, labels: [] });
  expect(await countersOf(harness, 'same-1')).toMatchObject({ totalResolved: 2, open: 1 });
});

it('changes the tickets that meet a condition, and no others', async () => {
  const group = await makeGroup(harness, 'COND');
  for (const priority of [Priority.LOW, Priority.HIGH, Priority.URGENT]) await createTicket(harness, group, { priority });
  const answer = await bulk({ filter: `group_id == "${group.groupId}" && priority >= HIGH`, patch: { title: 'soon' } });
  expect(answer.updatedCount).toBe(2);
  const titles = await harness.sql<{ title: string }>('SELECT title FROM tickets WHERE group_id = $1 ORDER BY priority', [group.groupId]);
  expect(titles.map((row) => row.title)).toEqual(['', 'soon', 'soon']);
});

it('does not count tickets that are so already', async () => {
  const group = await makeGroup(harness, 'ALREADY');
  const tickets = await makeTickets(harness, group, 2);
  await bulk({ ticketIds: [tickets[0]?.ticketId ?? ''], patch: { title: 'x' } });
  expect(await bulk({ ticketIds: tickets.map((ticket) => ticket.ticketId), patch: { title: 'x' } })).toMatchObject({
    updatedCount: 1,
    ticketIds: [tickets[1]?.ticketId],
  });
});

it('deals tickets out again when their agent is cleared, and gives them all to one when he is named', async () => {
  const group = await makeGroup(harness, 'DESK');
  for (const agentId of ['desk-a', 'desk-b', 'desk-c']) await makeAgent(harness, agentId, [group]);
  const tickets = await makeTickets(harness, group, 4, 'desk-a');
  const ticketIds = tickets.map((ticket) => ticket.ticketId);
  await bulk({ ticketIds, patch: { agentId: '' }, updateMask: { paths: ['agent_id'] } });
  expect(await heldTickets(harness, group)).toEqual({ 'desk-b': 2, 'desk-c': 2 });
  await bulk({ ticketIds, patch: { agentId: 'desk-c' } });
  expect(await heldTickets(harness, group)).toEqual({ 'desk-c': 4 });
});

it('gives what waits to those who get room, in their other groups too', async () => {
  const [group, other] = [await makeGroup(harness, 'FREE'), await makeGroup(harness, 'FREEB')];
  await makeAgent(harness, 'free-1', [group, other], { maxOpenTickets: 2 });
  const tickets = await makeTickets(harness, group, 2);
  const waiting = await makeTickets(harness, other, 3);
  expect(waiting.map((ticket) => ticket.agentId)).toEqual(['', '', '']);
  await bulk({ ticketIds: tickets.map((ticket) => ticket.ticketId), patch: { status: CANCELLED } });
  expect(await heldTickets(harness, other)).toEqual({ '': 1, 'free-1': 2 });
});

it('moves tickets to another group, and finds each an agent there', async () => {
  const [from, to] = [await makeGroup(harness, 'BFROM'), await makeGroup(harness, 'BTO')];
  await makeAgent(harness, 'bfrom-1', [from]);
  for (const agentId of ['bto-1', 'bto-2']) await makeAgent(harness, agentId, [to]);
  await makeTickets(harness, from, 4);
  expect((await bulk({ filter: `group_id == "${from.groupId}"`, patch: { groupId: to.groupId } })).updatedCount).toBe(4);
  expect(await heldTickets(harness, to)).toEqual({ 'bto-1': 2, 'bto-2': 2 });
  expect(await countersOf(harness, 'bfrom-1')).toMatchObject({ open: 0, totalAssigned: 4 });
});

it('changes none of them when one cannot be changed', async () => {
  const group = await makeGroup(harness, 'ALL');
  const tickets = await makeTickets(harness, group, 3);
  const ticketIds = tickets.map((ticket) => ticket.ticketId);
  await bulk({ ticketIds: [ticketIds[1] ?? ''], patch: { status: CANCELLED } });
  const before = await traces(harness);
  expect(await failureOf(bulk({ ticketIds, patch: { status: RESOLVED } }))).toMatchObject({ kind: 'failed_precondition', reason: 'TICKET_CANCELLED' });
  expect(await failureOf(bulk({ ticketIds: [...ticketIds, randomUUID()], patch: { title: 'x' } }))).toMatchObject({
    kind: 'not_found',
    reason: 'TICKET_NOT_FOUND',
  });
  expect(await failureOf(bulk({ ticketIds: [ticketIds[0] ?? ''], patch: { agentId: 'nobody' } }))).toMatchObject({
    kind: 'not_found',
    reason: 'AGENT_NOT_FOUND',
  });
  expect({ ...(await traces(harness)), pools: '', sequence: '' }).toEqual({ ...before, pools: '', sequence: '' });
});

it('invalid argument: both or none of ids and filter, an etag, a filter that says nothing sensible', async () => {
  const patch = { title: 'x' };
  for (const request of [
    { patch },
    { ticketIds: [randomUUID()], filter: 'true', patch },
    { ticketIds: [randomUUID()], patch: { title: 'x', etag: '1' } },
    { ticketIds: [randomUUID()] },
  ]) {
    expect(await failureOf(bulk(request))).toMatchObject({ kind: 'invalid_argument', reason: 'INVALID_FIELD' });
  }
  expect(await failureOf(bulk({ filter: 'colour == "red"', patch }))).toMatchObject({ kind: 'invalid_argument', reason: 'FILTER_INVALID' });
  expect(await failureOf(bulk({ ticketIds: [randomUUID()], patch: {} }))).toMatchObject({ kind: 'invalid_argument', reason: 'NOTHING_TO_UPDATE' });
});

it('leaves more than 1000 to an operation, and changes 1000 at once', async () => {
  const group = await makeGroup(harness, 'MANY');
  await makeTickets(harness, group, 1001);
  const filter = `group_id == "${group.groupId}"`;
  const checked = await bulk({ filter, patch: { title: 'x' }, validateOnly: true });
  expect(checked).toMatchObject({ selectedCount: 1001n, operationId: '', updatedCount: 0, ticketIds: [] });
  expect(await harness.sql('SELECT FROM operations')).toEqual([]);
  const accepted = await bulk({ filter, patch: { title: 'x' } });
  expect(accepted).toMatchObject({ selectedCount: 1001n, updatedCount: 0, ticketIds: [] });
  expect(await harness.sql(`SELECT FROM tickets WHERE title = 'x' AND group_id = $1`, [group.groupId])).toEqual([]);
  await harness.runJobs(jobs);
  expect(await harness.sql(`SELECT FROM tickets WHERE title = 'x' AND group_id = $1`, [group.groupId])).toHaveLength(1001);
  expect(await bulk({ filter: `${filter} && key != "MANY-1"`, patch: { status: RESOLVED } })).toMatchObject({
    updatedCount: 1000,
    selectedCount: 1000n,
    operationId: '',
  });
});

it('refuses an operation at once that could change no ticket', async () => {
  const [group, closed] = [await makeGroup(harness, 'FEW'), await makeGroup(harness, 'CLOSED', { active: false })];
  await makeTickets(harness, group, 1001);
  await makeAgent(harness, 'few-idle', [group], { active: false });
  const filter = `group_id == "${group.groupId}"`;
  const reasons = [];
  for (const patch of [{ groupId: randomUUID() }, { groupId: closed.groupId }, { agentId: 'few-nobody' }, { agentId: 'few-idle' }])
    reasons.push((await failureOf(bulk({ filter, patch }))).reason);
  expect(reasons).toEqual(['GROUP_NOT_FOUND', 'GROUP_INACTIVE', 'AGENT_NOT_FOUND', 'AGENT_INACTIVE']);
});

it('supervisors change tickets of their groups; for others the named ones are not found and a condition finds none', async () => {
  const [his, foreign] = [await makeGroup(harness, 'HIS', { supervisorIds: ['boss'] }), await makeGroup(harness, 'FOREIGN')];
  const [mine, other] = [await createTicket(harness, his), await createTicket(harness, foreign)];
  const boss = harness.callAs({ roles: ['supervisor'], actor: 'boss' }).tickets;
  expect(await failureOf(boss.bulkUpdateTickets({ ticketIds: [mine.ticketId, other.ticketId], patch: { title: 'x' } }))).toMatchObject({
    kind: 'not_found',
    reason: 'TICKET_NOT_FOUND',
  });
  expect(await boss.bulkUpdateTickets({ filter: `key in ["${mine.key}", "${other.key}"]`, patch: { title: 'x' } })).toMatchObject({ updatedCount: 1 });
  expect(await failureOf(harness.callAs('agent').tickets.bulkUpdateTickets({ ticketIds: [mine.ticketId], patch: { title: 'x' } }))).toMatchObject({
    kind: 'permission_denied',
  });
});

it('answers a repeated request id as it did, and with validate_only leaves no trace', async () => {
  const group = await makeGroup(harness, 'BREP');
  await makeAgent(harness, 'brep-1', [group]);
  const [ticket] = await makeTickets(harness, group, 1);
  const ticketIds = [ticket?.ticketId ?? ''];
  const before = await traces(harness);
  expect(await bulk({ ticketIds, patch: { status: RESOLVED }, validateOnly: true })).toMatchObject({ updatedCount: 1, ticketIds });
  expect(await traces(harness)).toEqual(before);
  const request = { ticketIds, patch: { status: RESOLVED }, requestId: randomUUID() };
  const first = await bulk(request);
  expect(await bulk(request)).toEqual(first);
  expect(first.updatedCount).toBe(1);
  expect(await failureOf(bulk({ ...request, patch: { status: CANCELLED } }))).toMatchObject({ reason: 'REQUEST_ID_REUSED' });
});
