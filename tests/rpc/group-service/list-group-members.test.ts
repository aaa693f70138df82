import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Availability } from '../../../gen/ticketing/v1/agent_pb.ts';
import type { Group } from '../../../gen/ticketing/v1/group_pb.ts';
import { newId } from '../../../src/foundation/ids.ts';
import { type Clients, createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { makeAgent, makeGroup, makeTickets } from '../../support/team.ts';

describe('ListGroupMembers', () => {
  let harness: Harness;
  let admin: Clients;
  let group: Group;
  beforeAll(async () => {
    harness = await createHarness();
    admin = harness.callAs('admin');
    group = await makeGroup(harness, 'TEAM', { supervisorIds: ['lead'] });
    for (const agentId of ['b', 'a', 'C', 'gone']) await makeAgent(harness, agentId, [group], { displayName: `Agent ${agentId}` });
    await admin.agents.deleteAgent({ agentId: 'gone' });
    await admin.agents.setAvailability({ agentId: 'b', availability: Availability.AWAY });
  });
  afterAll(() => harness.close());

  it('lists members by agent id, without deleted ones', async () => {
    const { members, nextPageToken } = await admin.groups.listGroupMembers({ groupId: group.groupId });
    expect(members.map((member) => member.agentId)).toEqual(['C', 'a', 'b']);
    expect(members[2]).toMatchObject({ displayName: 'Agent b', availability: Availability.AWAY, handicap: 0 });
    expect(members[2]?.joinTime).toBeDefined();
    expect(nextPageToken).toBe('');
  });

  it('lists page by page', async () => {
    const first = await admin.groups.listGroupMembers({ groupId: group.groupId, pageSize: 2 });
    const second = await admin.groups.listGroupMembers({ groupId: group.groupId, pageSize: 2, pageToken: first.nextPageToken });
    expect([...first.members, ...second.members].map((member) => member.agentId)).toEqual(['C', 'a', 'b']);
    expect(second.nextPageToken).toBe('');
  });

  it('shows the head start that a late member is charged with, until the day is over', async () => {
    const late = await makeGroup(harness, 'LATE', { assignmentPolicy: { catchUpLimit: 1 } });
    await makeAgent(harness, 'early', [late]);
    await makeTickets(harness, late, 5);
    await makeAgent(harness, 'latecomer', [late]);
    const handicaps = async () => (await admin.groups.listGroupMembers({ groupId: late.groupId })).members.map((member) => member.handicap);
    expect(await handicaps()).toEqual([0, 4]);
    await harness.moveClock('1 day');
    expect(await handicaps()).toEqual([0, 0]);
  });

  it('counts membership from the latest time of joining', async () => {
    const again = await makeGroup(harness, 'AGAIN');
    await makeAgent(harness, 'returns', [again]);
    const joinTime = async () => (await admin.groups.listGroupMembers({ groupId: again.groupId })).members[0]?.joinTime?.seconds ?? 0n;
    const before = await joinTime();
    await harness.moveClock('1 hour');
    await admin.groups.removeGroupMembers({ groupId: again.groupId, agentIds: ['returns'] });
    await admin.groups.addGroupMembers({ groupId: again.groupId, agentIds: ['returns'] });
    expect((await joinTime()) - before).toBeGreaterThanOrEqual(3600n);
  });

  it('is for everybody who sees the group', async () => {
    for (const caller of [
      harness.callAs({ roles: ['supervisor'], actor: 'lead' }),
      harness.callAs({ roles: ['agent'], agentId: 'a' }),
      harness.callAs('service'),
      harness.callAs('auditor'),
    ]) {
      expect((await caller.groups.listGroupMembers({ groupId: group.groupId })).members).toHaveLength(3);
    }
  });

  it('NOT_FOUND: answers the same for a group of others and for none', async () => {
    const outsider = harness.callAs({ roles: ['agent', 'supervisor'], agentId: 'gone' });
    expect(await failureOf(outsider.groups.listGroupMembers({ groupId: group.groupId }))).toMatchObject({ kind: 'not_found', reason: 'GROUP_NOT_FOUND' });
    expect(await failureOf(admin.groups.listGroupMembers({ groupId: newId() }))).toMatchObject({ kind: 'not_found', reason: 'GROUP_NOT_FOUND' });
  });

  it('INVALID_ARGUMENT: takes a page token only for the group it was made for', async () => {
    const other = await makeGroup(harness, 'TOKEN');
    const { nextPageToken: pageToken } = await admin.groups.listGroupMembers({ groupId: group.groupId, pageSize: 1 });
    expect(await failureOf(admin.groups.listGroupMembers({ groupId: other.groupId, pageToken }))).toMatchObject({ reason: 'PAGE_TOKEN_INVALID' });
  });
});
