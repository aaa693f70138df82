import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AssignmentStrategy } from '../../../gen/ticketing/v1/assignment_policy_pb.ts';
import { newId } from '../../../src/foundation/ids.ts';
import { createHarness, failureOf, type Harness } from '../../support/harness.ts';

describe('CreateGroup', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await createHarness();
  });
  afterAll(() => harness.close());

  it('makes a group with the defaults that the contract promises', async () => {
    const { group } = await harness.callAs('admin').groups.createGroup({ group: { key: 'KYC' } });
    expect(group).toMatchObject({
      groupId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      key: 'KYC',
      name: 'KYC',
      description: '',
      active: true,
      timeZone: 'UTC',
      supervisorIds: [],
      assignmentPolicy: { strategy: AssignmentStrategy.LEAST_ASSIGNED_TODAY, requiredSkills: {}, preferPreviousAgent: true, policyVersion: 1 },
    });
    expect(group?.assignmentPolicy?.catchUpLimit).toBeUndefined();
    expect(group?.assignmentPolicy?.maxOpenPerAgent).toBeUndefined();
    expect(group?.deleteTime).toBeUndefined();
    const read = await harness.callAs('admin').groups.getGroup({ groupId: group?.groupId ?? '' });
    expect(read.group).toEqual(group);
  });

  it('keeps everything that was asked for', async () => {
    const { group } = await harness.callAs('admin').groups.createGroup({
      group: {
        key: 'RISK',
        name: 'Risk “R”',
        description: 'Looks\ntwice.',
        active: false,
        timeZone: 'Europe/Berlin',
        supervisorIds: ['anna@example.com', 'b{o,b"\\'],
        assignmentPolicy: {
          strategy: AssignmentStrategy.MANUAL,
          catchUpLimit: 0,
          maxOpenPerAgent: 7,
          requiredSkills: { german: 40 },
          preferPreviousAgent: false,
        },
      },
    });
    const { group: read } = await harness.callAs('admin').groups.getGroup({ groupId: group?.groupId ?? '' });
    expect(read).toEqual(group);
    expect(read).toMatchObject({
      name: 'Risk “R”',
      description: 'Looks\ntwice.',
      active: false,
      timeZone: 'Europe/Berlin',
      supervisorIds: ['anna@example.com', 'b{o,b"\\'],
      assignmentPolicy: {
        strategy: AssignmentStrategy.MANUAL,
        catchUpLimit: 0,
        maxOpenPerAgent: 7,
        requiredSkills: { german: 40 },
        preferPreviousAgent: false,
      },
    });
  });

  it.each(['LEAST_ASSIGNED_TODAY', 'MANUAL', 'ROUND_ROBIN', 'FEWEST_OPEN', 'ASSIGNED_PER_HOUR_PRESENT', 'WEIGHTED'] as const)(
    'keeps the strategy %s',
    async (name) => {
      const { group } = await harness.callAs('admin').groups.createGroup({
        group: { key: name.replaceAll('_', '').slice(0, 16), assignmentPolicy: { strategy: AssignmentStrategy[name], maxOpenPerAgent: 3 } },
      });
      expect(group?.assignmentPolicy).toMatchObject({ strategy: AssignmentStrategy[name], maxOpenPerAgent: 3, policyVersion: 1 });
      expect((await harness.callAs('admin').groups.getGroup({ groupId: group?.groupId ?? '' })).group).toEqual(group);
    },
  );

  it.each(['ROUND_ROBIN', 'FEWEST_OPEN', 'ASSIGNED_PER_HOUR_PRESENT'] as const)(
    'INVALID_ARGUMENT: refuses a catch-up limit under %s, where it has no meaning',
    async (name) => {
      const request = { group: { key: 'CATCHUP', assignmentPolicy: { strategy: AssignmentStrategy[name], catchUpLimit: 2 } } };
      const failure = await failureOf(harness.callAs('admin').groups.createGroup(request));
      expect(failure).toMatchObject({ kind: 'invalid_argument', reason: 'INVALID_FIELD', facts: { field: 'group.assignment_policy.catch_up_limit' } });
      expect(failure.message).toContain(name);
    },
  );

  it('keeps how skills relax, and INVALID_ARGUMENT: refuses parts of a second, and spans of none or of more than a year', async () => {
    const create = (key: string, skillRelaxation: { seconds: bigint; nanos: number }) =>
      harness.callAs('admin').groups.createGroup({ group: { key, assignmentPolicy: { requiredSkills: { german: 2 }, skillRelaxation } } });
    const { group } = await create('RELAX', { seconds: 90n, nanos: 0 });
    expect(group?.assignmentPolicy?.skillRelaxation).toMatchObject({ seconds: 90n, nanos: 0 });
    expect((await harness.callAs('admin').groups.getGroup({ groupId: group?.groupId ?? '' })).group).toEqual(group);
    const { groups } = await harness.callAs('admin').groups.listGroups({ filter: 'key == "RELAX"' });
    expect(groups).toEqual([group]);
    for (const [seconds, nanos] of [
      [1n, 500_000_000],
      [0n, 0],
      [-5n, 0],
      [31_536_001n, 0],
    ] as const) {
      const failure = await failureOf(create('RELAX2', { seconds, nanos }));
      expect(failure).toMatchObject({ kind: 'invalid_argument', reason: 'INVALID_FIELD' });
      expect(failure.message).toContain('group.assignment_policy.skill_relaxation');
    }
  });

  it('gives the group a pool and a ticket counter of its own', async () => {
    const { group } = await harness.callAs('admin').groups.createGroup({ group: { key: 'POOLED' } });
    const rows = await harness.sql(
      `SELECT (SELECT count(*)::int FROM group_pools o WHERE o.pool_id = p.pool_id) AS groups, c.last_ticket_number
       FROM group_pools p JOIN group_counters c USING (group_id) WHERE group_id = $1`,
      [group?.groupId],
    );
    expect(rows).toEqual([{ groups: 1, last_ticket_number: '0' }]);
  });

  it('tells the audit log who made it, and why', async () => {
    const requestId = newId();
    const { group } = await harness.callAs('admin').groups.createGroup({ group: { key: 'LOGGED' }, reason: 'new team', requestId });
    const entries = await harness.sql('SELECT actor, rpc, reason, request_id, operation, version FROM audit_entries WHERE entity_id = $1', [group?.groupId]);
    expect(entries).toEqual([
      { actor: 'the-admin', rpc: 'ticketing.v1.GroupService/CreateGroup', reason: 'new team', request_id: requestId, operation: 'CREATE', version: '1' },
    ]);
  });

  it('answers a repeated request as before, and makes no second group', async () => {
    const request = { group: { key: 'ONCE' }, requestId: newId() };
    const first = await harness.callAs('admin').groups.createGroup(request);
    const second = await harness.callAs('admin').groups.createGroup(request);
    expect(second).toEqual(first);
    expect(await harness.sql(`SELECT count(*)::int AS count FROM groups WHERE key = 'ONCE'`)).toEqual([{ count: 1 }]);
  });

  it('only says what would happen when it is to validate only', async () => {
    const { group } = await harness.callAs('admin').groups.createGroup({ group: { key: 'DRY' }, validateOnly: true });
    expect(group).toMatchObject({ key: 'DRY', name: 'DRY' });
    expect(await harness.sql(`SELECT FROM groups WHERE key = 'DRY'`)).toEqual([]);
    const unknown = harness.callAs('admin').groups.createGroup({ group: { key: 'DRY', timeZone: 'Mars/Olympus' }, validateOnly: true });
    expect(await failureOf(unknown)).toMatchObject({ reason: 'TIME_ZONE_UNKNOWN' });
  });

  it('ALREADY_EXISTS: refuses a key that a group has, naming the group', async () => {
    const { group } = await harness.callAs('admin').groups.createGroup({ group: { key: 'TAKEN' } });
    const failure = await failureOf(harness.callAs('admin').groups.createGroup({ group: { key: 'TAKEN' } }));
    expect(failure).toMatchObject({ kind: 'already_exists', reason: 'GROUP_ALREADY_EXISTS', facts: { key: 'TAKEN', group_id: group?.groupId } });
  });

  it('ALREADY_EXISTS: never gives a deleted group’s key to another, and names Undelete', async () => {
    const { group } = await harness.callAs('admin').groups.createGroup({ group: { key: 'GONE' } });
    await harness.callAs('admin').groups.deleteGroup({ groupId: group?.groupId ?? '' });
    const failure = await failureOf(harness.callAs('admin').groups.createGroup({ group: { key: 'GONE' } }));
    expect(failure).toMatchObject({ kind: 'already_exists', reason: 'GROUP_DELETED_EXISTS', facts: { group_id: group?.groupId } });
    expect(failure.message).toContain('UndeleteGroup');
  });

  it('ALREADY_EXISTS: lets only one of many callers have a key', async () => {
    const keys = Array.from({ length: 12 }, (_, at) => `RACE${at}`);
    const settled = await Promise.allSettled(
      keys.flatMap((key) => Array.from({ length: 4 }, () => harness.callAs('admin').groups.createGroup({ group: { key } }))),
    );
    expect(settled.filter((one) => one.status === 'fulfilled')).toHaveLength(keys.length);
    for (const one of settled) if (one.status === 'rejected') expect(one.reason).toMatchObject({ reason: 'GROUP_ALREADY_EXISTS' });
  });

  it('INVALID_ARGUMENT: refuses a time zone that nobody knows, naming the field', async () => {
    const failure = await failureOf(harness.callAs('admin').groups.createGroup({ group: { key: 'ZONE', timeZone: 'Europe/Atlantis' } }));
    expect(failure).toMatchObject({ kind: 'invalid_argument', reason: 'TIME_ZONE_UNKNOWN', facts: { field: 'group.time_zone' } });
  });

  it('PERMISSION_DENIED: is for administrators', async () => {
    for (const role of ['supervisor', 'agent', 'service', 'auditor'] as const) {
      expect(await failureOf(harness.callAs(role).groups.createGroup({ group: { key: 'NOPE' } }))).toMatchObject({ reason: 'PERMISSION_DENIED' });
    }
  });
});
