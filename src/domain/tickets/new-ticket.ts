import type { CreateTicketRequest } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import { newId } from '../../foundation/ids.ts';
import { checkAttributes } from './attributes.ts';
import type { NewTicket } from './create.ts';
import { PRIORITY } from './rules.ts';

/** The ticket that a request asks for, with an id of its own; `path` is what the caller calls the request. Throws what cannot be kept as it is. */
export function toNewTicket(request: CreateTicketRequest, path: string): NewTicket {
  return {
    ticketId: newId(),
    groupId: request.groupId.toLowerCase(),
    userId: String(request.userId),
    priority: request.priority || PRIORITY.MEDIUM,
    title: request.title,
    description: request.description,
    attributes: checkAttributes(request.attributes ?? {}, `${path}attributes`),
    labels: request.labels,
    agentId: request.agentId || undefined,
    uniquePerUser: request.uniquePerUser,
    externalReferences: request.externalReferences,
  };
}
