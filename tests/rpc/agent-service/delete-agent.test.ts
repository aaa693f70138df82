import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finishLeaving } from '../../../src/domain/agents/index.ts';
import { newId } from '../../../src/foundation/ids.ts';
import { type Clients, createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { heldTickets, makeAgent, makeGroup, makeTickets } from '../../support/team.ts';

describe('DeleteAgent', () => {
  let harness: Harness;
  let admin: Clients;
  beforeAll(async () => {
    harness = await createHarness();
    admin = harness.callAs('admin');
  });
  afterAll(() => harness.close());

  it('deletes an agent, deals his tickets of all groups out, and keeps him to be read', async () => {
    const [one, two] = [await makeGroup(harness, 'ONE'), await makeGroup(harness, 'TWO')];
    for (const agentId of ['goes', 'stays']) await makeAgent(harness, agentId, [one, two]);
    await makeTickets(harness, one, 2, 'goes');
    await makeTickets(harness, two, 3, 'goes');
    const { agent } = await admin.agents.deleteAgent({ agentId: 'goes', reason: 'left us' });
    expect(agent).toMatchObject({ active: true, openTickets: 0, totalTicketsAssigned: 5n });
    expect(agent?.deleteTime).toBeDefined();
    expect(await heldTickets(harness, one)).toEqual({ stays: 2 });
    expect(await heldTickets(harness, two)).toEqual({ stays: 3 });
    expect((await admin.agents.getAgent({ agentId: 'goes' })).agent).toEqual(agent);
    const entries = await harness.sql(
      `SELECT reason, changed_fields FROM audit_entries WHERE entity_type = 'agent' AND entity_id = 'goes' AND operation = 'UPDATE'`,
    );
    expect(entries).toEqual([{ reason: 'left us', changed_fields: ['delete_time'] }]);
  });

  it('never strands a ticket: with nobody left they wait', async () => {
    const group = await makeGroup(harness, 'LAST');
    await makeAgent(harness, 'last', [group]);
    await makeTickets(harness, group, 2);
    await admin.agents.deleteAgent({ agentId: 'last' });
    expect(await heldTickets(harness, group)).toEqual({ '': 2 });
  });

  it('gives him nothing any more', async () => {
    const group = await makeGroup(harness, 'AFTER');
    await makeAgent(harness, 'after', [group]);
    await admin.agents.deleteAgent({ agentId: 'after' });
    await makeTickets(harness, group, 1);
    expect(await heldTickets(harness, group)).toEqual({ '': 1 });
  });

  it('deals more than 1000 tickets out in steps, inactive meanwhile, and is deleted with the last', async () => {
    const group = await makeGroup(harness, 'HUGE');
    await makeAgent(harness, 'heavy', [group]);
    await makeTickets(harness, group, 2100, 'heavy');
    await makeAgent(harness, 'takes', [group]);
    const request = { agentId: 'heavy', requestId: newId() };
    const answer = await admin.agents.deleteAgent(request);
    expect(answer.agent).toMatchObject({ active: false, openTickets: 1100 });
    expect(answer.agent?.deleteTime).toBeUndefined();
    expect(await heldTickets(harness, group)).toEqual({ heavy: 1100, takes: 1000 });

    // Somebody activates him in between: the deletion was promised, and goes on.
    await admin.agents.updateAgent({ agent: { agentId: 'heavy', active: true } });
    const [job] = harness.jobs;
    await harness.runJobs([finishLeaving]);
    expect(await heldTickets(harness, group)).toEqual({ takes: 2100 });
    const { agent: gone } = await admin.agents.getAgent({ agentId: 'heavy' });
    expect(gone).toMatchObject({ openTickets: 0, active: true });
    expect(gone?.deleteTime).toBeDefined();

    // Once more, as after a crash: nothing changes; nor by the same request again.
    harness.jobs.push(job as (typeof harness.jobs)[number]);
    await harness.runJobs([finishLeaving]);
    expect(await admin.agents.deleteAgent(request)).toEqual(answer);
    expect((await admin.agents.getAgent({ agentId: 'heavy' })).agent).toEqual(gone);
    expect(harness.jobs).toEqual([]);
  });

  it('deals out what he holds of groups that he is no longer in', async () => {
    const group = await makeGroup(harness, 'LEFT');
    await makeAgent(harness, 'leftover', [group]);
    await makeTickets(harness, group, 1400, 'leftover');
    await admin.groups.removeGroupMembers({ groupId: group.groupId, agentIds: ['leftover'] });
    expect(await heldTickets(harness, group)).toEqual({ '': 1000, leftover: 400 });
    harness.jobs.length = 0;
    await admin.agents.deleteAgent({ agentId: 'leftover' });
    expect(await heldTickets(harness, group)).toEqual({ '': 1400 });
  });

  it('answers what would happen, and changes nothing, when it is to validate only', async () => {
    const group = await makeGroup(harness, 'DRY');
    await makeAgent(harness, 'dry', [group]);
    await makeTickets(harness, group, 1);
    const { agent } = await admin.agents.deleteAgent({ agentId: 'dry', validateOnly: true });
    expect(agent?.deleteTime).toBeDefined();
    expect((await admin.agents.getAgent({ agentId: 'dry' })).agent?.deleteTime).toBeUndefined();
    expect(await heldTickets(harness, group)).toEqual({ dry: 1 });
  });

  it('NOT_FOUND, FAILED_PRECONDITION, ABORTED: refuses an agent who is absent, deleted or changed', async () => {
    const remove = (agentId: string, etag = '') => failureOf(admin.agents.deleteAgent({ agentId, etag }));
    expect(await remove('nobody')).toMatchObject({ kind: 'not_found', reason: 'AGENT_NOT_FOUND' });
    await makeAgent(harness, 'twice');
    expect(await remove('twice', 'old')).toMatchObject({ kind: 'aborted', reason: 'ETAG_MISMATCH' });
    await admin.agents.deleteAgent({ agentId: 'twice' });
    expect(await remove('twice')).toMatchObject({ kind: 'failed_precondition', reason: 'AGENT_DELETED' });
  });

  it('PERMISSION_DENIED: is for administrators', async () => {
    const group = await makeGroup(harness, 'LED', { supervisorIds: ['lead'] });
    await makeAgent(harness, 'led', [group]);
    const lead = harness.callAs({ roles: ['supervisor'], actor: 'lead' });
    expect(await failureOf(lead.agents.deleteAgent({ agentId: 'led' }))).toMatchObject({ reason: 'PERMISSION_DENIED' });
  });
});
