import { TicketService } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import type { FindService } from '../reach.ts';
import { makeRpcCommand } from '../rpc/command.ts';
import { textOf } from '../rpc/session.ts';

/** Names one ticket. */
export const ticketArgument = { type: 'positional', required: true, description: 'Its key, such as KYC-1042, or its id' } as const;

/** `docket tickets show TICKET` */
export const makeShowCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: TicketService.method.getTicket,
    description: 'Show a ticket with all its fields',
    explanation: { examples: ['tickets show KYC-1042', 'tickets show KYC-1042 -o yaml'] },
    args: { ticket: ticketArgument },
    request: (values) => ({ ticketId: textOf(values, 'ticket') ?? '' }),
  });
