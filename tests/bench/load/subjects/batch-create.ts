import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { BatchCreateTicketsRequestSchema, BatchCreateTicketsResponseSchema } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import { openChannel } from '../channel.ts';
import type { Subject } from '../subject.ts';
import { type CreateTicketParameters, FIRST_USER, patchable } from './create-ticket.ts';

export const BATCH_CREATE = '/ticketing.v1.TicketService/BatchCreateTickets';
const SAMPLE_REQUEST = '00000000-0000-4000-8000-000000000000';
/** One answer in so many is decoded and counted; of the others the status and the form are checked. */
const LOOKED_AT = 8;

/** BatchCreateTickets, so many tickets a call, each about another user. */
export async function openBatchCreate({ client, ports, token, groupIds, tickets }: CreateTicketParameters & { readonly tickets: number }): Promise<Subject> {
  const channel = openChannel(client, ports[0] as number, token);
  const requests = Array.from({ length: tickets }, (_, at) => ({
    groupId: groupIds[at % groupIds.length] as string,
    userId: BigInt(FIRST_USER + at),
    title: 'Cannot log in',
  }));
  const message = create(BatchCreateTicketsRequestSchema, { requests, requestId: SAMPLE_REQUEST });
  const template = patchable(Buffer.from(toBinary(BatchCreateTicketsRequestSchema, message)), SAMPLE_REQUEST);
  let answers = 0;
  return {
    async call() {
      const answer = await channel.unary(BATCH_CREATE, template.next());
      if (answers++ % LOOKED_AT === 0) {
        const made = fromBinary(BatchCreateTicketsResponseSchema, answer).tickets.filter((ticket) => ticket.agentId !== '').length;
        if (made !== tickets) throw new Error(`of ${tickets} tickets ${made} came with an agent`);
      }
      return tickets;
    },
    close: async () => channel.close(),
  };
}
