import type { DescMessage, DescMethodUnary, MessageInitShape } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { HistoryService } from '../../gen/ticketing/v1/history_service_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { detailsOf, failureOf } from '../support/edge/clients.ts';
import { type Service, startService } from '../support/service.ts';
import { makeTwoTeams, type TwoTeams } from '../support/two-teams.ts';

let service: Service;
let teams: TwoTeams;
beforeAll(async () => {
  service = await startService();
  teams = await makeTwoTeams(service);
});
afterAll(() => service?.close());

const NOBODYS = '01A2011B-EB0B-7468-B121-BE83A55454B0';
const told = async <I extends DescMessage, O extends DescMessage>(method: DescMethodUnary<I, O>, request: MessageInitShape<I>) => {
  const { reason, facts } = detailsOf(await failureOf(service.call(method, request, teams.admin)));
  return [reason, facts['field']];
};

it('tells which field of the request names a group, an agent or a ticket that is not there', async () => {
  const { method: tickets } = TicketService;
  const groupId = teams.one.groupId;
  expect(await told(GroupService.method.getGroup, { groupId: NOBODYS })).toEqual(['GROUP_NOT_FOUND', 'group_id']);
  expect(await told(tickets.createTicket, { groupId: NOBODYS, userId: 1n })).toEqual(['GROUP_NOT_FOUND', 'group_id']);
  const requests = [groupId, NOBODYS].map((id) => ({ groupId: id, userId: 1n }));
  expect(await told(tickets.batchCreateTickets, { requests })).toEqual(['GROUP_NOT_FOUND', 'requests[1].group_id']);
  const moved = { ticketId: teams.hers.ticketId, groupId: NOBODYS };
  expect(await told(tickets.updateTicket, { ticket: moved, reason: NOBODYS })).toEqual(['GROUP_NOT_FOUND', 'ticket.group_id']);
  expect(await told(AgentService.method.createAgent, { agent: { agentId: 'new', groupIds: [groupId, NOBODYS] } })).toEqual([
    'GROUP_NOT_FOUND',
    'agent.group_ids[1]',
  ]);
  expect(await told(AgentService.method.getAgent, { agentId: 'nobody' })).toEqual(['AGENT_NOT_FOUND', 'agent_id']);
  const deal = { fromAgentIds: ['ann'], toAgentIds: ['amy', 'nobody'] };
  expect(await told(tickets.reassignTickets, deal)).toEqual(['AGENT_NOT_FOUND', 'to_agent_ids[1]']);
  expect(await told(tickets.getTicket, { ticketId: 'NONE-1' })).toEqual(['TICKET_NOT_FOUND', 'ticket_id']);
  expect(await told(HistoryService.method.listVersions, { entityType: 'agent', entityId: 'nobody' })).toEqual(['AGENT_NOT_FOUND', 'entity_id']);
});
