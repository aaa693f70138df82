import { type Agent, AvailabilitySchema } from '../../../../gen/ticketing/v1/agent_pb.ts';
import { AgentService } from '../../../../gen/ticketing/v1/agent_service_pb.ts';
import { groupIdOf } from '../groups-by-key.ts';
import { type Column, timeText } from '../output/table.ts';
import type { FindService } from '../reach.ts';
import { choicesOf, chosen, shortNameOf } from '../rpc/choices.ts';
import { makeRpcCommand } from '../rpc/command.ts';
import { text, textOf } from '../rpc/session.ts';

/** Names one agent. */
export const agentArgument = { type: 'positional', required: true, description: 'His id' } as const;

const columns: Column<Agent>[] = [
  { heading: 'AGENT', of: ({ agentId }) => agentId },
  {
    heading: 'STATE',
    of: ({ active, availability, deleteTime }) => (deleteTime ? 'DELETED' : active === false ? 'INACTIVE' : shortNameOf(AvailabilitySchema, availability)),
  },
  { heading: 'GROUPS', of: ({ groupIds }) => `${groupIds.length}` },
  { heading: 'OPEN', of: ({ openTickets }) => `${openTickets}` },
  { heading: 'TODAY', of: ({ ticketsAssignedToday }) => `${ticketsAssignedToday}` },
  { heading: 'RESOLVED', of: ({ ticketsResolvedToday }) => `${ticketsResolvedToday}` },
  { heading: 'LAST GIVEN', of: ({ lastAssignTime }) => timeText(lastAssignTime) },
  { heading: 'NAME', of: ({ displayName }) => displayName, cut: true },
];

/** `docket agents list` */
export const makeListCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: AgentService.method.listAgents,
    description: 'List agents: whether they are there, what they hold, what they were given today',
    explanation: { examples: ['agents list --group KYC', 'agents list --availability away -o json', "agents list --filter 'active && availability == AWAY'"] },
    args: {
      group: text('Members of this group', 'key|id'),
      availability: text(choicesOf(AvailabilitySchema).join(', '), 'availability'),
      filter: text('A condition in CEL over the fields of an agent', 'condition'),
      'order-by': text('agent_id or create_time, with " desc" if wanted', 'fields'),
      deleted: { type: 'boolean', description: 'Deleted ones too' },
    },
    columns,
    async request(values, session) {
      const group = textOf(values, 'group');
      const [availability = 0] = chosen(values, 'availability', AvailabilitySchema);
      return {
        groupId: group === undefined ? '' : await groupIdOf(session.client, group),
        availability,
        filter: textOf(values, 'filter') ?? '',
        orderBy: textOf(values, 'order-by') ?? '',
        showDeleted: values['deleted'] === true,
      };
    },
  });

/** `docket agents show AGENT` */
export const makeShowCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: AgentService.method.getAgent,
    description: 'Show an agent with all his fields',
    explanation: { examples: ['agents show ada'] },
    args: { agent: agentArgument },
    request: (values) => ({ agentId: textOf(values, 'agent') ?? '' }),
  });

/** `docket agents workload AGENT` */
export const makeWorkloadCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: AgentService.method.getWorkload,
    description: 'Show what an agent holds, by status, priority and group',
    explanation: { examples: ['agents workload ada'] },
    args: { agent: agentArgument },
    request: (values) => ({ agentId: textOf(values, 'agent') ?? '' }),
  });
