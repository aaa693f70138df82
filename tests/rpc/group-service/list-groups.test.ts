import type { MessageInitShape } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ListGroupsRequestSchema } from '../../../gen/ticketing/v1/group_service_pb.ts';
import { type Clients, createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { makeAgent, makeGroup } from '../../support/team.ts';

type Request = MessageInitShape<typeof ListGroupsRequestSchema>;

async function keysOf(caller: Clients, request: Request = {}): Promise<string[]> {
  return (await caller.groups.listGroups(request)).groups.map((group) => group.key);
}

describe('ListGroups', () => {
  let harness: Harness;
  let admin: Clients;
  beforeAll(async () => {
    harness = await createHarness();
    admin = harness.callAs('admin');
    await makeGroup(harness, 'B', { name: 'Beta', timeZone: 'Europe/Berlin', supervisorIds: ['lead'] });
    await harness.moveClock('1 minute');
    const a = await makeGroup(harness, 'A', { name: 'Alpha', supervisorIds: ['lead', 'other'] });
    await makeGroup(harness, 'C', { active: false, description: 'resting' });
    await makeGroup(harness, 'A1', {});
    const gone = await makeGroup(harness, 'GONE', { supervisorIds: ['lead'] });
    await admin.groups.deleteGroup({ groupId: gone.groupId });
    await makeAgent(harness, 'member', [a]);
  });
  afterAll(() => harness.close());

  it('lists by key, deleted ones only when asked for', async () => {
    expect(await keysOf(admin)).toEqual(['A', 'A1', 'B', 'C']);
    expect(await keysOf(admin, { showDeleted: true })).toEqual(['A', 'A1', 'B', 'C', 'GONE']);
  });

  it('lists in the order asked for', async () => {
    expect(await keysOf(admin, { orderBy: 'key desc' })).toEqual(['C', 'B', 'A1', 'A']);
    expect(await keysOf(admin, { orderBy: 'create_time' })).toEqual(['B', 'A', 'C', 'A1']);
    expect(await keysOf(admin, { orderBy: 'create_time desc' })).toEqual(['A1', 'C', 'A', 'B']);
  });

  it('lists page by page, each group once', async () => {
    for (const orderBy of ['', 'key desc', 'create_time', 'create_time desc']) {
      const whole = await keysOf(admin, { orderBy });
      const paged: string[] = [];
      let pageToken = '';
      do {
        const page = await admin.groups.listGroups({ orderBy, pageSize: 1, pageToken });
        paged.push(...page.groups.map((group) => group.key));
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      expect(paged).toEqual(whole);
    }
  });

  it('answers the same groups as GetGroup', async () => {
    for (const group of (await admin.groups.listGroups({ showDeleted: true })).groups) {
      expect((await admin.groups.getGroup({ groupId: group.groupId })).group).toEqual(group);
    }
  });

  it('filters by what the contract documents', async () => {
    expect(await keysOf(admin, { filter: 'active && key.startsWith("A")' })).toEqual(['A', 'A1']);
    expect(await keysOf(admin, { filter: '!active || name == "Beta"' })).toEqual(['B', 'C']);
    expect(await keysOf(admin, { filter: 'description.contains("rest")' })).toEqual(['C']);
    expect(await keysOf(admin, { filter: 'time_zone != "UTC"' })).toEqual(['B']);
    const [first] = (await admin.groups.listGroups({ orderBy: 'create_time' })).groups;
    const time = new Date(Number(first?.createTime?.seconds) * 1000 + 30_000).toISOString();
    expect(await keysOf(admin, { filter: `create_time > timestamp("${time}") && update_time > timestamp("${time}")` })).toEqual(['A', 'A1', 'C']);
    expect(await keysOf(admin, { filter: `group_id == "${first?.groupId}"` })).toEqual(['B']);
  });

  it('shows each caller his own groups, whatever he filters by', async () => {
    const lead = harness.callAs({ roles: ['supervisor'], actor: 'lead' });
    expect(await keysOf(lead)).toEqual(['A', 'B']);
    expect(await keysOf(lead, { filter: 'true || active', showDeleted: true })).toEqual(['A', 'B', 'GONE']);
    expect(await keysOf(harness.callAs({ roles: ['agent'], agentId: 'member' }))).toEqual(['A']);
    expect(await keysOf(harness.callAs({ roles: ['agent', 'supervisor'], agentId: 'nobody' }))).toEqual([]);
    expect(await keysOf(harness.callAs('auditor'))).toHaveLength(4);
  });

  it('INVALID_ARGUMENT: refuses an unknown order, a faulty filter and a negative page size, naming the field', async () => {
    expect(await failureOf(admin.groups.listGroups({ orderBy: 'name' }))).toMatchObject({ reason: 'ORDER_BY_INVALID' });
    expect(await failureOf(admin.groups.listGroups({ filter: 'supervisor_ids == ""' }))).toMatchObject({ reason: 'FILTER_INVALID', facts: { column: '1' } });
    expect(await failureOf(admin.groups.listGroups({ pageSize: -1 }))).toMatchObject({ reason: 'INVALID_FIELD', facts: { field: 'page_size' } });
  });

  it('INVALID_ARGUMENT: takes a page token only from the caller and for the request it was made for', async () => {
    const { nextPageToken: pageToken } = await admin.groups.listGroups({ pageSize: 1 });
    for (const call of [
      harness.callAs('auditor').groups.listGroups({ pageSize: 1, pageToken }),
      admin.groups.listGroups({ pageSize: 1, pageToken, showDeleted: true }),
      admin.groups.listGroups({ pageSize: 1, pageToken, orderBy: 'key desc' }),
      admin.groups.listGroups({ pageToken: 'nonsense' }),
    ]) {
      expect(await failureOf(call)).toMatchObject({ kind: 'invalid_argument', reason: 'PAGE_TOKEN_INVALID' });
    }
    expect(await keysOf(admin, { pageSize: 2, pageToken })).toEqual(['A1', 'B']);
  });
});
