import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Group } from '../../../gen/ticketing/v1/group_pb.ts';
import { newId } from '../../../src/foundation/ids.ts';
import { createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { makeAgent, makeGroup } from '../../support/team.ts';

describe('GetGroup', () => {
  let harness: Harness;
  let mine: Group;
  let other: Group;
  beforeAll(async () => {
    harness = await createHarness();
    mine = await makeGroup(harness, 'MINE', { supervisorIds: ['lead', 'lead-agent'] });
    other = await makeGroup(harness, 'OTHER', { supervisorIds: ['somebody-else'] });
    await makeAgent(harness, 'member', [mine]);
    await makeAgent(harness, 'loner');
  });
  afterAll(() => harness.close());

  it('shows every group to administrators, services and auditors', async () => {
    for (const role of ['admin', 'service', 'auditor'] as const) {
      expect((await harness.callAs(role).groups.getGroup({ groupId: other.groupId })).group).toEqual(other);
    }
  });

  it('shows a supervisor the groups that name him, by what his token calls him or by the agent he is', async () => {
    const byActor = harness.callAs({ roles: ['supervisor'], actor: 'lead' });
    const byAgent = harness.callAs({ roles: ['supervisor'], actor: 'sub-1', agentId: 'lead-agent' });
    for (const supervisor of [byActor, byAgent]) {
      expect((await supervisor.groups.getGroup({ groupId: mine.groupId })).group).toEqual(mine);
      expect(await failureOf(supervisor.groups.getGroup({ groupId: other.groupId }))).toMatchObject({ kind: 'not_found', reason: 'GROUP_NOT_FOUND' });
    }
  });

  it('shows an agent the groups he is in', async () => {
    const member = harness.callAs({ roles: ['agent'], agentId: 'member' });
    expect((await member.groups.getGroup({ groupId: mine.groupId })).group).toEqual(mine);
    expect(await failureOf(member.groups.getGroup({ groupId: other.groupId }))).toMatchObject({ reason: 'GROUP_NOT_FOUND' });
  });

  it('adds up what several roles may see', async () => {
    const both = harness.callAs({ roles: ['agent', 'supervisor'], actor: 'somebody-else', agentId: 'member' });
    for (const group of [mine, other]) expect((await both.groups.getGroup({ groupId: group.groupId })).group).toEqual(group);
  });

  it('shows a deleted agent nothing any more', async () => {
    await makeAgent(harness, 'left', [mine]);
    await harness.callAs('admin').agents.deleteAgent({ agentId: 'left' });
    const left = harness.callAs({ roles: ['agent'], agentId: 'left' });
    expect(await failureOf(left.groups.getGroup({ groupId: mine.groupId }))).toMatchObject({ reason: 'GROUP_NOT_FOUND' });
  });

  it('shows a deleted group too', async () => {
    const gone = await makeGroup(harness, 'GONE');
    await harness.callAs('admin').groups.deleteGroup({ groupId: gone.groupId });
    const { group } = await harness.callAs('auditor').groups.getGroup({ groupId: gone.groupId });
    expect(group?.deleteTime).toBeDefined();
  });

  it('finds a group whose id is written in capitals', async () => {
    const supervisor = harness.callAs({ roles: ['supervisor'], actor: 'lead' });
    expect((await supervisor.groups.getGroup({ groupId: mine.groupId.toUpperCase() })).group).toEqual(mine);
  });

  it('NOT_FOUND: answers for a group of others in the very words for one that is not there', async () => {
    const loner = harness.callAs({ roles: ['agent', 'supervisor'], agentId: 'loner' });
    const absentId = newId();
    const absent = await failureOf(loner.groups.getGroup({ groupId: absentId }));
    const hidden = await failureOf(loner.groups.getGroup({ groupId: mine.groupId }));
    expect(JSON.stringify(hidden).replaceAll(mine.groupId, absentId)).toBe(JSON.stringify(absent));
    expect(await failureOf(harness.callAs('admin').groups.getGroup({ groupId: absentId }))).toEqual(absent);
  });

  it('INVALID_ARGUMENT: refuses what is no UUID', async () => {
    expect(await failureOf(harness.callAs('admin').groups.getGroup({ groupId: 'KYC' }))).toMatchObject({
      reason: 'INVALID_FIELD',
      facts: { field: 'group_id' },
    });
  });
});
