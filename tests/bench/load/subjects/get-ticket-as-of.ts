import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { GetTicketRequestSchema, GetTicketResponseSchema } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import { type ClientKind, openChannel } from '../channel.ts';
import type { Subject } from '../subject.ts';

/** A ticket, and since when it is there, in milliseconds since 1970. */
export interface KnownTicket {
  readonly ticketId: string;
  readonly createMs: number;
}

/** Which tickets are read, and where; each at an instant between its creation and `untilMs`. */
export interface GetTicketAsOfParameters {
  readonly client: ClientKind;
  readonly port: number;
  readonly token: string;
  readonly tickets: readonly KnownTicket[];
  readonly untilMs: number;
}

/** One answer in so many is decoded and held against its request. */
const LOOKED_AT = 64;

/** GetTicket of one ticket at random, as of an instant at random at which it was there. Requests are encoded beforehand. */
export async function openGetTicketAsOf({ client, port, token, tickets, untilMs }: GetTicketAsOfParameters): Promise<Subject> {
  const channel = openChannel(client, port, token);
  const requests = tickets.map(({ ticketId, createMs }) => {
    const asOf = timestampFromMs(Math.floor(createMs + 1 + Math.random() * (untilMs - createMs - 1)));
    return { ticketId, bytes: Buffer.from(toBinary(GetTicketRequestSchema, create(GetTicketRequestSchema, { ticketId, asOf }))) };
  });
  let answers = 0;
  return {
    async call() {
      const { ticketId, bytes } = requests[Math.floor(Math.random() * requests.length)] as (typeof requests)[number];
      const answer = await channel.unary('/ticketing.v1.TicketService/GetTicket', bytes);
      if (answers++ % LOOKED_AT === 0 && fromBinary(GetTicketResponseSchema, answer).ticket?.ticketId !== ticketId) throw new Error('another ticket came');
      return 0;
    },
    close: async () => channel.close(),
  };
}
