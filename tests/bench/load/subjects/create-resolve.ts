import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { TicketStatus } from '../../../../gen/ticketing/v1/ticket_pb.ts';
import { CreateTicketResponseSchema, UpdateTicketRequestSchema } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import { openChannel } from '../channel.ts';
import type { Subject } from '../subject.ts';
import { CREATE_TICKET, type CreateTicketParameters, createTicketRequests, patchable } from './create-ticket.ts';

const UPDATE_TICKET = '/ticketing.v1.TicketService/UpdateTicket';
const SAMPLE_TICKET = '00000000-0000-7000-8000-000000000000';
const SAMPLE_REQUEST = '00000000-0000-4000-8000-000000000000';
/** Beginning of an answer: the ticket, and in it first the ticket's id of 36 characters. */
const ID_FIELD = Buffer.from([0x0a, 36]);
const ID_LENGTH = 36;

/** Every worker creates a ticket, then resolves it, and so on: half of all calls are resolves. */
export async function openCreateResolve({ client, ports, token, groupIds }: CreateTicketParameters): Promise<Subject> {
  const channel = openChannel(client, ports[0] as number, token);
  const nextCreation = createTicketRequests(groupIds);
  const nextResolve = resolveRequests();
  const toResolve = new Map<number, string>();
  return {
    async call(worker) {
      const ticketId = toResolve.get(worker);
      if (ticketId === undefined) {
        toResolve.set(worker, ticketIdIn(await channel.unary(CREATE_TICKET, nextCreation())));
        return 1;
      }
      toResolve.delete(worker);
      await channel.unary(UPDATE_TICKET, nextResolve(ticketId));
      return 0;
    },
    close: async () => channel.close(),
  };
}

function resolveRequests(): (ticketId: string) => Buffer {
  const message = create(UpdateTicketRequestSchema, { ticket: { ticketId: SAMPLE_TICKET, status: TicketStatus.RESOLVED }, requestId: SAMPLE_REQUEST });
  const template = patchable(Buffer.from(toBinary(UpdateTicketRequestSchema, message)), SAMPLE_REQUEST);
  const ticketAt = template.bytes.indexOf(SAMPLE_TICKET);
  return (ticketId) => {
    const request = template.next();
    request.write(ticketId, ticketAt, 'latin1');
    return request;
  };
}

/** The id is where the encoder puts it, near the front; should that change one day, the whole answer is decoded. */
function ticketIdIn(answer: Buffer): string {
  const at = answer.indexOf(ID_FIELD);
  if (at > 0 && at <= 4) return answer.toString('latin1', at + ID_FIELD.length, at + ID_FIELD.length + ID_LENGTH);
  return fromBinary(CreateTicketResponseSchema, answer).ticket?.ticketId ?? '';
}
