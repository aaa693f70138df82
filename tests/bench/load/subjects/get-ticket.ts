import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { GetTicketRequestSchema, GetTicketResponseSchema } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import { openConnections } from '../../competitors/hand-written.ts';
import { type ClientKind, openChannel } from '../channel.ts';
import type { Subject } from '../subject.ts';

/** Which tickets are read, and where. */
export interface GetTicketParameters {
  readonly client: ClientKind;
  readonly port: number;
  readonly token: string;
  readonly ticketIds: readonly string[];
}

/** One answer in so many is decoded and held against its request. */
const LOOKED_AT = 64;

const anyOf = (ids: readonly string[]): string => ids[Math.floor(Math.random() * ids.length)] as string;

/** GetTicket of one ticket at random, by its id. */
export async function openGetTicket({ client, port, token, ticketIds }: GetTicketParameters): Promise<Subject> {
  const channel = openChannel(client, port, token);
  const template = Buffer.from(toBinary(GetTicketRequestSchema, create(GetTicketRequestSchema, { ticketId: ticketIds[0] as string })));
  const idAt = template.indexOf(ticketIds[0] as string);
  let answers = 0;
  return {
    async call() {
      const ticketId = anyOf(ticketIds);
      const request = Buffer.from(template);
      request.write(ticketId, idAt, 'latin1');
      const answer = await channel.unary('/ticketing.v1.TicketService/GetTicket', request);
      if (answers++ % LOOKED_AT === 0 && fromBinary(GetTicketResponseSchema, answer).ticket?.ticketId !== ticketId) throw new Error('another ticket came');
      return 0;
    },
    close: async () => channel.close(),
  };
}

const SELECT = { name: 'ticket', text: 'SELECT * FROM docket.tickets WHERE ticket_id = $1' };

/** The raw SELECT of one ticket at random by its primary key: prepared, a connection for each call in flight. */
export async function openSelect(
  { databaseUrl, ticketIds }: { readonly databaseUrl: string; readonly ticketIds: readonly string[] },
  inFlight: number,
): Promise<Subject> {
  const clients = await openConnections(databaseUrl, inFlight);
  return {
    async call(worker) {
      const { rowCount } = await (clients[worker] as (typeof clients)[number]).query({ ...SELECT, values: [anyOf(ticketIds)] });
      if (rowCount !== 1) throw new Error('the ticket is not there');
      return 0;
    },
    async close() {
      for (const client of clients) await client.end();
    },
  };
}
