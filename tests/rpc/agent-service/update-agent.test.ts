import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Availability } from '../../../gen/ticketing/v1/agent_pb.ts';
import { finishLeaving } from '../../../src/domain/agents/index.ts';
import { ticketReactions } from '../../../src/domain/tickets/index.ts';
import { newId } from '../../../src/foundation/ids.ts';
import { type Clients, createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { type Announced, heldTickets, listenTo, makeAgent, makeGroup, makeTickets } from '../../support/team.ts';

describe('UpdateAgent', () => {
  const heard: Announced[] = [];
  let harness: Harness;
  let admin: Clients;
  beforeAll(async () => {
    harness = await createHarness({ reactions: [...ticketReactions, ...listenTo(heard)] });
    admin = harness.callAs('admin');
  });
  beforeEach(() => {
    heard.length = 0;
  });
  afterAll(() => harness.close());

  const names = () => heard.map((announced) => announced.name);

  it('changes the fields of the mask and no others', async () => {
    const before = await makeAgent(harness, 'masked', [], { displayName: 'Old', email: 'old@example.com', skills: { a: 1 } });
    const { agent } = await admin.agents.updateAgent({
      agent: { agentId: 'masked', displayName: 'New', email: 'new@example.com' },
      updateMask: { paths: ['display_name'] },
    });
    expect(agent).toEqual({ ...before, displayName: 'New', etag: agent?.etag, updateTime: agent?.updateTime });
    expect(agent?.etag).not.toBe(before.etag);
    expect((await admin.agents.getAgent({ agentId: 'masked' })).agent).toEqual(agent);
    expect(heard).toEqual([]);
  });

  it('without a mask changes what is set, with * replaces everything', async () => {
    const group = await makeGroup(harness, 'STAR');
    await makeAgent(harness, 'star', [group], {
      displayName: 'Star',
      email: 's@example.com',
      skills: { a: 1 },
      weight: 7,
      maxOpenTickets: 3,
      timeZone: 'Asia/Tokyo',
      active: false,
    });
    const some = await admin.agents.updateAgent({ agent: { agentId: 'star', weight: 9, maxOpenTickets: 0 } });
    expect(some.agent).toMatchObject({ displayName: 'Star', weight: 9, maxOpenTickets: 0, skills: { a: 1 }, groupIds: [group.groupId], active: false });
    const all = await admin.agents.updateAgent({ agent: { agentId: 'star' }, updateMask: { paths: ['*'] } });
    expect(all.agent).toMatchObject({ displayName: '', email: '', weight: 1, skills: {}, groupIds: [], active: true, timeZone: 'UTC' });
    expect(all.agent?.maxOpenTickets).toBeUndefined();
  });

  it('replaces his groups: leaves first, then joins, and what he held there is dealt out', async () => {
    const [left, kept, joined] = [await makeGroup(harness, 'LEFT'), await makeGroup(harness, 'KEPT'), await makeGroup(harness, 'JOINED')];
    await makeAgent(harness, 'mover', [left, kept]);
    await makeAgent(harness, 'heir', [left]);
    await makeTickets(harness, left, 3, 'mover');
    await makeTickets(harness, kept, 1, 'mover');
    await makeTickets(harness, joined, 2);
    heard.length = 0;
    const { agent } = await admin.agents.updateAgent({ agent: { agentId: 'mover', groupIds: [joined.groupId, kept.groupId] } });
    expect(agent).toMatchObject({ groupIds: [kept.groupId, joined.groupId].sort(), openTickets: 3 });
    expect(await heldTickets(harness, left)).toEqual({ heir: 3 });
    expect(await heldTickets(harness, joined)).toEqual({ mover: 2 });
    expect(heard).toEqual([
      { name: 'agents.members_removed', fact: { groupId: left.groupId, agentIds: ['mover'], left: 0 } },
      { name: 'agents.members_joined', fact: { memberships: [{ groupId: joined.groupId, agentId: 'mover' }] } },
    ]);
  });

  it('keeps him in a deleted group, which is not among those that are replaced', async () => {
    const [gone, other] = [await makeGroup(harness, 'GONE'), await makeGroup(harness, 'STILL')];
    await makeAgent(harness, 'faithful', [gone]);
    await admin.groups.deleteGroup({ groupId: gone.groupId });
    expect((await admin.agents.updateAgent({ agent: { agentId: 'faithful', groupIds: [other.groupId] } })).agent?.groupIds).toEqual([other.groupId]);
    await admin.groups.undeleteGroup({ groupId: gone.groupId });
    expect((await admin.agents.getAgent({ agentId: 'faithful' })).agent?.groupIds).toEqual([gone.groupId, other.groupId].sort());
  });

  it('deals his tickets out when he is deactivated, and gives him waiting ones when he is active again', async () => {
    const group = await makeGroup(harness, 'OFF');
    await makeAgent(harness, 'off', [group]);
    await makeAgent(harness, 'other', [group], { maxOpenTickets: 2 });
    await makeTickets(harness, group, 3, 'off');
    heard.length = 0;
    const off = await admin.agents.updateAgent({ agent: { agentId: 'off', active: false } });
    expect(off.agent).toMatchObject({ active: false, openTickets: 0 });
    expect(await heldTickets(harness, group)).toEqual({ '': 1, other: 2 });
    const on = await admin.agents.updateAgent({ agent: { agentId: 'off', active: true } });
    expect(on.agent).toMatchObject({ active: true, openTickets: 1 });
    expect(names()).toEqual(['agents.left', 'agents.became_candidates']);
  });

  it('tells of nobody who became a candidate while he is away', async () => {
    await makeAgent(harness, 'away', [], { active: false, availability: Availability.AWAY });
    await admin.agents.updateAgent({ agent: { agentId: 'away', active: true } });
    expect(names()).toEqual([]);
  });

  it('brings waiting tickets with more room or a new skill', async () => {
    const group = await makeGroup(harness, 'SKILLED', { assignmentPolicy: { requiredSkills: { german: 2 } } });
    await makeAgent(harness, 'learns', [group], { maxOpenTickets: 1 });
    await makeTickets(harness, group, 3);
    heard.length = 0;
    expect((await admin.agents.updateAgent({ agent: { agentId: 'learns', skills: { german: 2 } } })).agent?.openTickets).toBe(1);
    expect((await admin.agents.updateAgent({ agent: { agentId: 'learns' }, updateMask: { paths: ['max_open_tickets'] } })).agent?.openTickets).toBe(3);
    expect(names()).toEqual(['agents.limits_changed', 'agents.limits_changed']);
  });

  it('deals more than 1000 tickets out in steps, unless he is back meanwhile', async () => {
    const group = await makeGroup(harness, 'HUGE');
    await makeAgent(harness, 'heavy', [group]);
    await makeTickets(harness, group, 1800, 'heavy');
    await makeAgent(harness, 'takes', [group]);
    const { agent } = await admin.agents.updateAgent({ agent: { agentId: 'heavy', active: false } });
    expect(agent).toMatchObject({ active: false, openTickets: 800 });
    expect(await heldTickets(harness, group)).toEqual({ heavy: 800, takes: 1000 });
    const [job] = harness.jobs;
    await harness.runJobs([finishLeaving]);
    expect(await heldTickets(harness, group)).toEqual({ takes: 1800 });

    await admin.agents.updateAgent({ agent: { agentId: 'heavy', active: true } });
    await makeTickets(harness, group, 1, 'heavy');
    harness.jobs.push(job as (typeof harness.jobs)[number]);
    await harness.runJobs([finishLeaving]);
    expect(await heldTickets(harness, group)).toEqual({ heavy: 1, takes: 1800 });
  });

  it('leaves no trace in the log when nothing changes', async () => {
    const group = await makeGroup(harness, 'SAME');
    const before = await makeAgent(harness, 'same', [group], { skills: { b: 2, a: 1 } });
    const { agent } = await admin.agents.updateAgent({ agent: { agentId: 'same', skills: { a: 1, b: 2 }, groupIds: [group.groupId], active: true } });
    expect(agent).toEqual(before);
    expect(await harness.sql('SELECT operation FROM audit_entries WHERE entity_id = $1', ['same'])).toEqual([{ operation: 'CREATE' }]);
  });

  it('answers what would happen, and changes nothing, when it is to validate only', async () => {
    const [from, to] = [await makeGroup(harness, 'DRY1'), await makeGroup(harness, 'DRY2')];
    const before = await makeAgent(harness, 'dry', [from]);
    const { agent } = await admin.agents.updateAgent({ agent: { agentId: 'dry', groupIds: [to.groupId], weight: 5 }, validateOnly: true });
    expect(agent).toMatchObject({ groupIds: [to.groupId], weight: 5 });
    expect((await admin.agents.getAgent({ agentId: 'dry' })).agent).toEqual(before);
    const refused = admin.agents.updateAgent({ agent: { agentId: 'dry', groupIds: [newId()] }, validateOnly: true });
    expect(await failureOf(refused)).toMatchObject({ reason: 'GROUP_NOT_FOUND' });
  });

  it('lets a supervisor change an agent only if all his groups, old and new, are theirs', async () => {
    const mine = await makeGroup(harness, 'MINE', { supervisorIds: ['lead'] });
    const second = await makeGroup(harness, 'SECOND', { supervisorIds: ['lead'] });
    const other = await makeGroup(harness, 'OTHER');
    await makeAgent(harness, 'own', [mine]);
    await makeAgent(harness, 'shared', [mine, other]);
    await makeAgent(harness, 'foreign', [other]);
    const lead = harness.callAs({ roles: ['supervisor'], actor: 'lead' });
    const update = (agentId: string, more: object) => lead.agents.updateAgent({ agent: { agentId, ...more } });
    expect((await update('own', { weight: 3, groupIds: [mine.groupId, second.groupId] })).agent?.groupIds).toHaveLength(2);
    expect(await failureOf(update('own', { groupIds: [other.groupId] }))).toMatchObject({ kind: 'not_found', reason: 'GROUP_NOT_FOUND' });
    expect(await failureOf(update('shared', { weight: 3 }))).toMatchObject({ kind: 'permission_denied', reason: 'PERMISSION_DENIED' });
    expect(await failureOf(update('foreign', { weight: 3 }))).toMatchObject({ kind: 'not_found', reason: 'AGENT_NOT_FOUND' });
    expect(await failureOf(update('nobody', { weight: 3 }))).toMatchObject({ kind: 'not_found', reason: 'AGENT_NOT_FOUND' });
    // A group that is deleted has no say any more.
    await admin.groups.deleteGroup({ groupId: other.groupId });
    expect((await update('shared', { weight: 3 })).agent?.weight).toBe(3);
  });

  it('PERMISSION_DENIED: lets a supervisor without groups not even change himself', async () => {
    await makeAgent(harness, 'himself');
    const himself = harness.callAs({ roles: ['supervisor', 'agent'], agentId: 'himself' });
    expect(await failureOf(himself.agents.updateAgent({ agent: { agentId: 'himself', maxOpenTickets: 0 } }))).toMatchObject({ reason: 'PERMISSION_DENIED' });
  });

  it('ABORTED, FAILED_PRECONDITION: refuses an old etag, a deleted agent and a deleted group', async () => {
    const { etag } = await makeAgent(harness, 'versioned');
    const update = (more: object) => failureOf(admin.agents.updateAgent({ agent: { agentId: 'versioned', ...more } }));
    await admin.agents.updateAgent({ agent: { agentId: 'versioned', etag, weight: 2 } });
    expect(await update({ etag, weight: 3 })).toMatchObject({ kind: 'aborted', reason: 'ETAG_MISMATCH' });
    const gone = await makeGroup(harness, 'GONE2');
    await admin.groups.deleteGroup({ groupId: gone.groupId });
    expect(await update({ groupIds: [gone.groupId] })).toMatchObject({ kind: 'failed_precondition', reason: 'GROUP_DELETED' });
    await admin.agents.deleteAgent({ agentId: 'versioned' });
    expect(await update({ weight: 3 })).toMatchObject({ kind: 'failed_precondition', reason: 'AGENT_DELETED' });
  });

  it('INVALID_ARGUMENT: refuses masks of other fields, saying nothing, another availability and an unknown zone', async () => {
    await makeAgent(harness, 'strict');
    const update = (more: object, ...paths: string[]) =>
      failureOf(admin.agents.updateAgent({ agent: { agentId: 'strict', ...more }, ...(paths.length > 0 ? { updateMask: { paths } } : {}) }));
    for (const path of ['availability', 'agent_id', 'open_tickets', 'nonsense'])
      expect(await update({ weight: 2 }, path)).toMatchObject({ kind: 'invalid_argument' });
    expect(await update({ weight: 2 }, 'skills.german')).toMatchObject({ reason: 'UPDATE_MASK_INVALID', facts: { path: 'skills.german' } });
    for (const path of ['total_tickets_assigned', 'availability', 'no_such_field']) {
      expect(await update({ weight: 2 }, 'weight', path), path).toMatchObject({ reason: 'UPDATE_MASK_INVALID' });
    }
    expect(await update({})).toMatchObject({ reason: 'NOTHING_TO_UPDATE' });
    expect(await update({ weight: 2, availability: Availability.AWAY })).toMatchObject({ reason: 'INVALID_FIELD', facts: { field: 'agent.availability' } });
    expect(await update({ timeZone: 'Mars' })).toMatchObject({ reason: 'TIME_ZONE_UNKNOWN' });
    expect((await admin.agents.updateAgent({ agent: { agentId: 'strict', weight: 2, availability: Availability.AVAILABLE } })).agent?.weight).toBe(2);
  });
});
