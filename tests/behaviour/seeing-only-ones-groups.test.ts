import { randomUUID } from 'node:crypto';
import { create, type DescMethodUnary } from '@bufbuild/protobuf';
import type { ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Availability } from '../../gen/ticketing/v1/agent_pb.ts';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { TicketStatus } from '../../gen/ticketing/v1/ticket_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { failureOf } from '../support/edge/clients.ts';
import type { Fields } from '../support/requests.ts';
import { outcomeOf, type Service, startService } from '../support/service.ts';
import { makeTwoTeams, type TwoTeams } from '../support/two-teams.ts';

const { method: tickets } = TicketService;
const { method: agents } = AgentService;
const { method: groups } = GroupService;

let service: Service;
let teams: TwoTeams;
let untouched: Record<string, string>;
beforeAll(async () => {
  service = await startService();
  teams = await makeTwoTeams(service);
  untouched = await service.checksums();
});
afterAll(() => service?.close());

/** Names of things: those of group TWO, and some of equal length that nobody has. */
interface Names {
  readonly group: string;
  readonly ticket: string;
  readonly key: string;
  readonly agent: string;
}

/** Everything that the caller is told: the answer, or status, message and details, with the names made alike. */
async function toldOf(rpc: DescMethodUnary, request: Fields, token: string, names: Names): Promise<string> {
  const told = await service.call(rpc, create(rpc.input, request), token).then(
    (answer) => JSON.stringify(answer, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
    (error: ServiceError) =>
      `${error.code} ${error.details} ${error.metadata
        .get('grpc-status-details-bin')
        .map((part) => part.toString('latin1'))
        .join()}`,
  );
  return Object.entries(names).reduce((text, [kind, name]) => text.replaceAll(name, `<${kind}>`), told);
}

type Probe = readonly [name: string, rpc: DescMethodUnary, request: (names: Names, teams: TwoTeams) => Fields];
const away = { availability: Availability.AWAY };

const supervisorsProbes: readonly Probe[] = [
  ['reads a ticket by id', tickets.getTicket, ({ ticket }) => ({ ticketId: ticket })],
  ['reads a ticket by key', tickets.getTicket, ({ key }) => ({ ticketId: key })],
  ['reads tickets', tickets.batchGetTickets, ({ ticket }, { hers }) => ({ ticketIds: [hers.key, ticket] })],
  ['lists a group', tickets.listTickets, ({ group }) => ({ groupId: group })],
  ['lists tickets of an agent', tickets.listTickets, ({ agent }) => ({ agentId: agent })],
  ['lists tickets by a condition', tickets.listTickets, ({ key }) => ({ filter: `key == "${key}"` })],
  ['lists tickets by priority', tickets.listTickets, ({ group }) => ({ filter: `group_id == "${group}"`, orderBy: 'priority' })],
  ['changes a ticket by id', tickets.updateTicket, ({ ticket }) => ({ ticket: { ticketId: ticket, title: 'mine' } })],
  ['changes a ticket by key', tickets.updateTicket, ({ key }) => ({ ticket: { ticketId: key, title: 'mine' } })],
  ['resolves a ticket', tickets.updateTicket, ({ key }) => ({ ticket: { ticketId: key, status: TicketStatus.RESOLVED } })],
  ['checks a change of a ticket', tickets.updateTicket, ({ key }) => ({ ticket: { ticketId: key, title: 'mine' }, validateOnly: true })],
  ['changes a ticket with an etag', tickets.updateTicket, ({ ticket }) => ({ ticket: { ticketId: ticket, title: 'mine', etag: '99' } })],
  ['gives his ticket to an agent', tickets.updateTicket, ({ agent }, { hers }) => ({ ticket: { ticketId: hers.ticketId, agentId: agent } })],
  ['moves his ticket to a group', tickets.updateTicket, ({ group }, { hers }) => ({ ticket: { ticketId: hers.ticketId, groupId: group } })],
  ['changes many tickets', tickets.bulkUpdateTickets, ({ ticket }, { hers }) => ({ ticketIds: [hers.ticketId, ticket], patch: { title: 'mine' } })],
  ['changes many tickets by a condition', tickets.bulkUpdateTickets, ({ key }) => ({ filter: `key == "${key}"`, patch: { title: 'mine' } })],
  ['gives many tickets to an agent', tickets.bulkUpdateTickets, ({ agent }, { hers }) => ({ ticketIds: [hers.ticketId], patch: { agentId: agent } })],
  ['moves many tickets to a group', tickets.bulkUpdateTickets, ({ group }, { hers }) => ({ ticketIds: [hers.ticketId], patch: { groupId: group } })],
  ['deals a ticket out', tickets.reassignTickets, ({ key }) => ({ ticketIds: [key] })],
  ['deals an agent’s tickets out', tickets.reassignTickets, ({ agent }) => ({ fromAgentIds: [agent] })],
  ['deals tickets out to an agent', tickets.reassignTickets, ({ agent }, { hers }) => ({ ticketIds: [hers.ticketId], toAgentIds: [agent] })],
  ['deals tickets out by a condition', tickets.reassignTickets, ({ key }) => ({ filter: `key == "${key}"` })],
  ['asks why', tickets.explainAssignment, ({ ticket }) => ({ ticketId: ticket })],
  ['asks why of a decision', tickets.explainAssignment, ({ key }) => ({ ticketId: key, sequence: 1n })],
  ['reads a history', tickets.listTicketHistory, ({ key }) => ({ ticketId: key })],
  ['creates a ticket in a group', tickets.createTicket, ({ group }) => ({ groupId: group, userId: 5n })],
  ['creates a ticket for an agent', tickets.createTicket, ({ agent }, { one }) => ({ groupId: one.groupId, userId: 5n, agentId: agent })],
  ['creates tickets for an agent', tickets.batchCreateTickets, ({ agent }, { one }) => ({ requests: [{ groupId: one.groupId, userId: 5n, agentId: agent }] })],
  ['creates an agent in a group', agents.createAgent, ({ group }) => ({ agent: { agentId: 'fresh', groupIds: [group] } })],
  ['reads an agent', agents.getAgent, ({ agent }) => ({ agentId: agent })],
  ['lists agents of a group', agents.listAgents, ({ group }) => ({ groupId: group })],
  ['lists agents by a condition', agents.listAgents, ({ agent }) => ({ filter: `agent_id == "${agent}"`, showDeleted: true })],
  ['changes an agent', agents.updateAgent, ({ agent }) => ({ agent: { agentId: agent, displayName: 'mine' } })],
  ['changes an agent with an etag', agents.updateAgent, ({ agent }) => ({ agent: { agentId: agent, active: false, etag: '99' } })],
  ['puts his agent into a group', agents.updateAgent, ({ group }, { one }) => ({ agent: { agentId: 'ann', groupIds: [one.groupId, group] } })],
  ['sends an agent away', agents.setAvailability, ({ agent }) => ({ agentId: agent, ...away })],
  ['asks for an agent’s work', agents.getWorkload, ({ agent }) => ({ agentId: agent })],
  ['reads a group', groups.getGroup, ({ group }) => ({ groupId: group })],
  ['lists groups', groups.listGroups, ({ group }) => ({ filter: `group_id == "${group}"` })],
  ['changes a group', groups.updateGroup, ({ group }) => ({ group: { groupId: group, name: 'mine' } })],
  ['makes himself supervisor', groups.updateGroup, ({ group }) => ({ group: { groupId: group, supervisorIds: ['sue'] } })],
  ['adds his agent to a group', groups.addGroupMembers, ({ group }) => ({ groupId: group, agentIds: ['ann'] })],
  ['adds an agent to his group', groups.addGroupMembers, ({ agent }, { one }) => ({ groupId: one.groupId, agentIds: [agent] })],
  ['takes an agent out of a group', groups.removeGroupMembers, ({ group, agent }) => ({ groupId: group, agentIds: [agent] })],
  ['takes an agent out of his group', groups.removeGroupMembers, ({ agent }, { one }) => ({ groupId: one.groupId, agentIds: [agent] })],
  ['lists members', groups.listGroupMembers, ({ group }) => ({ groupId: group })],
];

const agentsRpcs: readonly DescMethodUnary[] = [
  ...[tickets.getTicket, tickets.batchGetTickets, tickets.listTickets, tickets.updateTicket, tickets.explainAssignment, tickets.listTicketHistory],
  ...[agents.getAgent, agents.listAgents, agents.setAvailability, agents.getWorkload, groups.getGroup, groups.listGroups, groups.listGroupMembers],
];

describe('what lies outside one’s groups', () => {
  const absent: Names = { group: randomUUID(), ticket: randomUUID(), key: 'TWX-1', agent: 'bex' };
  const present = (): Names => ({ group: teams.two.groupId, ticket: teams.theirs.ticketId, key: teams.theirs.key, agent: 'bea' });

  it.each(supervisorsProbes)('is to a supervisor as if it were not there when he %s', async (_, rpc, request) => {
    const told = await toldOf(rpc, request(present(), teams), teams.sue, present());
    expect(told).toBe(await toldOf(rpc, request(absent, teams), teams.sue, absent));
  });

  it.each(supervisorsProbes.filter(([, rpc]) => agentsRpcs.includes(rpc)))('is to an agent as if it were not there when he %s', async (_, rpc, request) => {
    const told = await toldOf(rpc, request(present(), teams), teams.ann, present());
    expect(told).toBe(await toldOf(rpc, request(absent, teams), teams.ann, absent));
  });

  it('is changed by none of that', async () => {
    // A change of no tickets at all succeeds, and is on record as a request.
    expect({ ...(await service.checksums()), requests: '' }).toEqual({ ...untouched, requests: '' });
  });

  it('stays hidden when it is deleted', async () => {
    await service.call(agents.createAgent, { agent: { agentId: 'del', groupIds: [teams.two.groupId] } }, teams.admin);
    await service.call(agents.deleteAgent, { agentId: 'del' }, teams.admin);
    const [gone, never] = [
      { ...present(), agent: 'del' },
      { ...present(), agent: 'dex' },
    ];
    for (const [name, rpc, request] of supervisorsProbes) {
      expect(await toldOf(rpc, request(gone, teams), teams.sue, gone), name).toBe(await toldOf(rpc, request(never, teams), teams.sue, never));
    }
  });

  it('is not named by an outside identifier that is taken', async () => {
    const request = { groupId: teams.one.groupId, userId: 8n, externalReferences: [{ system: 'erp', id: '77' }] };
    const error = (await failureOf(service.call(tickets.createTicket, request, teams.sue))) as ServiceError;
    expect(error.details).toBe('external_references: erp 77 belongs to another ticket');
    expect(await toldOf(tickets.createTicket, request, teams.sue, absent)).not.toContain(teams.theirs.ticketId);
    expect(await toldOf(tickets.createTicket, request, teams.service, absent)).toContain(teams.theirs.ticketId);
  });

  it('does not come along with a ticket that is moved in', async () => {
    const { ticket } = await service.call(tickets.createTicket, { groupId: teams.two.groupId, userId: 8n, agentId: 'cara' }, teams.admin);
    const ticketId = ticket?.ticketId ?? '';
    const { explanation } = await service.call(tickets.explainAssignment, { ticketId }, teams.admin);
    await service.call(tickets.updateTicket, { ticket: { ticketId, groupId: teams.one.groupId } }, teams.admin);
    expect(await outcomeOf(service.call(tickets.explainAssignment, { ticketId, sequence: explanation?.sequence ?? 0n }, teams.sue))).toBe('DECISION_NOT_FOUND');
    const { explanation: hers } = await service.call(tickets.explainAssignment, { ticketId }, teams.sue);
    expect(hers).toMatchObject({ agentId: 'cara', groupId: teams.one.groupId, candidates: [], leftOut: [] });
    expect(hers?.sequence).toBeUndefined();
  });

  it('is left out of lists and of what is shown of shared agents', async () => {
    const listed = await service.call(tickets.listTickets, {}, teams.sue);
    expect(new Set(listed.tickets.map(({ groupId }) => groupId))).toEqual(new Set([teams.one.groupId]));
    expect((await service.call(groups.listGroups, {}, teams.sue)).groups.map(({ key }) => key)).toEqual(['ONE']);
    expect((await service.call(agents.listAgents, {}, teams.ann)).agents.map(({ agentId }) => agentId)).toEqual(['amy', 'ann', 'cara']);
    expect((await service.call(agents.getAgent, { agentId: 'cara' }, teams.sue)).agent?.groupIds).toEqual([teams.one.groupId]);
    expect((await service.call(agents.getAgent, { agentId: 'cara' }, teams.auditor)).agent?.groupIds).toHaveLength(2);
    expect((await service.call(agents.getWorkload, { agentId: 'cara' }, teams.sue)).workload?.groups.map(({ groupId }) => groupId)).toEqual([
      teams.one.groupId,
    ]);
  });

  it('is whatever he supervises no longer', async () => {
    const { group } = await service.call(groups.createGroup, { group: { key: 'BRIEF', supervisorIds: ['sue'] } }, teams.admin);
    const groupId = group?.groupId ?? '';
    expect(await outcomeOf(service.call(groups.getGroup, { groupId }, teams.sue))).toBe('ok');
    await service.call(groups.updateGroup, { group: { groupId, supervisorIds: [] }, updateMask: { paths: ['supervisor_ids'] } }, teams.admin);
    expect(await outcomeOf(service.call(groups.getGroup, { groupId }, teams.sue))).toBe('GROUP_NOT_FOUND');
  });
});

describe('a page token', () => {
  it('serves nobody but the caller it was given to', async () => {
    const again = await service.person('sue', ['supervisor']);
    const twin = await service.person('twin', ['admin']);
    const pages: readonly [DescMethodUnary, Fields][] = [
      [tickets.listTickets, {}],
      [agents.listAgents, {}],
      [groups.listGroupMembers, { groupId: teams.one.groupId }],
      [tickets.listTicketHistory, { ticketId: teams.hers.ticketId }],
      [groups.listGroups, {}],
    ];
    await service.call(tickets.updateTicket, { ticket: { ticketId: teams.hers.ticketId, title: 'once more' } }, teams.sue);
    for (const [rpc, fields] of pages) {
      const owner = rpc === groups.listGroups ? teams.admin : teams.sue;
      const { nextPageToken } = (await service.call(rpc, create(rpc.input, { ...fields, pageSize: 1 }), owner)) as unknown as { nextPageToken: string };
      expect(nextPageToken, rpc.name).not.toBe('');
      const next = create(rpc.input, { ...fields, pageSize: 1, pageToken: nextPageToken });
      expect(await outcomeOf(service.call(rpc, next, owner === teams.sue ? again : owner)), rpc.name).toBe('ok');
      expect(await outcomeOf(service.call(rpc, next, twin)), rpc.name).toBe('PAGE_TOKEN_INVALID');
    }
  });
});

describe('an agent', () => {
  const change = (token: string, ticket: Fields, paths?: string[]) =>
    outcomeOf(service.call(tickets.updateTicket, { ticket: { ticketId: '', ...ticket }, ...(paths ? { updateMask: { paths } } : {}) }, token));

  it('changes his own tickets and nobody else’s', async () => {
    const { ticket: amys } = await service.call(tickets.createTicket, { groupId: teams.one.groupId, userId: 11n, agentId: 'amy' }, teams.admin);
    expect(await change(teams.ann, { ticketId: teams.hers.key, status: TicketStatus.IN_PROGRESS })).toBe('ok');
    expect(await change(teams.ann, { ticketId: amys?.key, title: 'hm' })).toBe('PERMISSION_DENIED');
    expect(await change(teams.ann, { ticketId: amys?.key, agentId: 'ann' })).toBe('PERMISSION_DENIED');
    expect(await change(teams.ann, { ticketId: teams.waiting.key, title: 'hm' })).toBe('PERMISSION_DENIED');
    expect(await change(teams.ann, { ticketId: teams.hers.key, agentId: 'amy' })).toBe('PERMISSION_DENIED');
    expect(await change(teams.ann, { ticketId: teams.hers.key, groupId: teams.two.groupId })).toBe('PERMISSION_DENIED');
    expect(await change(teams.ann, { ticketId: teams.hers.key, groupId: randomUUID() })).toBe('PERMISSION_DENIED');
  });

  it('claims what waits in his groups and hands it back', async () => {
    const { key } = teams.waiting;
    expect(await change(teams.bea, { ticketId: key, agentId: 'bea' })).toBe('TICKET_NOT_FOUND');
    expect(await change(teams.ann, { ticketId: key, agentId: 'amy' })).toBe('PERMISSION_DENIED');
    expect(await change(teams.ann, { ticketId: key, agentId: 'ann' })).toBe('ok');
    expect((await service.call(tickets.getTicket, { ticketId: key }, teams.ann)).ticket?.agentId).toBe('ann');
    expect(await change(teams.ann, { ticketId: key }, ['agent_id'])).toBe('ok');
    expect((await service.call(tickets.getTicket, { ticketId: key }, teams.ann)).ticket?.agentId).toBe('');
  });

  it('says for himself alone whether he is there', async () => {
    const set = (agentId: string) => outcomeOf(service.call(agents.setAvailability, { agentId, ...away, validateOnly: true }, teams.ann));
    expect([await set('ann'), await set('amy'), await set('bea')]).toEqual(['ok', 'PERMISSION_DENIED', 'AGENT_NOT_FOUND']);
  });

  it('sees nothing any more once he is deleted', async () => {
    await service.call(agents.createAgent, { agent: { agentId: 'dan', groupIds: [teams.one.groupId] } }, teams.admin);
    const dan = await service.person('dan', ['agent']);
    expect(await outcomeOf(service.call(tickets.getTicket, { ticketId: teams.hers.key }, dan))).toBe('ok');
    await service.call(agents.deleteAgent, { agentId: 'dan' }, teams.admin);
    expect(await outcomeOf(service.call(tickets.getTicket, { ticketId: teams.hers.key }, dan))).toBe('TICKET_NOT_FOUND');
    expect((await service.call(tickets.listTickets, {}, dan)).tickets).toEqual([]);
  });
});

describe('a supervisor', () => {
  const update = (agent: Fields, token: string) => outcomeOf(service.call(agents.updateAgent, { agent: { agentId: '', ...agent }, validateOnly: true }, token));

  it('changes an agent only if all the agent’s groups are his', async () => {
    const both = await service.person('uma', ['supervisor']);
    for (const { groupId, supervisorIds } of [teams.one, teams.two]) {
      await service.call(groups.updateGroup, { group: { groupId, supervisorIds: [...supervisorIds, 'uma'] } }, teams.admin);
    }
    const cara = { agentId: 'cara', displayName: 'Cara' };
    expect([await update(cara, teams.sue), await update(cara, teams.tom), await update(cara, both)]).toEqual(['PERMISSION_DENIED', 'PERMISSION_DENIED', 'ok']);
    const set = (token: string) => outcomeOf(service.call(agents.setAvailability, { agentId: 'cara', ...away, validateOnly: true }, token));
    expect([await set(teams.sue), await set(both)]).toEqual(['PERMISSION_DENIED', 'ok']);
    expect(await update({ agentId: 'ann', displayName: 'Ann' }, teams.sue)).toBe('ok');
  });

  it('adds agents of his own groups only, and creates none outside them', async () => {
    const { group } = await service.call(groups.createGroup, { group: { key: 'OWN', supervisorIds: ['sue'] } }, teams.admin);
    const groupId = group?.groupId ?? '';
    const add = (agentId: string, token: string) =>
      outcomeOf(service.call(groups.addGroupMembers, { groupId, agentIds: [agentId], validateOnly: true }, token));
    expect([await add('ann', teams.sue), await add('cara', teams.sue), await add('bea', teams.sue)]).toEqual(['ok', 'PERMISSION_DENIED', 'AGENT_NOT_FOUND']);
    expect([await add('cara', teams.admin), await add('bea', teams.admin)]).toEqual(['ok', 'ok']);
    const make = (groupIds: string[]) => outcomeOf(service.call(agents.createAgent, { agent: { agentId: 'ned', groupIds }, validateOnly: true }, teams.sue));
    expect([await make([groupId]), await make([]), await make([groupId, teams.two.groupId])]).toEqual(['ok', 'PERMISSION_DENIED', 'GROUP_NOT_FOUND']);
  });

  it('does not say who supervises', async () => {
    const group = { groupId: teams.one.groupId, supervisorIds: ['sue', 'friend'] };
    expect(await outcomeOf(service.call(groups.updateGroup, { group }, teams.sue))).toBe('PERMISSION_DENIED');
    expect(await outcomeOf(service.call(groups.updateGroup, { group: { groupId: group.groupId }, updateMask: { paths: ['supervisor_ids'] } }, teams.sue))).toBe(
      'PERMISSION_DENIED',
    );
    expect(await outcomeOf(service.call(groups.updateGroup, { group, validateOnly: true }, teams.admin))).toBe('ok');
  });

  it('moves tickets between his own groups only', async () => {
    const move = (token: string) =>
      outcomeOf(service.call(tickets.updateTicket, { ticket: { ticketId: teams.hers.key, groupId: teams.two.groupId }, validateOnly: true }, token));
    expect([await move(teams.sue), await move(teams.admin)]).toEqual(['GROUP_NOT_FOUND', 'ok']);
  });

  it('who is an agent elsewhere sees there, and manages there nothing', async () => {
    const sueToo = await service.person('bea', ['supervisor', 'agent']);
    expect(await outcomeOf(service.call(tickets.getTicket, { ticketId: teams.theirs.key }, sueToo))).toBe('ok');
    expect(await outcomeOf(service.call(groups.updateGroup, { group: { groupId: teams.two.groupId, name: 'hm' } }, sueToo))).toBe('PERMISSION_DENIED');
    expect(await outcomeOf(service.call(tickets.createTicket, { groupId: teams.two.groupId, userId: 5n }, sueToo))).toBe('PERMISSION_DENIED');
  });
});
