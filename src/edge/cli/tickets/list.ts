import { ConnectError } from '@connectrpc/connect';
import { AgentService } from '../../../../gen/ticketing/v1/agent_service_pb.ts';
import { PrioritySchema, type Ticket, TicketStatusSchema } from '../../../../gen/ticketing/v1/ticket_pb.ts';
import { TicketService } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import { reasonOf } from '../../../client/index.ts';
import { groupIdOf } from '../groups-by-key.ts';
import { type Column, timeText } from '../output/table.ts';
import type { FindService } from '../reach.ts';
import { choicesOf, chosen, shortNameOf, wholeNumber } from '../rpc/choices.ts';
import { makeRpcCommand } from '../rpc/command.ts';
import { callUnary, type Session, text, textOf } from '../rpc/session.ts';

const columns: Column<Ticket>[] = [
  { heading: 'KEY', of: ({ key }) => key },
  { heading: 'STATUS', of: ({ status }) => shortNameOf(TicketStatusSchema, status) },
  { heading: 'PRIORITY', of: ({ priority }) => shortNameOf(PrioritySchema, priority) },
  { heading: 'AGENT', of: ({ agentId }) => agentId || '-' },
  { heading: 'USER', of: ({ userId }) => String(userId) },
  { heading: 'CREATED', of: ({ createTime }) => timeText(createTime) },
  { heading: 'TITLE', of: ({ title }) => title, cut: true },
];

async function isAgent(session: Session, agentId: string): Promise<boolean> {
  try {
    await callUnary(session, AgentService.method.getAgent, { agentId });
    return true;
  } catch (error) {
    if (error instanceof ConnectError && reasonOf(error) === 'AGENT_NOT_FOUND') return false;
    throw error;
  }
}

/** `docket tickets list` */
export const makeListCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: TicketService.method.listTickets,
    description: 'List tickets, the newest first',
    explanation: {
      examples: [
        'tickets list --group KYC --status open,in-progress',
        'tickets list --agent ada --limit 0 -o ndjson',
        'tickets list --unassigned --order-by "priority desc, create_time"',
        `tickets list --filter 'priority >= HIGH && create_time > timestamp("2026-11-01T00:00:00Z")'`,
      ],
    },
    args: {
      group: text('Of this group', 'key|id'),
      agent: text('Of this agent', 'id'),
      user: text('About this user', 'number'),
      status: text(choicesOf(TicketStatusSchema).join(', '), 'status,…'),
      priority: text(choicesOf(PrioritySchema).join(', '), 'priority,…'),
      unassigned: { type: 'boolean', description: 'Those that nobody has' },
      filter: text('A condition in CEL over the fields of a ticket; docs/command-line.md has examples', 'condition'),
      'order-by': text('Fields such as "priority desc, create_time"', 'fields'),
    },
    columns,
    async tellEmpty(values, session) {
      const agentId = textOf(values, 'agent');
      return agentId === undefined || (await isAgent(session, agentId))
        ? undefined
        : `There is no agent ${agentId}, or none that you may see; \`docket agents list\` shows them.`;
    },
    async request(values, session) {
      const group = textOf(values, 'group');
      const user = textOf(values, 'user');
      return {
        ...(group !== undefined && { groupId: await groupIdOf(session.client, group) }),
        agentId: textOf(values, 'agent') ?? '',
        ...(user !== undefined && { userId: wholeNumber('--user', user) }),
        statuses: chosen(values, 'status', TicketStatusSchema),
        priorities: chosen(values, 'priority', PrioritySchema),
        unassigned: values['unassigned'] === true,
        filter: textOf(values, 'filter') ?? '',
        orderBy: textOf(values, 'order-by') ?? '',
      };
    },
  });
