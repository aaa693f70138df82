import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Availability } from '../../../gen/ticketing/v1/agent_pb.ts';
import { type Clients, createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { heldTickets, makeAgent, makeGroup, makeTickets } from '../../support/team.ts';

describe('UndeleteAgent', () => {
  let harness: Harness;
  let admin: Clients;
  beforeAll(async () => {
    harness = await createHarness();
    admin = harness.callAs('admin');
  });
  afterAll(() => harness.close());

  it('brings an agent back with his groups and counters, and gives him what waits', async () => {
    const group = await makeGroup(harness, 'BACK');
    await makeAgent(harness, 'back', [group], { displayName: 'Back' });
    await makeTickets(harness, group, 2);
    await admin.agents.deleteAgent({ agentId: 'back' });
    expect(await heldTickets(harness, group)).toEqual({ '': 2 });
    const { agent } = await admin.agents.undeleteAgent({ agentId: 'back' });
    expect(agent).toMatchObject({ displayName: 'Back', groupIds: [group.groupId], active: true, openTickets: 2, totalTicketsAssigned: 4n });
    expect(agent?.deleteTime).toBeUndefined();
    expect(await heldTickets(harness, group)).toEqual({ back: 2 });
  });

  it('leaves his availability as it was', async () => {
    const group = await makeGroup(harness, 'AWAY');
    await makeAgent(harness, 'away', [group], { availability: Availability.AWAY });
    await admin.agents.deleteAgent({ agentId: 'away' });
    await makeTickets(harness, group, 1);
    expect((await admin.agents.undeleteAgent({ agentId: 'away' })).agent).toMatchObject({ availability: Availability.AWAY, openTickets: 0 });
    expect(await heldTickets(harness, group)).toEqual({ '': 1 });
  });

  it('changes nothing when it is to validate only', async () => {
    await makeAgent(harness, 'dry');
    const { agent: gone } = await admin.agents.deleteAgent({ agentId: 'dry' });
    expect((await admin.agents.undeleteAgent({ agentId: 'dry', validateOnly: true })).agent?.deleteTime).toBeUndefined();
    expect((await admin.agents.getAgent({ agentId: 'dry' })).agent).toEqual(gone);
  });

  it('NOT_FOUND, FAILED_PRECONDITION, ABORTED: refuses an agent who is absent, not deleted or changed', async () => {
    const undelete = (agentId: string, etag = '') => failureOf(admin.agents.undeleteAgent({ agentId, etag }));
    expect(await undelete('nobody')).toMatchObject({ kind: 'not_found', reason: 'AGENT_NOT_FOUND' });
    const { etag } = await makeAgent(harness, 'there');
    expect(await undelete('there')).toMatchObject({ kind: 'failed_precondition', reason: 'AGENT_NOT_DELETED' });
    await admin.agents.deleteAgent({ agentId: 'there' });
    expect(await undelete('there', etag)).toMatchObject({ kind: 'aborted', reason: 'ETAG_MISMATCH' });
  });

  it('PERMISSION_DENIED: is for administrators', async () => {
    expect(await failureOf(harness.callAs('supervisor').agents.undeleteAgent({ agentId: 'there' }))).toMatchObject({ reason: 'PERMISSION_DENIED' });
  });
});
