import { PrioritySchema, TicketStatusSchema } from '../../../../gen/ticketing/v1/ticket_pb.ts';
import { TicketService } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import { groupIdOf } from '../groups-by-key.ts';
import type { FindService } from '../reach.ts';
import { choicesOf, chosen, listed, maskOf, wholeNumber } from '../rpc/choices.ts';
import { makeRpcCommand } from '../rpc/command.ts';
import { text, textOf } from '../rpc/session.ts';
import { ticketArgument } from './show.ts';

const fields = {
  title: text('At most 200 characters', 'text'),
  description: text('At most 10,000 characters', 'text'),
  priority: text(choicesOf(PrioritySchema).join(', '), 'priority'),
  labels: text('Separated by commas', 'label,…'),
  agent: text('Who is to have it, whoever is next in line', 'id'),
};

/** `docket tickets create` */
export const makeCreateCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: TicketService.method.createTicket,
    description: 'Create a ticket; it is given to an agent at once, if one can take it',
    explanation: { examples: ['tickets create --group KYC --user 4711 --title "Passport expired" --priority high'] },
    args: {
      group: { ...text('The group that it belongs to', 'key|id'), required: true },
      user: { ...text('The user whom it is about', 'number'), required: true },
      ...fields,
      'unique-per-user': { type: 'boolean', description: 'Not if the user has a pending ticket in the group' },
    },
    async request(values, session) {
      const [priority = 0] = chosen(values, 'priority', PrioritySchema);
      return {
        groupId: await groupIdOf(session.client, textOf(values, 'group') ?? ''),
        userId: wholeNumber('--user', textOf(values, 'user') ?? ''),
        title: textOf(values, 'title') ?? '',
        description: textOf(values, 'description') ?? '',
        labels: listed(values, 'labels'),
        agentId: textOf(values, 'agent') ?? '',
        uniquePerUser: values['unique-per-user'] === true,
        priority,
      };
    },
  });

/** `docket tickets update TICKET` */
export const makeUpdateCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: TicketService.method.updateTicket,
    description: 'Change a ticket: the fields that are named, and no others',
    explanation: {
      examples: [
        'tickets update KYC-1042 --status in-progress',
        'tickets update KYC-1042 --agent ada --reason "knows the user"',
        "tickets update KYC-1042 --agent ''",
      ],
      more: 'An empty value clears a field; without an agent the ticket is given out anew, to another one.',
    },
    args: {
      ticket: ticketArgument,
      status: text(choicesOf(TicketStatusSchema).join(', '), 'status'),
      ...fields,
      group: text('The group to move it to', 'key|id'),
    },
    async request(values, session) {
      const updateMask = maskOf(values, pathOf);
      const [status = 0] = chosen(values, 'status', TicketStatusSchema);
      const [priority = 0] = chosen(values, 'priority', PrioritySchema);
      const group = textOf(values, 'group');
      return {
        ticket: {
          ticketId: textOf(values, 'ticket') ?? '',
          status,
          priority,
          agentId: textOf(values, 'agent') ?? '',
          title: textOf(values, 'title') ?? '',
          description: textOf(values, 'description') ?? '',
          labels: listed(values, 'labels'),
          groupId: group === undefined ? '' : await groupIdOf(session.client, group),
        },
        updateMask,
      };
    },
  });

/** The field that an option changes. */
const pathOf: Readonly<Record<string, string>> = {
  status: 'status',
  agent: 'agent_id',
  priority: 'priority',
  title: 'title',
  description: 'description',
  labels: 'labels',
  group: 'group_id',
};
