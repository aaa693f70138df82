import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../../src/foundation/ids.ts';
import { type Clients, createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { heldTickets, makeAgent, makeGroup, makeTickets } from '../../support/team.ts';

describe('UndeleteGroup', () => {
  let harness: Harness;
  let admin: Clients;
  beforeAll(async () => {
    harness = await createHarness();
    admin = harness.callAs('admin');
  });
  afterAll(() => harness.close());

  it('brings a group back as it was, with its members, taking tickets again', async () => {
    const before = await makeGroup(harness, 'BACK', { name: 'Back' });
    await makeAgent(harness, 'loyal', [before]);
    await admin.groups.deleteGroup({ groupId: before.groupId });
    expect((await admin.agents.getAgent({ agentId: 'loyal' })).agent?.groupIds).toEqual([]);
    expect(await failureOf(harness.callAs('service').tickets.createTicket({ groupId: before.groupId, userId: 1n }))).toMatchObject({ reason: 'GROUP_DELETED' });

    const { group } = await admin.groups.undeleteGroup({ groupId: before.groupId });
    expect(group).toEqual({ ...before, etag: group?.etag, updateTime: group?.updateTime });
    expect(group?.deleteTime).toBeUndefined();
    expect((await admin.agents.getAgent({ agentId: 'loyal' })).agent?.groupIds).toEqual([before.groupId]);
    await makeTickets(harness, before, 1);
    expect(await heldTickets(harness, before)).toEqual({ loyal: 1 });
  });

  it('changes nothing when it is to validate only', async () => {
    const { groupId } = await makeGroup(harness, 'DRY');
    const { group: gone } = await admin.groups.deleteGroup({ groupId });
    const { group } = await admin.groups.undeleteGroup({ groupId, validateOnly: true });
    expect(group?.deleteTime).toBeUndefined();
    expect((await admin.groups.getGroup({ groupId })).group).toEqual(gone);
  });

  it('NOT_FOUND, FAILED_PRECONDITION, ABORTED: refuses a group that is absent, not deleted or changed', async () => {
    expect(await failureOf(admin.groups.undeleteGroup({ groupId: newId() }))).toMatchObject({ reason: 'GROUP_NOT_FOUND' });
    const { groupId, etag } = await makeGroup(harness, 'THERE');
    expect(await failureOf(admin.groups.undeleteGroup({ groupId }))).toMatchObject({ kind: 'failed_precondition', reason: 'GROUP_NOT_DELETED' });
    await admin.groups.deleteGroup({ groupId });
    expect(await failureOf(admin.groups.undeleteGroup({ groupId, etag }))).toMatchObject({ kind: 'aborted', reason: 'ETAG_MISMATCH' });
  });

  it('PERMISSION_DENIED: is for administrators', async () => {
    const { groupId } = await makeGroup(harness, 'LOCKED', { supervisorIds: ['lead'] });
    await admin.groups.deleteGroup({ groupId });
    const lead = harness.callAs({ roles: ['supervisor'], actor: 'lead' });
    expect(await failureOf(lead.groups.undeleteGroup({ groupId }))).toMatchObject({ reason: 'PERMISSION_DENIED' });
  });
});
