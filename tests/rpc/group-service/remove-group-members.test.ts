import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finishRemovingMembers } from '../../../src/domain/agents/index.ts';
import { ticketReactions } from '../../../src/domain/tickets/index.ts';
import { newId } from '../../../src/foundation/ids.ts';
import { type Clients, createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { type Announced, heldTickets, listenTo, makeAgent, makeGroup, makeTickets } from '../../support/team.ts';

describe('RemoveGroupMembers', () => {
  const heard: Announced[] = [];
  let harness: Harness;
  let admin: Clients;
  beforeAll(async () => {
    harness = await createHarness({ reactions: [...ticketReactions, ...listenTo(heard)] });
    admin = harness.callAs('admin');
  });
  afterAll(() => harness.close());

  it('takes agents out, passes over those who are no members, and deals their tickets of this group out', async () => {
    const group = await makeGroup(harness, 'FROM');
    const other = await makeGroup(harness, 'OTHER');
    for (const agentId of ['goes', 'stays']) await makeAgent(harness, agentId, [group, other]);
    await makeAgent(harness, 'stranger');
    await makeTickets(harness, group, 4, 'goes');
    await makeTickets(harness, other, 2, 'goes');
    const before = (await admin.agents.getAgent({ agentId: 'goes' })).agent;
    heard.length = 0;
    const answer = await admin.groups.removeGroupMembers({ groupId: group.groupId, agentIds: ['stranger', 'goes'] });
    expect(answer).toMatchObject({ group, removedAgentIds: ['goes'] });
    expect(heard).toEqual([{ name: 'agents.members_removed', fact: { groupId: group.groupId, agentIds: ['goes'], left: 0 } }]);
    expect(await heldTickets(harness, group)).toEqual({ stays: 4 });
    expect(await heldTickets(harness, other)).toEqual({ goes: 2 });
    const after = (await admin.agents.getAgent({ agentId: 'goes' })).agent;
    expect(after).toMatchObject({ groupIds: [other.groupId], openTickets: 2 });
    expect(after?.etag).not.toBe(before?.etag);
  });

  it('lets the tickets wait when nobody is left', async () => {
    const group = await makeGroup(harness, 'ALONE');
    await makeAgent(harness, 'last', [group]);
    await makeTickets(harness, group, 2);
    await admin.groups.removeGroupMembers({ groupId: group.groupId, agentIds: ['last'] });
    expect(await heldTickets(harness, group)).toEqual({ '': 2 });
  });

  it('deals more than 1000 tickets out in steps', async () => {
    const group = await makeGroup(harness, 'HUGE');
    await makeAgent(harness, 'heavy', [group]);
    await makeAgent(harness, 'takes', [group]);
    await makeTickets(harness, group, 1500, 'heavy');
    await admin.groups.removeGroupMembers({ groupId: group.groupId, agentIds: ['heavy'] });
    expect(await heldTickets(harness, group)).toEqual({ heavy: 500, takes: 1000 });
    const [job] = harness.jobs;
    await harness.runJobs([finishRemovingMembers]);
    expect(await heldTickets(harness, group)).toEqual({ takes: 1500 });

    // Who joined again meanwhile keeps what he has.
    await makeTickets(harness, group, 3, 'takes');
    await admin.groups.addGroupMembers({ groupId: group.groupId, agentIds: ['heavy'] });
    await makeTickets(harness, group, 2, 'heavy');
    harness.jobs.push(job as (typeof harness.jobs)[number]);
    await harness.runJobs([finishRemovingMembers]);
    expect(await heldTickets(harness, group)).toEqual({ heavy: 2, takes: 1503 });
  });

  it('keeps the pool of tickets that a member left in it holds, so that nobody is given more than fits', async () => {
    const group = await makeGroup(harness, 'LEFTOVER');
    const next = await makeGroup(harness, 'NEXT');
    await makeAgent(harness, 'moves', [group]);
    await makeTickets(harness, group, 1200, 'moves');
    await admin.groups.removeGroupMembers({ groupId: group.groupId, agentIds: ['moves'] });
    await admin.groups.addGroupMembers({ groupId: next.groupId, agentIds: ['moves'] });
    expect(await harness.sql('SELECT DISTINCT pool_id FROM group_pools WHERE group_id = ANY ($1)', [[group.groupId, next.groupId]])).toHaveLength(1);
    await harness.runJobs([finishRemovingMembers]);
  });

  it('takes a deleted member out, so that bringing him back does not make him one', async () => {
    const group = await makeGroup(harness, 'CLEAN');
    await makeAgent(harness, 'ghost', [group]);
    await admin.agents.deleteAgent({ agentId: 'ghost' });
    expect((await admin.groups.removeGroupMembers({ groupId: group.groupId, agentIds: ['ghost'] })).removedAgentIds).toEqual(['ghost']);
    expect((await admin.agents.undeleteAgent({ agentId: 'ghost' })).agent?.groupIds).toEqual([]);
  });

  it('changes nothing when it is to validate only', async () => {
    const group = await makeGroup(harness, 'DRY');
    await makeAgent(harness, 'dry', [group]);
    await makeTickets(harness, group, 1);
    expect((await admin.groups.removeGroupMembers({ groupId: group.groupId, agentIds: ['dry'], validateOnly: true })).removedAgentIds).toEqual(['dry']);
    expect(await heldTickets(harness, group)).toEqual({ dry: 1 });
    expect((await admin.agents.getAgent({ agentId: 'dry' })).agent?.groupIds).toEqual([group.groupId]);
  });

  it('lets a supervisor take members out of his groups, shared ones too, and meet no others', async () => {
    const mine = await makeGroup(harness, 'MINE', { supervisorIds: ['lead'] });
    const other = await makeGroup(harness, 'THEIRS');
    await makeAgent(harness, 'shared', [mine, other]);
    await makeAgent(harness, 'foreign', [other]);
    const lead = harness.callAs({ roles: ['supervisor'], actor: 'lead' });
    const remove = (groupId: string, agentId: string) => lead.groups.removeGroupMembers({ groupId, agentIds: [agentId] });
    expect(await failureOf(remove(mine.groupId, 'foreign'))).toMatchObject({ kind: 'not_found', reason: 'AGENT_NOT_FOUND' });
    expect(await failureOf(remove(other.groupId, 'shared'))).toMatchObject({ kind: 'not_found', reason: 'GROUP_NOT_FOUND' });
    expect((await remove(mine.groupId, 'shared')).removedAgentIds).toEqual(['shared']);
  });

  it('NOT_FOUND, FAILED_PRECONDITION, ABORTED: takes nobody out when something is wrong', async () => {
    const group = await makeGroup(harness, 'WRONG');
    await makeAgent(harness, 'member', [group]);
    const remove = (groupId: string, agentIds: string[], etag = '') => failureOf(admin.groups.removeGroupMembers({ groupId, agentIds, etag }));
    expect(await remove(group.groupId, ['member', 'nobody'])).toMatchObject({ kind: 'not_found', reason: 'AGENT_NOT_FOUND', facts: { agent_id: 'nobody' } });
    expect(await remove(newId(), ['member'])).toMatchObject({ kind: 'not_found', reason: 'GROUP_NOT_FOUND' });
    expect(await remove(group.groupId, ['member'], 'old')).toMatchObject({ kind: 'aborted', reason: 'ETAG_MISMATCH' });
    expect((await admin.agents.getAgent({ agentId: 'member' })).agent?.groupIds).toEqual([group.groupId]);
    await admin.groups.deleteGroup({ groupId: group.groupId });
    expect(await remove(group.groupId, ['member'])).toMatchObject({ kind: 'failed_precondition', reason: 'GROUP_DELETED' });
  });
});
