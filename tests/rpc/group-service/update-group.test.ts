import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AssignmentStrategy } from '../../../gen/ticketing/v1/assignment_policy_pb.ts';
import { newId } from '../../../src/foundation/ids.ts';
import { type Clients, createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { heldTickets, makeAgent, makeGroup, makeTickets } from '../../support/team.ts';

const { LEAST_ASSIGNED_TODAY, MANUAL, ROUND_ROBIN, WEIGHTED } = AssignmentStrategy;
const policy = { strategy: LEAST_ASSIGNED_TODAY, catchUpLimit: 3, maxOpenPerAgent: 9, requiredSkills: { german: 2 }, preferPreviousAgent: false };

describe('UpdateGroup', () => {
  let harness: Harness;
  let admin: Clients;
  beforeAll(async () => {
    harness = await createHarness();
    admin = harness.callAs('admin');
  });
  afterAll(() => harness.close());

  it('changes the fields of the mask and no others', async () => {
    const before = await makeGroup(harness, 'MASK', { name: 'Old', description: 'stays', assignmentPolicy: policy });
    const { group } = await admin.groups.updateGroup({
      group: { groupId: before.groupId, name: 'New', description: 'ignored', timeZone: 'Europe/Berlin' },
      updateMask: { paths: ['name'] },
    });
    expect(group).toEqual({ ...before, name: 'New', etag: group?.etag, updateTime: group?.updateTime });
    expect(group?.etag).not.toBe(before.etag);
    expect((await admin.groups.getGroup({ groupId: before.groupId })).group).toEqual(group);
  });

  it('without a mask changes what is set, inside the policy too', async () => {
    const before = await makeGroup(harness, 'UNSET', { name: 'Kept', assignmentPolicy: policy, supervisorIds: ['lead'] });
    const { group } = await admin.groups.updateGroup({ group: { groupId: before.groupId, description: 'set', assignmentPolicy: { catchUpLimit: 0 } } });
    expect(group).toMatchObject({ name: 'Kept', description: 'set', supervisorIds: ['lead'], active: true });
    expect(group?.assignmentPolicy).toMatchObject({ ...policy, catchUpLimit: 0, policyVersion: 2 });
  });

  it('with * replaces everything that can be changed by what is given', async () => {
    const before = await makeGroup(harness, 'STAR', {
      name: 'Star',
      description: 'd',
      active: false,
      timeZone: 'Asia/Tokyo',
      assignmentPolicy: policy,
      supervisorIds: ['lead'],
    });
    const { group } = await admin.groups.updateGroup({ group: { groupId: before.groupId }, updateMask: { paths: ['*'] } });
    expect(group).toMatchObject({ key: 'STAR', name: 'STAR', description: '', active: true, timeZone: 'UTC', supervisorIds: [] });
    expect(group?.assignmentPolicy).toMatchObject({ strategy: LEAST_ASSIGNED_TODAY, requiredSkills: {}, preferPreviousAgent: true, policyVersion: 2 });
    expect(group?.assignmentPolicy?.catchUpLimit).toBeUndefined();
  });

  it('INVALID_ARGUMENT: refuses to set a catch-up limit under a strategy in which it has no meaning; one from before stays, without effect', async () => {
    const before = await makeGroup(harness, 'CATCHUP', { assignmentPolicy: policy });
    const update = (assignmentPolicy: object, ...paths: string[]) =>
      admin.groups.updateGroup({
        group: { groupId: before.groupId, assignmentPolicy },
        updateMask: { paths: paths.map((path) => `assignment_policy.${path}`) },
      });
    const { group } = await update({ strategy: ROUND_ROBIN }, 'strategy');
    expect(group?.assignmentPolicy).toMatchObject({ strategy: ROUND_ROBIN, catchUpLimit: 3, policyVersion: 2 });
    expect(await failureOf(update({ catchUpLimit: 4 }, 'catch_up_limit'))).toMatchObject({
      kind: 'invalid_argument',
      facts: { field: 'group.assignment_policy.catch_up_limit' },
    });
    const { group: weighted } = await update({ strategy: WEIGHTED, catchUpLimit: 4 }, 'strategy', 'catch_up_limit');
    expect(weighted?.assignmentPolicy).toMatchObject({ strategy: WEIGHTED, catchUpLimit: 4, policyVersion: 3 });
  });

  it('changes how skills relax, or clears it, and raises the version of the policy by that', async () => {
    const before = await makeGroup(harness, 'RELAX', { assignmentPolicy: policy });
    const update = async (assignmentPolicy: object, updateMask?: { paths: string[] }) =>
      (await admin.groups.updateGroup({ group: { groupId: before.groupId, assignmentPolicy }, ...(updateMask ? { updateMask } : {}) })).group?.assignmentPolicy;
    expect(await update({ skillRelaxation: { seconds: 60n, nanos: 0 } })).toMatchObject({ ...policy, skillRelaxation: { seconds: 60n }, policyVersion: 2 });
    expect(await update({ skillRelaxation: { seconds: 60n, nanos: 0 } })).toMatchObject({ policyVersion: 2 });
    const cleared = await update({}, { paths: ['assignment_policy.skill_relaxation'] });
    expect(cleared).toMatchObject({ ...policy, policyVersion: 3 });
    expect(cleared?.skillRelaxation).toBeUndefined();
  });

  it('changes one field of the policy, or clears it', async () => {
    const before = await makeGroup(harness, 'LEAF', { assignmentPolicy: policy });
    const { group } = await admin.groups.updateGroup({
      group: { groupId: before.groupId, assignmentPolicy: { strategy: MANUAL } },
      updateMask: { paths: ['assignment_policy.max_open_per_agent', 'assignment_policy.strategy'] },
    });
    expect(group?.assignmentPolicy).toMatchObject({ strategy: MANUAL, catchUpLimit: 3, policyVersion: 2 });
    expect(group?.assignmentPolicy?.maxOpenPerAgent).toBeUndefined();
  });

  it('raises the policy version with the policy alone', async () => {
    const { groupId } = await makeGroup(harness, 'VERSION', { assignmentPolicy: policy });
    const renamed = await admin.groups.updateGroup({ group: { groupId, name: 'Renamed' } });
    expect(renamed.group?.assignmentPolicy?.policyVersion).toBe(1);
    const same = await admin.groups.updateGroup({ group: { groupId, assignmentPolicy: policy }, updateMask: { paths: ['assignment_policy'] } });
    expect(same.group).toEqual(renamed.group);
    const changed = await admin.groups.updateGroup({ group: { groupId, assignmentPolicy: { ...policy, requiredSkills: { german: 3 } } } });
    expect(changed.group?.assignmentPolicy?.policyVersion).toBe(2);
  });

  it('leaves no trace in the log when nothing changes', async () => {
    const { groupId } = await makeGroup(harness, 'SAME', { name: 'Same' });
    await admin.groups.updateGroup({ group: { groupId, name: 'Same', active: true } });
    expect(await harness.sql('SELECT operation FROM audit_entries WHERE entity_id = $1', [groupId])).toEqual([{ operation: 'CREATE' }]);
  });

  it('logs the old and the new value under the caller’s name', async () => {
    const { groupId } = await makeGroup(harness, 'LOG', { name: 'Old' });
    const requestId = newId();
    await admin.groups.updateGroup({ group: { groupId, name: 'New' }, requestId, reason: 'asked to' });
    const entries = await harness.sql(
      `SELECT actor, reason, request_id, changed_fields, before ->> 'name' AS old, after ->> 'name' AS new FROM audit_entries WHERE entity_id = $1 AND operation = 'UPDATE'`,
      [groupId],
    );
    expect(entries).toEqual([{ actor: 'the-admin', reason: 'asked to', request_id: requestId, changed_fields: ['name'], old: 'Old', new: 'New' }]);
  });

  it('answers what would happen, and changes nothing, when it is to validate only', async () => {
    const before = await makeGroup(harness, 'DRY', { active: false });
    const { group } = await admin.groups.updateGroup({
      group: { groupId: before.groupId, active: true, assignmentPolicy: { strategy: MANUAL } },
      validateOnly: true,
    });
    expect(group).toMatchObject({ active: true, assignmentPolicy: { strategy: MANUAL, policyVersion: 2 } });
    expect((await admin.groups.getGroup({ groupId: before.groupId })).group).toEqual(before);
  });

  it('gives waiting tickets out in the same step when the group is turned on or its policy lets somebody take them', async () => {
    const group = await makeGroup(harness, 'WAIT', { assignmentPolicy: { strategy: MANUAL } });
    await makeAgent(harness, 'waiter', [group]);
    await makeTickets(harness, group, 3);
    expect(await heldTickets(harness, group)).toEqual({ '': 3 });
    await admin.groups.updateGroup({ group: { groupId: group.groupId, active: false } });
    await admin.groups.updateGroup({ group: { groupId: group.groupId, assignmentPolicy: { strategy: LEAST_ASSIGNED_TODAY, maxOpenPerAgent: 1 } } });
    expect(await heldTickets(harness, group)).toEqual({ '': 3 });
    await admin.groups.updateGroup({ group: { groupId: group.groupId, active: true } });
    expect(await heldTickets(harness, group)).toEqual({ '': 2, waiter: 1 });
    await admin.groups.updateGroup({ group: { groupId: group.groupId }, updateMask: { paths: ['assignment_policy.max_open_per_agent'] } });
    expect(await heldTickets(harness, group)).toEqual({ waiter: 3 });
  });

  it('lets a supervisor change his group, but not who supervises it', async () => {
    const { groupId } = await makeGroup(harness, 'LED', { supervisorIds: ['lead'] });
    const lead = harness.callAs({ roles: ['supervisor'], actor: 'lead' });
    const { group } = await lead.groups.updateGroup({ group: { groupId, name: 'Mine', supervisorIds: ['lead'] } });
    expect(group?.name).toBe('Mine');
    const failure = await failureOf(lead.groups.updateGroup({ group: { groupId, supervisorIds: ['lead', 'friend'] } }));
    expect(failure).toMatchObject({ kind: 'permission_denied', reason: 'PERMISSION_DENIED' });
    expect(await failureOf(lead.groups.updateGroup({ group: { groupId, name: 'x' }, updateMask: { paths: ['*'] } }))).toMatchObject({
      reason: 'PERMISSION_DENIED',
    });
    expect((await admin.groups.getGroup({ groupId })).group).toEqual(group);
  });

  it('NOT_FOUND: answers a supervisor of other groups as if this one were not there', async () => {
    const { groupId } = await makeGroup(harness, 'HIDDEN', { supervisorIds: ['somebody'] });
    const lead = harness.callAs({ roles: ['supervisor'], actor: 'lead' });
    expect(await failureOf(lead.groups.updateGroup({ group: { groupId, name: 'x' } }))).toMatchObject({ kind: 'not_found', reason: 'GROUP_NOT_FOUND' });
    expect(await failureOf(admin.groups.updateGroup({ group: { groupId: newId(), name: 'x' } }))).toMatchObject({
      kind: 'not_found',
      reason: 'GROUP_NOT_FOUND',
    });
  });

  it('PERMISSION_DENIED: lets nobody change a group that he only sees', async () => {
    const group = await makeGroup(harness, 'SEEN');
    await makeAgent(harness, 'seer', [group]);
    const seer = harness.callAs({ roles: ['agent', 'supervisor'], agentId: 'seer' });
    expect(await failureOf(seer.groups.updateGroup({ group: { groupId: group.groupId, name: 'x' } }))).toMatchObject({ reason: 'PERMISSION_DENIED' });
  });

  it('ABORTED: refuses an etag that is no longer the current one', async () => {
    const { groupId, etag } = await makeGroup(harness, 'ETAG');
    await admin.groups.updateGroup({ group: { groupId, etag, name: 'First' } });
    expect(await failureOf(admin.groups.updateGroup({ group: { groupId, etag, name: 'Second' } }))).toMatchObject({ kind: 'aborted', reason: 'ETAG_MISMATCH' });
    expect((await admin.groups.getGroup({ groupId })).group?.name).toBe('First');
  });

  it('FAILED_PRECONDITION: leaves a deleted group as it is', async () => {
    const { groupId } = await makeGroup(harness, 'DELETED');
    await admin.groups.deleteGroup({ groupId });
    expect(await failureOf(admin.groups.updateGroup({ group: { groupId, name: 'x' } }))).toMatchObject({
      kind: 'failed_precondition',
      reason: 'GROUP_DELETED',
    });
  });

  it('INVALID_ARGUMENT: refuses masks of other fields, and saying nothing', async () => {
    const { groupId } = await makeGroup(harness, 'BADMASK');
    const masked = (path: string) => failureOf(admin.groups.updateGroup({ group: { groupId, name: 'x' }, updateMask: { paths: ['name', path] } }));
    for (const path of ['key', 'create_time', 'nonsense', 'etag']) expect(await masked(path)).toMatchObject({ kind: 'invalid_argument' });
    for (const path of ['assignment_policy.policy_version', 'name.first', 'assignment_policy.required_skills.german']) {
      expect(await masked(path)).toMatchObject({ kind: 'invalid_argument', reason: 'UPDATE_MASK_INVALID', facts: { path } });
    }
    expect(await failureOf(admin.groups.updateGroup({ group: { groupId } }))).toMatchObject({ reason: 'NOTHING_TO_UPDATE' });
    expect(await failureOf(admin.groups.updateGroup({ group: { groupId, assignmentPolicy: {} } }))).toMatchObject({ reason: 'NOTHING_TO_UPDATE' });
  });

  it('INVALID_ARGUMENT: refuses another key, and an unknown time zone', async () => {
    const { groupId } = await makeGroup(harness, 'KEYED');
    expect(await failureOf(admin.groups.updateGroup({ group: { groupId, key: 'OTHER', name: 'x' } }))).toMatchObject({
      reason: 'INVALID_FIELD',
      facts: { field: 'group.key' },
    });
    expect(await failureOf(admin.groups.updateGroup({ group: { groupId, timeZone: 'Nowhere' } }))).toMatchObject({ reason: 'TIME_ZONE_UNKNOWN' });
    expect((await admin.groups.updateGroup({ group: { groupId, key: 'KEYED', name: 'x' } })).group?.name).toBe('x');
  });
});
