import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Group } from '../../../gen/ticketing/v1/group_pb.ts';
import { finishDeletingGroup } from '../../../src/domain/groups/index.ts';
import { newId } from '../../../src/foundation/ids.ts';
import { type Clients, createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { heldTickets, makeAgent, makeGroup, makeTickets } from '../../support/team.ts';

describe('DeleteGroup', () => {
  let harness: Harness;
  let admin: Clients;
  beforeAll(async () => {
    harness = await createHarness();
    admin = harness.callAs('admin');
  });
  afterAll(() => harness.close());

  const statusesOf = (group: Group) =>
    harness.sql('SELECT status, count(*)::int AS count FROM tickets WHERE group_id = $1 GROUP BY 1 ORDER BY 1', [group.groupId]);

  it('deletes an empty group, keeping it to be read', async () => {
    const before = await makeGroup(harness, 'EMPTY');
    const { group } = await admin.groups.deleteGroup({ groupId: before.groupId, reason: 'merged' });
    expect(group?.deleteTime).toBeDefined();
    expect((await admin.groups.getGroup({ groupId: before.groupId })).group).toEqual(group);
    const entries = await harness.sql(`SELECT reason, changed_fields FROM audit_entries WHERE entity_id = $1 AND operation = 'UPDATE'`, [before.groupId]);
    expect(entries).toEqual([{ reason: 'merged', changed_fields: ['delete_time'] }]);
  });

  it('FAILED_PRECONDITION: does not lose pending tickets, and says how many there are', async () => {
    const group = await makeGroup(harness, 'BUSY');
    await makeTickets(harness, group, 3);
    const failure = await failureOf(admin.groups.deleteGroup({ groupId: group.groupId }));
    expect(failure).toMatchObject({ kind: 'failed_precondition', reason: 'GROUP_HAS_PENDING_TICKETS', facts: { pending_tickets: '3' } });
    expect((await admin.groups.getGroup({ groupId: group.groupId })).group).toEqual(group);
  });

  it('moves the pending tickets to another group and gives them out there', async () => {
    const group = await makeGroup(harness, 'FROM');
    const target = await makeGroup(harness, 'TO');
    await makeAgent(harness, 'from-agent', [group]);
    await makeAgent(harness, 'to-agent', [target]);
    await makeTickets(harness, group, 4);
    const answer = await admin.groups.deleteGroup({ groupId: group.groupId, moveTicketsToGroupId: target.groupId.toUpperCase() });
    expect(answer.group?.deleteTime).toBeDefined();
    expect(await heldTickets(harness, group)).toEqual({});
    expect(await heldTickets(harness, target)).toEqual({ 'to-agent': 4 });
  });

  it('cancels the pending tickets when forced to', async () => {
    const group = await makeGroup(harness, 'FORCED');
    await makeTickets(harness, group, 2);
    await admin.groups.deleteGroup({ groupId: group.groupId, force: true });
    expect(await statusesOf(group)).toEqual([{ status: 6, count: 2 }]);
  });

  it('takes more than 1000 tickets in steps, closed meanwhile, and is deleted with the last', async () => {
    const group = await makeGroup(harness, 'HUGE');
    const target = await makeGroup(harness, 'HUGETO');
    await makeTickets(harness, group, 2300);
    const request = { groupId: group.groupId, moveTicketsToGroupId: target.groupId, requestId: newId() };
    const answer = await admin.groups.deleteGroup(request);
    expect(answer.group).toMatchObject({ active: false });
    expect(answer.group?.deleteTime).toBeUndefined();
    expect(await heldTickets(harness, group)).toEqual({ '': 1300 });
    expect(await failureOf(harness.callAs('service').tickets.createTicket({ groupId: group.groupId, userId: 1n }))).toMatchObject({ reason: 'GROUP_INACTIVE' });
    expect(harness.jobs).toHaveLength(1);

    const [job] = harness.jobs;
    await harness.runJobs([finishDeletingGroup]);
    expect(await heldTickets(harness, group)).toEqual({});
    expect(await heldTickets(harness, target)).toEqual({ '': 2300 });
    const { group: gone } = await admin.groups.getGroup({ groupId: group.groupId });
    expect(gone?.deleteTime).toBeDefined();

    // Once more, as after a crash: nothing changes; nor by the same request again.
    harness.jobs.push(job as (typeof harness.jobs)[number]);
    await harness.runJobs([finishDeletingGroup]);
    expect(await admin.groups.deleteGroup(request)).toEqual(answer);
    expect((await admin.groups.getGroup({ groupId: group.groupId })).group).toEqual(gone);
    expect(harness.jobs).toEqual([]);
    expect((await admin.groups.undeleteGroup({ groupId: group.groupId })).group?.active).toBe(true);
  });

  it('answers what would happen, and changes nothing, when it is to validate only', async () => {
    const group = await makeGroup(harness, 'DRY');
    await makeTickets(harness, group, 1);
    expect(await failureOf(admin.groups.deleteGroup({ groupId: group.groupId, validateOnly: true }))).toMatchObject({ reason: 'GROUP_HAS_PENDING_TICKETS' });
    const { group: would } = await admin.groups.deleteGroup({ groupId: group.groupId, force: true, validateOnly: true });
    expect(would?.deleteTime).toBeDefined();
    expect((await admin.groups.getGroup({ groupId: group.groupId })).group).toEqual(group);
    expect(await statusesOf(group)).toEqual([{ status: 1, count: 1 }]);
  });

  it('INVALID_ARGUMENT: moves tickets only to another active group', async () => {
    const group = await makeGroup(harness, 'SOURCE');
    const resting = await makeGroup(harness, 'RESTING', { active: false });
    const gone = await makeGroup(harness, 'GONE');
    await admin.groups.deleteGroup({ groupId: gone.groupId });
    for (const target of [group.groupId, resting.groupId, gone.groupId, newId()]) {
      const failure = await failureOf(admin.groups.deleteGroup({ groupId: group.groupId, moveTicketsToGroupId: target }));
      expect(failure).toMatchObject({ kind: 'invalid_argument', reason: 'MOVE_TARGET_INVALID', facts: { group_id: target } });
    }
    const both = admin.groups.deleteGroup({ groupId: group.groupId, moveTicketsToGroupId: newId(), force: true });
    expect(await failureOf(both)).toMatchObject({ reason: 'INVALID_FIELD' });
  });

  it('NOT_FOUND, FAILED_PRECONDITION, ABORTED: refuses a group that is absent, deleted or changed', async () => {
    expect(await failureOf(admin.groups.deleteGroup({ groupId: newId() }))).toMatchObject({ kind: 'not_found', reason: 'GROUP_NOT_FOUND' });
    const { groupId } = await makeGroup(harness, 'TWICE');
    expect(await failureOf(admin.groups.deleteGroup({ groupId, etag: 'old' }))).toMatchObject({ kind: 'aborted', reason: 'ETAG_MISMATCH' });
    await admin.groups.deleteGroup({ groupId });
    expect(await failureOf(admin.groups.deleteGroup({ groupId }))).toMatchObject({ kind: 'failed_precondition', reason: 'GROUP_DELETED' });
  });

  it('PERMISSION_DENIED: is for administrators', async () => {
    const { groupId } = await makeGroup(harness, 'KEPT', { supervisorIds: ['lead'] });
    const lead = harness.callAs({ roles: ['supervisor'], actor: 'lead' });
    expect(await failureOf(lead.groups.deleteGroup({ groupId }))).toMatchObject({ reason: 'PERMISSION_DENIED' });
  });
});
