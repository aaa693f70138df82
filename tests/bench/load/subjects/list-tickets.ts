import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { ListTicketsRequestSchema, ListTicketsResponseSchema } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import { type ClientKind, openChannel } from '../channel.ts';
import type { Subject } from '../subject.ts';

/** What is listed. */
export interface ListTicketsParameters {
  readonly client: ClientKind;
  readonly port: number;
  readonly token: string;
  readonly request: MessageInitShape<typeof ListTicketsRequestSchema>;
  /** Tickets that must come. */
  readonly expected: number;
}

const LIST_TICKETS = '/ticketing.v1.TicketService/ListTickets';
/** One answer in so many is decoded and counted. */
const LOOKED_AT = 64;

/** ListTickets, one and the same page again and again. */
export async function openListTickets({ client, port, token, request, expected }: ListTicketsParameters): Promise<Subject> {
  const channel = openChannel(client, port, token);
  const bytes = Buffer.from(toBinary(ListTicketsRequestSchema, create(ListTicketsRequestSchema, request)));
  let answers = 0;
  return {
    async call() {
      const answer = await channel.unary(LIST_TICKETS, bytes);
      if (answers++ % LOOKED_AT === 0) {
        const came = fromBinary(ListTicketsResponseSchema, answer).tickets.length;
        if (came !== expected) throw new Error(`${came} tickets came instead of ${expected}`);
      }
      return 0;
    },
    close: async () => channel.close(),
  };
}
