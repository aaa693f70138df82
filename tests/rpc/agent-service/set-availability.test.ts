import { create } from '@bufbuild/protobuf';
import { TimestampSchema } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Availability } from '../../../gen/ticketing/v1/agent_pb.ts';
import { endTimedAvailability, finishLeaving } from '../../../src/domain/agents/index.ts';
import { ticketReactions } from '../../../src/domain/tickets/index.ts';
import { newId } from '../../../src/foundation/ids.ts';
import { type Clients, createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { type Announced, heldTickets, listenTo, makeAgent, makeGroup, makeTickets } from '../../support/team.ts';

const { AVAILABLE, AWAY, OFFLINE } = Availability;

describe('SetAvailability', () => {
  const heard: Announced[] = [];
  let harness: Harness;
  let admin: Clients;
  beforeAll(async () => {
    harness = await createHarness({ reactions: [...ticketReactions, ...listenTo(heard)] });
    admin = harness.callAs('admin');
  });
  beforeEach(() => {
    heard.length = 0;
    harness.jobs.length = 0;
  });
  afterAll(() => harness.close());

  const read = async (agentId: string) => (await admin.agents.getAgent({ agentId })).agent;
  const later = async (seconds: number) => {
    const [clock] = await harness.sql<{ seconds: string }>('SELECT floor(extract(epoch FROM docket_now()))::bigint AS seconds');
    return create(TimestampSchema, { seconds: BigInt(clock?.seconds ?? 0) + BigInt(seconds), nanos: 123_456_789 });
  };
  const updatesOf = async (agentId: string) =>
    (await harness.sql(`SELECT FROM audit_entries WHERE entity_type = 'agent' AND entity_id = $1 AND operation = 'UPDATE'`, [agentId])).length;

  it('sends him away with his tickets, and brings waiting ones when he comes back', async () => {
    const group = await makeGroup(harness, 'GROUP');
    await makeAgent(harness, 'ann', [group]);
    await makeTickets(harness, group, 1);
    heard.length = 0;
    const away = await admin.agents.setAvailability({ agentId: 'ann', availability: AWAY });
    expect(away.agent).toMatchObject({ availability: AWAY, openTickets: 1 });
    await makeTickets(harness, group, 2);
    expect(await heldTickets(harness, group)).toEqual({ '': 2, ann: 1 });
    const back = await admin.agents.setAvailability({ agentId: 'ann', availability: AVAILABLE });
    expect(back.agent).toMatchObject({ availability: AVAILABLE, openTickets: 3, ticketsAssignedToday: 3 });
    expect(back.agent).toEqual(await read('ann'));
    expect(heard).toEqual([{ name: 'agents.became_candidates', fact: { agentIds: ['ann'] } }]);
  });

  it('deals his tickets out when asked to, also when he is away already', async () => {
    const group = await makeGroup(harness, 'DEAL');
    for (const agentId of ['goes', 'stays']) await makeAgent(harness, agentId, [group]);
    await makeTickets(harness, group, 2, 'goes');
    await admin.agents.setAvailability({ agentId: 'goes', availability: OFFLINE });
    expect(await heldTickets(harness, group)).toEqual({ goes: 2 });
    const { agent, ...dealt } = await admin.agents.setAvailability({ agentId: 'goes', availability: OFFLINE, reassignPending: true });
    expect(agent).toMatchObject({ openTickets: 0 });
    expect(dealt).toMatchObject({ reassignedCount: 2, waitingCount: 0 });
    expect(await heldTickets(harness, group)).toEqual({ stays: 2 });
    expect(await updatesOf('goes')).toBe(1);
  });

  it('says how many others took and how many wait, and of a request that is repeated the same', async () => {
    const group = await makeGroup(harness, 'ROOM');
    await makeAgent(harness, 'leaves', [group]);
    await makeTickets(harness, group, 3, 'leaves');
    await makeAgent(harness, 'roomy', [group], { maxOpenTickets: 1 });
    const request = { agentId: 'leaves', availability: AWAY, reassignPending: true, requestId: '018f5e7a-0000-7000-8000-00000000d0a1' };
    const { agent, ...dealt } = await admin.agents.setAvailability(request);
    expect(dealt).toMatchObject({ reassignedCount: 1, waitingCount: 2 });
    expect(agent).toMatchObject({ openTickets: 0 });
    expect(await admin.agents.setAvailability(request)).toMatchObject(dealt);
    const again = { ...request, requestId: '', validateOnly: true };
    expect(await admin.agents.setAvailability(again)).toMatchObject({ reassignedCount: 0, waitingCount: 0 });
  });

  it('takes nothing from one who comes back', async () => {
    const group = await makeGroup(harness, 'KEEP');
    await makeAgent(harness, 'keeps', [group]);
    await makeTickets(harness, group, 1);
    await admin.agents.setAvailability({ agentId: 'keeps', availability: AVAILABLE, reassignPending: true });
    expect(await heldTickets(harness, group)).toEqual({ keeps: 1 });
  });

  it('deals more than 1000 tickets out in steps, until he is back', async () => {
    const group = await makeGroup(harness, 'HUGE');
    await makeAgent(harness, 'heavy', [group]);
    await makeTickets(harness, group, 1300, 'heavy');
    await makeAgent(harness, 'takes', [group]);
    const { agent, ...dealt } = await admin.agents.setAvailability({ agentId: 'heavy', availability: AWAY, reassignPending: true });
    expect(agent).toMatchObject({ availability: AWAY, openTickets: 300 });
    expect(dealt).toMatchObject({ reassignedCount: 1000, waitingCount: 0 });
    const [job] = harness.jobs;
    await harness.runJobs([finishLeaving]);
    expect(await heldTickets(harness, group)).toEqual({ takes: 1300 });
    await admin.agents.setAvailability({ agentId: 'heavy', availability: AVAILABLE });
    await makeTickets(harness, group, 1, 'heavy');
    harness.jobs.push(job as (typeof harness.jobs)[number]);
    await harness.runJobs([finishLeaving]);
    expect(await heldTickets(harness, group)).toEqual({ heavy: 1, takes: 1300 });
  });

  it('ends by itself at the time given: who is away becomes available and is given what waits', async () => {
    const group = await makeGroup(harness, 'UNTIL');
    await makeAgent(harness, 'lunch', [group]);
    const until = await later(3600);
    const { agent } = await admin.agents.setAvailability({ agentId: 'lunch', availability: AWAY, until });
    expect(agent?.availabilityUntilTime).toEqual({ ...until, nanos: 123_456_000 });
    expect(harness.jobs).toMatchObject([{ name: 'end-availability', startAfter: expect.stringMatching(/\+00$/) }]);
    await makeTickets(harness, group, 1);
    await harness.moveClock('2 hours');
    await harness.runJobs([endTimedAvailability]);
    const after = await read('lunch');
    expect(after).toMatchObject({ availability: AVAILABLE, openTickets: 1 });
    expect(after?.availabilityUntilTime).toBeUndefined();
    const [entry] = await harness.sql(`SELECT actor, actor_kind, rpc FROM audit_entries WHERE entity_id = 'lunch' ORDER BY entry_id DESC LIMIT 1`);
    expect(entry).toEqual({ actor: 'system', actor_kind: 'SYSTEM', rpc: 'job/end-availability' });
  });

  it('ends an available time by going offline', async () => {
    await makeAgent(harness, 'shift');
    await admin.agents.setAvailability({ agentId: 'shift', availability: AVAILABLE, until: await later(10) });
    await harness.moveClock('1 minute');
    await harness.runJobs([endTimedAvailability]);
    expect((await read('shift'))?.availability).toBe(OFFLINE);
  });

  it('does not end what was set anew meanwhile, nor before its time', async () => {
    await makeAgent(harness, 'anew');
    await admin.agents.setAvailability({ agentId: 'anew', availability: AWAY, until: await later(60) });
    const early = harness.jobs.at(-1);
    expect(await endTimedAvailability.run(early?.data as never, { queue: harness.queue } as never)).toMatchObject({ kind: 'again' });
    expect((await read('anew'))?.availability).toBe(AWAY);
    await admin.agents.setAvailability({ agentId: 'anew', availability: AWAY, until: await later(120) });
    await admin.agents.setAvailability({ agentId: 'anew', availability: AWAY, until: await later(60) });
    await admin.agents.setAvailability({ agentId: 'anew', availability: AWAY });
    await harness.moveClock('1 hour');
    await harness.runJobs([endTimedAvailability]);
    expect((await read('anew'))?.availability).toBe(AWAY);
    expect(await updatesOf('anew')).toBe(4);
  });

  it('leaves no trace in the log when nothing changes', async () => {
    const before = await makeAgent(harness, 'same');
    expect((await admin.agents.setAvailability({ agentId: 'same', availability: AVAILABLE })).agent).toEqual(before);
    const until = await later(3600);
    const first = await admin.agents.setAvailability({ agentId: 'same', availability: AWAY, until });
    const second = await admin.agents.setAvailability({ agentId: 'same', availability: AWAY, until });
    expect(second).toEqual(first);
    expect(await updatesOf('same')).toBe(1);
    expect(harness.jobs).toHaveLength(1);
  });

  it('answers a repeated request as before, whatever happened since', async () => {
    await makeAgent(harness, 'repeat');
    const request = { agentId: 'repeat', availability: AWAY, requestId: newId() };
    const first = await admin.agents.setAvailability(request);
    await admin.agents.setAvailability({ agentId: 'repeat', availability: AVAILABLE });
    expect(await admin.agents.setAvailability(request)).toEqual(first);
    expect((await read('repeat'))?.availability).toBe(AVAILABLE);
    expect(await failureOf(admin.agents.setAvailability({ ...request, availability: OFFLINE }))).toMatchObject({ reason: 'REQUEST_ID_REUSED' });
  });

  it('answers what would happen, and changes nothing, when it is to validate only', async () => {
    await makeAgent(harness, 'dry');
    expect((await admin.agents.setAvailability({ agentId: 'dry', availability: AWAY, validateOnly: true })).agent?.availability).toBe(AWAY);
    expect((await read('dry'))?.availability).toBe(AVAILABLE);
    expect(harness.jobs).toEqual([]);
  });

  it('lets an agent set his own, and the supervisor of all his groups', async () => {
    const mine = await makeGroup(harness, 'MINE', { supervisorIds: ['lead'] });
    const other = await makeGroup(harness, 'OTHER');
    await makeAgent(harness, 'self', [mine]);
    await makeAgent(harness, 'colleague', [mine, other]);
    await makeAgent(harness, 'foreign', [other]);
    const set = (caller: Clients, agentId: string) => caller.agents.setAvailability({ agentId, availability: AWAY });
    const self = harness.callAs({ roles: ['agent'], agentId: 'self' });
    const lead = harness.callAs({ roles: ['supervisor'], actor: 'lead' });
    expect((await set(self, 'self')).agent?.availability).toBe(AWAY);
    expect((await set(lead, 'self')).agent?.availability).toBe(AWAY);
    for (const caller of [self, lead]) {
      expect(await failureOf(set(caller, 'colleague'))).toMatchObject({ kind: 'permission_denied', reason: 'PERMISSION_DENIED' });
      expect(await failureOf(set(caller, 'foreign'))).toMatchObject({ kind: 'not_found', reason: 'AGENT_NOT_FOUND' });
      expect(await failureOf(set(caller, 'nobody'))).toMatchObject({ kind: 'not_found', reason: 'AGENT_NOT_FOUND' });
    }
  });

  it('INVALID_ARGUMENT, FAILED_PRECONDITION, ABORTED: refuses a time that is past, a deleted agent and an old etag', async () => {
    const { etag } = await makeAgent(harness, 'strict');
    const set = (more: object) => failureOf(admin.agents.setAvailability({ agentId: 'strict', availability: AWAY, ...more }));
    expect(await set({ until: await later(-1) })).toMatchObject({ kind: 'invalid_argument', reason: 'INVALID_FIELD', facts: { field: 'until' } });
    expect(await set({ availability: 0 })).toMatchObject({ kind: 'invalid_argument', reason: 'INVALID_FIELD' });
    await admin.agents.setAvailability({ agentId: 'strict', availability: OFFLINE, etag });
    expect(await set({ etag })).toMatchObject({ kind: 'aborted', reason: 'ETAG_MISMATCH' });
    await admin.agents.deleteAgent({ agentId: 'strict' });
    expect(await set({})).toMatchObject({ kind: 'failed_precondition', reason: 'AGENT_DELETED' });
  });
});
