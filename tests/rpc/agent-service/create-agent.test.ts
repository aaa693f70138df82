import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Availability } from '../../../gen/ticketing/v1/agent_pb.ts';
import { newId } from '../../../src/foundation/ids.ts';
import { type Clients, createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { heldTickets, makeAgent, makeGroup, makeTickets } from '../../support/team.ts';

describe('CreateAgent', () => {
  let harness: Harness;
  let admin: Clients;
  beforeAll(async () => {
    harness = await createHarness();
    admin = harness.callAs('admin');
  });
  afterAll(() => harness.close());

  it('makes an agent with the defaults that the contract promises', async () => {
    const { agent } = await admin.agents.createAgent({ agent: { agentId: 'ann@example.com' } });
    expect(agent).toMatchObject({
      agentId: 'ann@example.com',
      displayName: '',
      email: '',
      active: true,
      availability: Availability.AVAILABLE,
      groupIds: [],
      skills: {},
      weight: 1,
      timeZone: 'UTC',
      totalTicketsAssigned: 0n,
      totalTicketsResolved: 0n,
      ticketsAssignedToday: 0,
      ticketsResolvedToday: 0,
      openTickets: 0,
    });
    for (const unset of [agent?.maxOpenTickets, agent?.lastAssignTime, agent?.deleteTime, agent?.availabilityUntilTime]) expect(unset).toBeUndefined();
    expect((await admin.agents.getAgent({ agentId: 'ann@example.com' })).agent).toEqual(agent);
  });

  it('keeps everything that was asked for, and nothing that is not the caller’s to say', async () => {
    const groups = [await makeGroup(harness, 'G1'), await makeGroup(harness, 'G2')].map((group) => group.groupId);
    const asked = {
      agentId: 'Full._+-1',
      displayName: 'Ann Ünal',
      email: 'ann@example.com',
      active: false,
      availability: Availability.OFFLINE,
      groupIds: [...groups].reverse().map((id) => id.toUpperCase()),
      skills: { german: 40, 'a.b_c-d': 1 },
      weight: 1000,
      maxOpenTickets: 0,
      timeZone: 'America/Sao_Paulo',
    };
    const { agent } = await admin.agents.createAgent({ agent: { ...asked, totalTicketsAssigned: 99n, openTickets: 9 } });
    expect(agent).toMatchObject({ ...asked, groupIds: [...groups].sort(), totalTicketsAssigned: 0n, openTickets: 0 });
    expect((await admin.agents.getAgent({ agentId: 'Full._+-1' })).agent).toEqual(agent);
  });

  it('gives him waiting tickets of his groups at once, and answers with them counted', async () => {
    const [one, two] = [await makeGroup(harness, 'W1'), await makeGroup(harness, 'W2')];
    await makeTickets(harness, one, 2);
    await makeTickets(harness, two, 3);
    const agent = await makeAgent(harness, 'taker', [one, two]);
    expect(agent).toMatchObject({ openTickets: 5, ticketsAssignedToday: 5, totalTicketsAssigned: 5n });
    expect(agent.lastAssignTime).toBeDefined();
    expect(await heldTickets(harness, one)).toEqual({ taker: 2 });
    expect((await admin.agents.getAgent({ agentId: 'taker' })).agent).toEqual(agent);
  });

  it('gives nothing to one who is away, inactive or full', async () => {
    const group = await makeGroup(harness, 'NONE');
    await makeTickets(harness, group, 2);
    await makeAgent(harness, 'made-away', [group], { availability: Availability.AWAY });
    await makeAgent(harness, 'made-inactive', [group], { active: false });
    await makeAgent(harness, 'made-full', [group], { maxOpenTickets: 0 });
    expect(await heldTickets(harness, group)).toEqual({ '': 2 });
  });

  it('makes one pool of all his groups', async () => {
    const groups = [await makeGroup(harness, 'P1'), await makeGroup(harness, 'P2'), await makeGroup(harness, 'P3')];
    await makeAgent(harness, 'connects', groups);
    const pools = await harness.sql('SELECT DISTINCT pool_id FROM group_pools WHERE group_id = ANY ($1)', [groups.map((group) => group.groupId)]);
    expect(pools).toHaveLength(1);
  });

  it('logs the agent and each membership under the caller’s name', async () => {
    const group = await makeGroup(harness, 'LOG');
    const requestId = newId();
    const request = { agent: { agentId: 'logged', groupIds: [group.groupId] }, requestId, reason: 'hired' };
    const first = await admin.agents.createAgent(request);
    expect(await admin.agents.createAgent(request)).toEqual(first);
    const entries = await harness.sql('SELECT entity_type, entity_id, actor, reason FROM audit_entries WHERE request_id = $1 ORDER BY entry_id', [requestId]);
    expect(entries).toEqual([
      { entity_type: 'agent', entity_id: 'logged', actor: 'the-admin', reason: 'hired' },
      { entity_type: 'membership', entity_id: `${group.groupId}/logged`, actor: 'the-admin', reason: 'hired' },
    ]);
  });

  it('answers what would happen, and changes nothing, when it is to validate only', async () => {
    const group = await makeGroup(harness, 'DRY');
    const { agent } = await admin.agents.createAgent({ agent: { agentId: 'dry', groupIds: [group.groupId] }, validateOnly: true });
    expect(agent).toMatchObject({ agentId: 'dry', groupIds: [group.groupId] });
    expect(await failureOf(admin.agents.getAgent({ agentId: 'dry' }))).toMatchObject({ reason: 'AGENT_NOT_FOUND' });
  });

  it('lets a supervisor create agents in his groups, at least one', async () => {
    const mine = await makeGroup(harness, 'MINE', { supervisorIds: ['lead'] });
    const other = await makeGroup(harness, 'OTHER');
    const lead = harness.callAs({ roles: ['supervisor'], actor: 'lead' });
    const create = (agentId: string, groupIds: string[]) => lead.agents.createAgent({ agent: { agentId, groupIds } });
    expect((await create('led', [mine.groupId])).agent?.groupIds).toEqual([mine.groupId]);
    expect(await failureOf(create('led-none', []))).toMatchObject({ kind: 'permission_denied', reason: 'PERMISSION_DENIED' });
    expect(await failureOf(create('led-both', [mine.groupId, other.groupId]))).toMatchObject({ kind: 'not_found', facts: { group_id: other.groupId } });
  });

  it('ALREADY_EXISTS: never gives an id to another, not even a deleted agent’s', async () => {
    await makeAgent(harness, 'taken');
    expect(await failureOf(admin.agents.createAgent({ agent: { agentId: 'taken' } }))).toMatchObject({
      kind: 'already_exists',
      reason: 'AGENT_ALREADY_EXISTS',
    });
    await admin.agents.deleteAgent({ agentId: 'taken' });
    const failure = await failureOf(admin.agents.createAgent({ agent: { agentId: 'taken' } }));
    expect(failure).toMatchObject({ kind: 'already_exists', reason: 'AGENT_DELETED_EXISTS' });
    expect(failure.message).toContain('UndeleteAgent');
  });

  it('ALREADY_EXISTS: lets only one of many callers have an id', async () => {
    const ids = Array.from({ length: 12 }, (_, at) => `race-${at}`);
    const settled = await Promise.allSettled(ids.flatMap((agentId) => Array.from({ length: 4 }, () => admin.agents.createAgent({ agent: { agentId } }))));
    expect(settled.filter((one) => one.status === 'fulfilled')).toHaveLength(ids.length);
    for (const one of settled) if (one.status === 'rejected') expect(one.reason).toMatchObject({ reason: 'AGENT_ALREADY_EXISTS' });
  });

  it('NOT_FOUND, FAILED_PRECONDITION, INVALID_ARGUMENT: refuses absent and deleted groups, unknown zones, and odd ids', async () => {
    const gone = await makeGroup(harness, 'GONE');
    await admin.groups.deleteGroup({ groupId: gone.groupId });
    const create = (agent: object) => failureOf(admin.agents.createAgent({ agent: { agentId: 'refused', ...agent } }));
    expect(await create({ groupIds: [newId()] })).toMatchObject({ kind: 'not_found', reason: 'GROUP_NOT_FOUND' });
    expect(await create({ groupIds: [gone.groupId] })).toMatchObject({ kind: 'failed_precondition', reason: 'GROUP_DELETED' });
    expect(await create({ timeZone: 'Mars' })).toMatchObject({ kind: 'invalid_argument', reason: 'TIME_ZONE_UNKNOWN', facts: { field: 'agent.time_zone' } });
    for (const agentId of ['', 'a b', 'x'.repeat(65), 'ä'])
      expect(await create({ agentId })).toMatchObject({ kind: 'invalid_argument', reason: 'INVALID_FIELD' });
    expect(await failureOf(admin.agents.getAgent({ agentId: 'refused' }))).toMatchObject({ reason: 'AGENT_NOT_FOUND' });
  });
});
