import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ActorKind, AuditOperation } from '../../../gen/ticketing/v1/audit_entry_pb.ts';
import type { Group } from '../../../gen/ticketing/v1/group_pb.ts';
import { TicketStatus } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { createTicket, makeTeam, updateTicket } from '../../support/engine.ts';
import { createHarness, failureOf, type Harness } from '../../support/harness.ts';

let harness: Harness;
let one: Group;
let two: Group;
beforeAll(async () => {
  harness = await createHarness();
  one = (await makeTeam(harness, 'ONE', 2, { supervisorIds: ['sue'] })).group;
  two = (await makeTeam(harness, 'TWO', 1, { supervisorIds: ['tom'] })).group;
});
afterAll(() => harness.close());

const list = (entityType: string, entityId: string, more = {}, who: Parameters<Harness['callAs']>[0] = 'admin') =>
  harness.callAs(who).history.listVersions({ entityType, entityId, ...more });
const supervisor = (actor: string) => ({ roles: ['supervisor' as const], actor });

describe('ListVersions', () => {
  it('tells of every version of a ticket, newest first: who made it, why, and what it changed in words', async () => {
    const { ticketId, key } = await createTicket(harness, one, { title: 'Passport', labels: ['a', 'b'], attributes: { tier: 'gold' }, agentId: 'ONE-a' });
    await harness.callAs('admin').tickets.updateTicket({
      ticket: { ticketId, status: TicketStatus.RESOLVED, labels: ['b', 'c'], attributes: { tier: 'silver' } },
      reason: 'done',
    });
    const { versions, nextPageToken } = await list('ticket', key);
    expect(versions).toMatchObject([
      {
        version: 2n,
        actor: 'the-admin',
        actorKind: ActorKind.USER,
        rpc: 'ticketing.v1.TicketService/UpdateTicket',
        reason: 'done',
        operation: AuditOperation.UPDATE,
      },
      { version: 1n, operation: AuditOperation.CREATE, summary: '' },
    ]);
    expect(versions[0]?.summary.replace(/resolve_time.*/, 'resolve_time …')).toBe(
      'attributes.tier: gold → silver\nlabels: +c -a\nresolve_time …\nstatus: OPEN → RESOLVED',
    );
    expect(versions[0]?.changeTime?.seconds).toBeGreaterThan(0n);
    expect(nextPageToken).toBe('');
    expect((await list('ticket', ticketId, { pageSize: 1 })).versions).toEqual([versions[0]]);
    const { nextPageToken: next } = await list('ticket', ticketId, { pageSize: 1 });
    expect((await list('ticket', ticketId, { pageSize: 1, pageToken: next })).versions).toEqual([versions[1]]);
  });

  it('tells of agents and groups', async () => {
    const { agents, groups } = harness.callAs('admin');
    await agents.updateAgent({ agent: { agentId: 'ONE-b', displayName: 'Bo', skills: { french: 2 } }, updateMask: { paths: ['display_name', 'skills'] } });
    await groups.updateGroup({ group: { groupId: one.groupId, description: 'Who are they?' } });
    expect((await list('agent', 'ONE-b')).versions.map(({ summary }) => summary)).toEqual(['display_name: (none) → Bo\nskills.french: (none) → 2', '']);
    expect((await list('group', one.groupId.toUpperCase())).versions[0]?.summary).toBe('description: (none) → Who are they?');
    expect((await list('agent', 'ONE-b', {}, supervisor('sue'))).versions).toHaveLength(2);
    expect((await list('group', one.groupId, {}, supervisor('sue'))).versions).toHaveLength(2);
  });

  it('names what was erased and never tells it', async () => {
    const { ticketId } = await createTicket(harness, one, { title: 'a secret' });
    await updateTicket(harness, ticketId, { title: 'another secret' });
    await harness.callAs('admin').tickets.redactTicket({ ticketId, fields: ['title'] });
    const { versions } = await list('ticket', ticketId);
    expect(versions.map(({ summary }) => summary)).toEqual(['title: erased', 'title: erased', '']);
  });

  it('leaves out what a ticket was in a group that the caller may not see', async () => {
    const { ticketId } = await createTicket(harness, one, { agentId: 'ONE-a', title: 'hidden' });
    await updateTicket(harness, ticketId, { groupId: two.groupId, title: 'shown' });
    const { versions } = await list('ticket', ticketId, {}, supervisor('tom'));
    expect(versions.map(({ version, summary }) => [version, summary])).toEqual([[2n, '']]);
    expect(await failureOf(list('ticket', ticketId, {}, supervisor('sue')))).toMatchObject({ kind: 'not_found', reason: 'TICKET_NOT_FOUND' });
  });

  it('leaves out what an agent was before the caller met him', async () => {
    const { agents, groups } = harness.callAs('admin');
    await agents.createAgent({ agent: { agentId: 'late', groupIds: [two.groupId] } });
    await agents.updateAgent({ agent: { agentId: 'late', displayName: 'Hidden' } });
    await agents.updateAgent({ agent: { agentId: 'late', displayName: 'Last before' } });
    await groups.addGroupMembers({ groupId: one.groupId, agentIds: ['late'] });
    await agents.updateAgent({ agent: { agentId: 'late', displayName: 'Shown' } });
    const seen = (await list('agent', 'late', {}, supervisor('sue'))).versions;
    expect(seen[0]?.summary).toBe('display_name: Last before → Shown');
    expect(seen.some(({ summary }) => summary.includes('Hidden'))).toBe(false);
    expect((await list('agent', 'late', {}, supervisor('tom'))).versions).toHaveLength(5);
  });

  it.each(['addGroupMembers', 'updateAgent'] as const)(
    'tells of an agent from the version on with which he came, not of what that one changed: %s',
    async (way) => {
      const { agents, groups } = harness.callAs('admin');
      const agentId = `came-by-${way}`;
      await agents.createAgent({ agent: { agentId, groupIds: [two.groupId] } });
      await agents.updateAgent({ agent: { agentId, displayName: 'Before' }, reason: 'what nobody there is to know' });
      const came = { reason: 'welcome' };
      if (way === 'addGroupMembers') await groups.addGroupMembers({ groupId: one.groupId, agentIds: [agentId], ...came });
      else {
        const [agent, updateMask] = [{ agentId, displayName: 'New', groupIds: [one.groupId, two.groupId] }, { paths: ['display_name', 'group_ids'] }];
        await agents.updateAgent({ agent, updateMask, ...came });
      }
      const told = async (who: string) => (await list('agent', agentId, {}, supervisor(who))).versions.map(({ version, reason }) => [version, reason]);
      expect(await told('sue')).toEqual([[3n, 'welcome']]);
      expect((await list('agent', agentId, {}, supervisor('sue'))).versions[0]?.summary).toBe('');
      const diff = { entityType: 'agent', entityId: agentId, fromVersion: 2n, toVersion: 3n };
      expect(await failureOf(harness.callAs(supervisor('sue')).history.diffVersions(diff))).toMatchObject({
        reason: 'VERSION_NOT_FOUND',
        facts: { field: 'from_version' },
      });
      await groups.removeGroupMembers({ groupId: two.groupId, agentIds: [agentId], reason: 'what only those are to know who stay' });
      expect(await told('sue')).toHaveLength(2);
      await groups.addGroupMembers({ groupId: two.groupId, agentIds: [agentId] });
      expect((await told('tom')).map(([version]) => version)).toEqual([5n, 3n, 2n, 1n]);
    },
  );

  it('NOT_FOUND: nothing of that id', async () => {
    expect(await failureOf(list('ticket', 'ONE-999'))).toMatchObject({ kind: 'not_found', reason: 'TICKET_NOT_FOUND' });
    expect(await failureOf(list('agent', 'nobody'))).toMatchObject({ kind: 'not_found', reason: 'AGENT_NOT_FOUND' });
    const nobodys = '01a2011b-eb0b-7468-b121-be83a55454b0';
    expect(await failureOf(list('group', nobodys))).toMatchObject({ kind: 'not_found', reason: 'GROUP_NOT_FOUND' });
  });

  it('INVALID_ARGUMENT: a group by its key, which no RPC takes', async () => {
    const refusal = {
      kind: 'invalid_argument',
      reason: 'INVALID_FIELD',
      facts: { field: 'entity_id' },
      message: expect.stringMatching(/^entity_id: must be a UUID/),
    };
    expect(await failureOf(list('group', one.key))).toMatchObject(refusal);
    const versions = { entityType: 'group', entityId: one.key, fromVersion: 1n, toVersion: 2n };
    expect(await failureOf(harness.callAs('admin').history.diffVersions(versions))).toMatchObject(refusal);
  });

  it('INVALID_ARGUMENT: a kind of thing that has no versions', async () => {
    expect(await failureOf(list('service_token', 'x'))).toMatchObject({ kind: 'invalid_argument', reason: 'INVALID_FIELD' });
  });
});
