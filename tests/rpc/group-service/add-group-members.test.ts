import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Group } from '../../../gen/ticketing/v1/group_pb.ts';
import { ticketReactions } from '../../../src/domain/tickets/index.ts';
import { newId } from '../../../src/foundation/ids.ts';
import { type Clients, createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { type Announced, heldTickets, listenTo, makeAgent, makeGroup, makeTickets } from '../../support/team.ts';

describe('AddGroupMembers', () => {
  const heard: Announced[] = [];
  let harness: Harness;
  let admin: Clients;
  beforeAll(async () => {
    harness = await createHarness({ reactions: [...ticketReactions, ...listenTo(heard)] });
    admin = harness.callAs('admin');
  });
  afterAll(() => harness.close());

  const poolsOf = (...groupIds: string[]) => harness.sql('SELECT DISTINCT pool_id FROM group_pools WHERE group_id = ANY ($1)', [groupIds]);
  const membersOf = async (groupId: string) => (await admin.groups.listGroupMembers({ groupId })).members.map((member) => member.agentId);

  it('adds agents, leaves members what they are, and says who is new', async () => {
    const group = await makeGroup(harness, 'ADD');
    for (const agentId of ['ann', 'bob', 'cid']) await makeAgent(harness, agentId);
    await admin.groups.addGroupMembers({ groupId: group.groupId, agentIds: ['bob'] });
    const joined = await harness.sql('SELECT create_time::text FROM memberships WHERE agent_id = $1', ['bob']);
    const answer = await admin.groups.addGroupMembers({ groupId: group.groupId, agentIds: ['cid', 'bob', 'ann'] });
    expect(answer).toMatchObject({ group, addedAgentIds: ['ann', 'cid'] });
    expect(await membersOf(group.groupId)).toEqual(['ann', 'bob', 'cid']);
    expect(await harness.sql('SELECT create_time::text FROM memberships WHERE agent_id = $1', ['bob'])).toEqual(joined);
    expect((await admin.agents.getAgent({ agentId: 'ann' })).agent?.groupIds).toEqual([group.groupId]);
  });

  it('moves the etag of those who joined, and of nobody else', async () => {
    const group = await makeGroup(harness, 'ETAGS');
    const member = await makeAgent(harness, 'etag-member', [group]);
    const joining = await makeAgent(harness, 'etag-joining');
    await admin.groups.addGroupMembers({ groupId: group.groupId, agentIds: ['etag-member', 'etag-joining'] });
    expect((await admin.agents.getAgent({ agentId: 'etag-member' })).agent?.etag).toBe(member.etag);
    expect((await admin.agents.getAgent({ agentId: 'etag-joining' })).agent?.etag).not.toBe(joining.etag);
  });

  it('gives waiting tickets to those who are available, in the same step', async () => {
    const group = await makeGroup(harness, 'WAITING');
    await makeTickets(harness, group, 4);
    await makeAgent(harness, 'here');
    await makeAgent(harness, 'there');
    await makeAgent(harness, 'away');
    await admin.agents.setAvailability({ agentId: 'away', availability: 2 });
    await admin.groups.addGroupMembers({ groupId: group.groupId, agentIds: ['here', 'there', 'away'] });
    expect(await heldTickets(harness, group)).toEqual({ here: 2, there: 2 });
  });

  it('tells once, when the memberships are there, who joined', async () => {
    const group = await makeGroup(harness, 'TOLD');
    await makeAgent(harness, 'told-1');
    await makeAgent(harness, 'told-2', [group]);
    heard.length = 0;
    await admin.groups.addGroupMembers({ groupId: group.groupId, agentIds: ['told-2', 'told-1'] });
    await admin.groups.addGroupMembers({ groupId: group.groupId, agentIds: ['told-2', 'told-1'] });
    expect(heard).toEqual([{ name: 'agents.members_joined', fact: { memberships: [{ groupId: group.groupId, agentId: 'told-1' }] } }]);
  });

  it('makes one pool of groups that an agent connects, and goes on counting its days', async () => {
    const [left, right, far] = [await makeGroup(harness, 'LEFT'), await makeGroup(harness, 'RIGHT'), await makeGroup(harness, 'FAR')];
    await makeAgent(harness, 'bridge', [left]);
    await makeAgent(harness, 'faraway', [far]);
    // One of the pools is a day ahead, as after a change of the business time zone.
    await harness.sql(`UPDATE pools SET business_day = current_date + 5 WHERE pool_id = (SELECT pool_id FROM group_pools WHERE group_id = $1)`, [
      right.groupId,
    ]);
    expect(await poolsOf(left.groupId, right.groupId, far.groupId)).toHaveLength(3);
    await admin.groups.addGroupMembers({ groupId: right.groupId, agentIds: ['bridge'] });
    expect(await poolsOf(left.groupId, right.groupId)).toHaveLength(1);
    expect(await poolsOf(left.groupId, right.groupId, far.groupId)).toHaveLength(2);
    const days = await harness.sql(
      `SELECT p.business_day = current_date + 5 AS kept,
         EXISTS (SELECT FROM eligibility_changes WHERE kind = 'DAY' AND state ->> 'business_day' = (current_date + 5)::text AND state -> 'group_ids' ? $1) AS told
       FROM pools p JOIN group_pools USING (pool_id) WHERE group_id = $1::uuid`,
      [left.groupId],
    );
    expect(days).toEqual([{ kept: true, told: true }]);
    expect(await harness.sql('SELECT count(*)::int AS lost FROM group_pools WHERE pool_id NOT IN (SELECT pool_id FROM pools)')).toEqual([{ lost: 0 }]);
  });

  it('keeps every pool whole when many changes connect the same groups at once', async () => {
    const groups: Group[] = [];
    for (const key of ['N1', 'N2', 'N3', 'N4']) groups.push(await makeGroup(harness, key));
    const agents = Array.from({ length: 8 }, (_, at) => `net-${at}`);
    for (const agentId of agents) await makeAgent(harness, agentId);
    const calls = agents.flatMap((agentId, at) =>
      [groups[at % 4], groups[(at + 1) % 4]].map((group) => admin.groups.addGroupMembers({ groupId: group?.groupId ?? '', agentIds: [agentId] })),
    );
    const creates = groups.map((group) => makeTickets(harness, group, 3));
    await Promise.all([...calls, ...creates]);
    expect(await poolsOf(...groups.map((group) => group.groupId))).toHaveLength(1);
    for (const group of groups) expect((await heldTickets(harness, group))['']).toBeUndefined();
    expect(await harness.sql('SELECT group_id, agent_id FROM memberships WHERE agent_id = ANY ($1)', [agents])).toHaveLength(16);
  });

  it('logs each membership under the caller’s name, and a repeat by request id once', async () => {
    const group = await makeGroup(harness, 'LOGGED');
    await makeAgent(harness, 'logged');
    const request = { groupId: group.groupId, agentIds: ['logged'], requestId: newId(), reason: 'help out' };
    const first = await admin.groups.addGroupMembers(request);
    expect(await admin.groups.addGroupMembers(request)).toEqual(first);
    const entries = await harness.sql(`SELECT actor, reason, operation FROM audit_entries WHERE entity_type = 'membership' AND entity_id = $1`, [
      `${group.groupId}/logged`,
    ]);
    expect(entries).toEqual([{ actor: 'the-admin', reason: 'help out', operation: 'CREATE' }]);
  });

  it('answers what would happen, and changes nothing, when it is to validate only', async () => {
    const group = await makeGroup(harness, 'DRY');
    await makeAgent(harness, 'dry');
    const answer = await admin.groups.addGroupMembers({ groupId: group.groupId, agentIds: ['dry'], validateOnly: true });
    expect(answer.addedAgentIds).toEqual(['dry']);
    expect(await membersOf(group.groupId)).toEqual([]);
  });

  it('lets a supervisor add agents of his own groups, and no others', async () => {
    const mine = await makeGroup(harness, 'MINE', { supervisorIds: ['lead'] });
    const second = await makeGroup(harness, 'SECOND', { supervisorIds: ['lead'] });
    const other = await makeGroup(harness, 'OTHER');
    await makeAgent(harness, 'own', [mine]);
    await makeAgent(harness, 'shared', [mine, other]);
    await makeAgent(harness, 'foreign', [other]);
    await makeAgent(harness, 'free');
    const lead = harness.callAs({ roles: ['supervisor'], actor: 'lead' });
    const add = (agentId: string, groupId = second.groupId) => lead.groups.addGroupMembers({ groupId, agentIds: [agentId] });
    expect((await add('own')).addedAgentIds).toEqual(['own']);
    expect(await failureOf(add('shared'))).toMatchObject({ kind: 'permission_denied', facts: { agent_id: 'shared' } });
    for (const agentId of ['foreign', 'free', 'nobody']) expect(await failureOf(add(agentId))).toMatchObject({ kind: 'not_found', reason: 'AGENT_NOT_FOUND' });
    expect(await failureOf(add('own', other.groupId))).toMatchObject({ kind: 'not_found', reason: 'GROUP_NOT_FOUND' });
    expect((await add('shared', mine.groupId)).addedAgentIds).toEqual([]);
  });

  it('NOT_FOUND, FAILED_PRECONDITION: adds nobody when one of them is absent or deleted', async () => {
    const group = await makeGroup(harness, 'WHOLE');
    await makeAgent(harness, 'fine');
    await makeAgent(harness, 'left');
    await admin.agents.deleteAgent({ agentId: 'left' });
    const add = (agentIds: string[]) => failureOf(admin.groups.addGroupMembers({ groupId: group.groupId, agentIds }));
    expect(await add(['fine', 'nobody'])).toMatchObject({ kind: 'not_found', reason: 'AGENT_NOT_FOUND', facts: { agent_id: 'nobody' } });
    expect(await add(['fine', 'left'])).toMatchObject({ kind: 'failed_precondition', reason: 'AGENT_DELETED', facts: { agent_id: 'left' } });
    expect(await membersOf(group.groupId)).toEqual([]);
  });

  it('NOT_FOUND, FAILED_PRECONDITION, ABORTED: refuses a group that is absent, deleted or changed', async () => {
    await makeAgent(harness, 'ready');
    const { groupId } = await makeGroup(harness, 'REFUSED');
    const add = (id: string, etag = '') => failureOf(admin.groups.addGroupMembers({ groupId: id, agentIds: ['ready'], etag }));
    expect(await add(newId())).toMatchObject({ reason: 'GROUP_NOT_FOUND' });
    expect(await add(groupId, 'old')).toMatchObject({ kind: 'aborted', reason: 'ETAG_MISMATCH' });
    await admin.groups.deleteGroup({ groupId });
    expect(await add(groupId)).toMatchObject({ kind: 'failed_precondition', reason: 'GROUP_DELETED' });
  });
});
