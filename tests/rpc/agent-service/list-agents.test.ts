import type { MessageInitShape } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Availability } from '../../../gen/ticketing/v1/agent_pb.ts';
import type { ListAgentsRequestSchema } from '../../../gen/ticketing/v1/agent_service_pb.ts';
import type { Group } from '../../../gen/ticketing/v1/group_pb.ts';
import { newId } from '../../../src/foundation/ids.ts';
import { type Clients, createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { makeAgent, makeGroup } from '../../support/team.ts';

type Request = MessageInitShape<typeof ListAgentsRequestSchema>;

async function idsOf(caller: Clients, request: Request = {}): Promise<string[]> {
  return (await caller.agents.listAgents(request)).agents.map((agent) => agent.agentId);
}

describe('ListAgents', () => {
  let harness: Harness;
  let admin: Clients;
  let kyc: Group;
  let risk: Group;
  beforeAll(async () => {
    harness = await createHarness();
    admin = harness.callAs('admin');
    kyc = await makeGroup(harness, 'KYC', { supervisorIds: ['lead'] });
    risk = await makeGroup(harness, 'RISK');
    await makeAgent(harness, 'dora', [kyc], { skills: { german: 3, french: 1 }, maxOpenTickets: 5, weight: 2 });
    await harness.moveClock('1 minute');
    await makeAgent(harness, 'ann', [kyc, risk], { displayName: 'Ann', email: 'ann@example.com', skills: { german: 1 } });
    await makeAgent(harness, 'Bob', [risk], { active: false, timeZone: 'Asia/Tokyo' });
    await makeAgent(harness, 'cid', [], { availability: Availability.AWAY });
    await makeAgent(harness, 'gone', [kyc]);
    await admin.agents.deleteAgent({ agentId: 'gone' });
  });
  afterAll(() => harness.close());

  it('lists by agent id, deleted ones only when asked for', async () => {
    expect(await idsOf(admin)).toEqual(['Bob', 'ann', 'cid', 'dora']);
    expect(await idsOf(admin, { showDeleted: true })).toEqual(['Bob', 'ann', 'cid', 'dora', 'gone']);
  });

  it('lists in the order asked for, and page by page each agent once', async () => {
    expect(await idsOf(admin, { orderBy: 'create_time' })).toEqual(['dora', 'ann', 'Bob', 'cid']);
    for (const orderBy of ['', 'agent_id desc', 'create_time', 'create_time desc']) {
      const paged: string[] = [];
      let pageToken = '';
      do {
        const page = await admin.agents.listAgents({ orderBy, pageSize: 1, pageToken });
        paged.push(...page.agents.map((agent) => agent.agentId));
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      expect(paged).toEqual(await idsOf(admin, { orderBy }));
      expect(paged).toHaveLength(4);
    }
  });

  it('answers the same agents as GetAgent', async () => {
    for (const agent of (await admin.agents.listAgents({ showDeleted: true })).agents) {
      expect((await admin.agents.getAgent({ agentId: agent.agentId })).agent).toEqual(agent);
    }
  });

  it('finds the members of a group, and those with an availability', async () => {
    expect(await idsOf(admin, { groupId: kyc.groupId })).toEqual(['ann', 'dora']);
    expect(await idsOf(admin, { groupId: kyc.groupId.toUpperCase(), showDeleted: true })).toEqual(['ann', 'dora', 'gone']);
    expect(await idsOf(admin, { groupId: newId() })).toEqual([]);
    expect(await idsOf(admin, { availability: Availability.AWAY })).toEqual(['cid']);
    expect(await idsOf(admin, { availability: Availability.AVAILABLE, groupId: risk.groupId })).toEqual(['Bob', 'ann']);
  });

  it('filters by what the contract documents', async () => {
    expect(await idsOf(admin, { filter: 'active && availability == AWAY' })).toEqual(['cid']);
    expect(await idsOf(admin, { filter: 'availability in [AWAY, OFFLINE] || !active' })).toEqual(['Bob', 'cid']);
    expect(await idsOf(admin, { filter: 'skills.german >= 2' })).toEqual(['dora']);
    expect(await idsOf(admin, { filter: 'has(skills.french)' })).toEqual(['dora']);
    expect(await idsOf(admin, { filter: 'email.endsWith("@example.com") && display_name == "Ann"' })).toEqual(['ann']);
    expect(await idsOf(admin, { filter: 'weight > 1 && max_open_tickets == 5' })).toEqual(['dora']);
    expect(await idsOf(admin, { filter: 'time_zone == "Asia/Tokyo"' })).toEqual(['Bob']);
    expect(await idsOf(admin, { filter: 'agent_id < "a"' })).toEqual(['Bob']);
    expect(await idsOf(admin, { filter: 'create_time == update_time', groupId: kyc.groupId })).toEqual(['ann', 'dora']);
  });

  it('shows each caller himself and the members of his groups, with what he may see of them', async () => {
    const lead = harness.callAs({ roles: ['supervisor'], actor: 'lead' });
    const { agents } = await lead.agents.listAgents({});
    expect(agents.map((agent) => [agent.agentId, agent.groupIds])).toEqual([
      ['ann', [kyc.groupId]],
      ['dora', [kyc.groupId]],
    ]);
    expect(await idsOf(lead, { groupId: risk.groupId })).toEqual([]);
    expect(await idsOf(lead, { filter: 'true || active' })).toEqual(['ann', 'dora']);
    expect(await idsOf(harness.callAs({ roles: ['agent'], agentId: 'Bob' }))).toEqual(['Bob', 'ann']);
    expect(await idsOf(harness.callAs({ roles: ['agent', 'supervisor'], agentId: 'cid' }))).toEqual(['cid']);
    expect(await idsOf(harness.callAs('service'))).toHaveLength(4);
  });

  it('INVALID_ARGUMENT: refuses an unknown order, a faulty filter, and a page token of another request', async () => {
    expect(await failureOf(admin.agents.listAgents({ orderBy: 'weight' }))).toMatchObject({ reason: 'ORDER_BY_INVALID' });
    expect(await failureOf(admin.agents.listAgents({ filter: 'availability == SLEEPING' }))).toMatchObject({ reason: 'FILTER_INVALID' });
    const { nextPageToken: pageToken } = await admin.agents.listAgents({ pageSize: 1 });
    expect(await failureOf(admin.agents.listAgents({ pageSize: 1, pageToken, filter: 'active' }))).toMatchObject({ reason: 'PAGE_TOKEN_INVALID' });
    expect(await failureOf(harness.callAs('auditor').agents.listAgents({ pageToken }))).toMatchObject({ reason: 'PAGE_TOKEN_INVALID' });
  });
});
