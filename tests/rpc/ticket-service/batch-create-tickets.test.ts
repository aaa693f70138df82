import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Priority } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { countersOf, expectSound, readTicket, traces } from '../../support/engine.ts';
import { createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { makeAgent, makeGroup } from '../../support/team.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await createHarness();
});
afterAll(async () => {
  await expectSound(harness);
  await harness.close();
});

type Requests = Parameters<ReturnType<typeof service>['batchCreateTickets']>[0]['requests'];
const service = () => harness.callAs('service').tickets;
const batch = (requests: unknown[], more: object = {}) => service().batchCreateTickets({ requests: requests as Requests & object, ...more });

it('creates the tickets in the order given, each with its key and its agent', async () => {
  const [group, other] = [await makeGroup(harness, 'ORDER'), await makeGroup(harness, 'OTHER')];
  for (const agentId of ['order-a', 'order-b']) await makeAgent(harness, agentId, [group]);
  const { tickets } = await batch([
    { groupId: group.groupId, userId: 1n, title: 'first' },
    { groupId: other.groupId, userId: 2n, title: 'second' },
    { groupId: group.groupId, userId: 3n, title: 'third', agentId: 'order-a' },
    { groupId: group.groupId, userId: 4n, title: 'fourth', priority: Priority.URGENT },
  ]);
  expect(tickets.map(({ title, key, agentId }) => [title, key, agentId])).toEqual([
    ['first', 'ORDER-1', 'order-a'],
    ['second', 'OTHER-1', ''],
    ['third', 'ORDER-2', 'order-a'],
    ['fourth', 'ORDER-3', 'order-b'],
  ]);
  expect(await readTicket(harness, 'ORDER-3')).toEqual(tickets[3]);
});

it('deals a thousand out evenly in one call, with one entry in the log for each', async () => {
  const group = await makeGroup(harness, 'THOU');
  for (const agentId of ['thou-a', 'thou-b', 'thou-c']) await makeAgent(harness, agentId, [group]);
  const { tickets } = await batch(Array.from({ length: 1000 }, (_, at) => ({ groupId: group.groupId, userId: BigInt(at + 1) })));
  expect(tickets).toHaveLength(1000);
  expect(new Set(tickets.map((ticket) => ticket.key)).size).toBe(1000);
  const counts = await Promise.all(['thou-a', 'thou-b', 'thou-c'].map(async (agentId) => (await countersOf(harness, agentId)).assignedToday));
  expect(counts).toEqual([334, 333, 333]);
});

it('creates none of them when one is refused', async () => {
  const group = await makeGroup(harness, 'NONE');
  await makeAgent(harness, 'none-1', [group]);
  const good = { groupId: group.groupId, userId: 1n };
  const before = await traces(harness);
  for (const [bad, reason] of [
    [{ ...good, groupId: randomUUID() }, 'GROUP_NOT_FOUND'],
    [{ ...good, agentId: 'nobody' }, 'AGENT_NOT_FOUND'],
    [{ ...good, uniquePerUser: true }, 'TICKET_ALREADY_PENDING_FOR_USER'],
  ] as const) {
    expect((await failureOf(batch([good, bad, good]))).reason).toBe(reason);
  }
  const references = [{ system: 'crm', id: 'none-1', url: '' }];
  expect(
    (
      await failureOf(
        batch([
          { ...good, externalReferences: references },
          { ...good, externalReferences: references },
        ]),
      )
    ).reason,
  ).toBe('EXTERNAL_REFERENCE_TAKEN');
  expect({ ...(await traces(harness)), pools: '', sequence: '' }).toEqual({ ...before, pools: '', sequence: '' });
});

it('keeps unique_per_user among the tickets of the batch too', async () => {
  const group = await makeGroup(harness, 'UNI');
  const ticket = { groupId: group.groupId, userId: 1n, uniquePerUser: true };
  expect((await failureOf(batch([ticket, ticket]))).reason).toBe('TICKET_ALREADY_PENDING_FOR_USER');
  expect((await batch([ticket, { ...ticket, userId: 2n }])).tickets).toHaveLength(2);
});

it('invalid argument: none, more than 1000, or fields that belong to the batch', async () => {
  const group = await makeGroup(harness, 'INV');
  const ticket = { groupId: group.groupId, userId: 1n };
  for (const requests of [
    [],
    Array.from({ length: 1001 }, () => ticket),
    [{ ...ticket, requestId: randomUUID() }],
    [{ ...ticket, reason: 'x' }],
    [{ ...ticket, validateOnly: true }],
  ]) {
    expect(await failureOf(batch(requests))).toMatchObject({ kind: 'invalid_argument', reason: 'INVALID_FIELD' });
  }
  expect(await failureOf(batch([ticket, { ...ticket, attributes: { text: 'x'.repeat(17_000) } }]))).toMatchObject({
    reason: 'ATTRIBUTES_TOO_LARGE',
    facts: {},
  });
});

it('resource exhausted RESPONSE_TOO_LARGE: the answer would be larger than clients take; nothing is created', async () => {
  const group = await makeGroup(harness, 'LARGE');
  const description = 'ä'.repeat(9_500);
  const before = await traces(harness);
  expect(await failureOf(batch(Array.from({ length: 200 }, () => ({ groupId: group.groupId, userId: 1n, description }))))).toMatchObject({
    kind: 'resource_exhausted',
    reason: 'RESPONSE_TOO_LARGE',
  });
  expect(await traces(harness)).toEqual(before);
});

it('answers a repeated request id as it did, and creates nothing more', async () => {
  const group = await makeGroup(harness, 'REPEAT');
  const requests = [
    { groupId: group.groupId, userId: 1n },
    { groupId: group.groupId, userId: 2n },
  ];
  const requestId = randomUUID();
  const first = await batch(requests, { requestId });
  expect(await batch(requests, { requestId })).toEqual(first);
  expect(await failureOf(batch(requests.slice(1), { requestId }))).toMatchObject({ kind: 'already_exists', reason: 'REQUEST_ID_REUSED' });
  expect((await harness.sql('SELECT FROM tickets WHERE group_id = $1', [group.groupId])).length).toBe(2);
});

it('with validate_only answers who would get what, and leaves no trace', async () => {
  const group = await makeGroup(harness, 'BDRY');
  for (const agentId of ['bdry-a', 'bdry-b']) await makeAgent(harness, agentId, [group]);
  const before = await traces(harness);
  const { tickets } = await batch(
    [
      { groupId: group.groupId, userId: 1n },
      { groupId: group.groupId, userId: 2n },
    ],
    { validateOnly: true },
  );
  expect(tickets.map((ticket) => ticket.agentId)).toEqual(['bdry-a', 'bdry-b']);
  expect(await traces(harness)).toEqual(before);
});
