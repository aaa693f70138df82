import { randomUUID } from 'node:crypto';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { CreateTicketRequestSchema, CreateTicketResponseSchema } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import { type ClientKind, openChannel } from '../channel.ts';
import type { Subject } from '../subject.ts';

/** Where tickets are created. */
export interface CreateTicketParameters {
  readonly client: ClientKind;
  /** Of one or several processes of the service; the workers are spread over them. */
  readonly ports: readonly number[];
  readonly token: string;
  /** One of them at random for each ticket. */
  readonly groupIds: readonly string[];
}

export const CREATE_TICKET = '/ticketing.v1.TicketService/CreateTicket';

/** One answer in so many is decoded and looked at; of every one the status and the form are checked. */
const LOOKED_AT = 64;

const SAMPLE_ID = '00000000-0000-4000-8000-000000000000';
/** Tickets are about so many users, numbered from the first: each number takes five bytes on the wire. */
export const FIRST_USER = 2 ** 28;
export const USERS = 1_000_000;

/** An encoded request whose copies get a request id of their own: the load costs as little as it can. */
export function patchable(bytes: Buffer, sampleId: string): { readonly bytes: Buffer; next(): Buffer } {
  const idAt = bytes.indexOf(sampleId);
  return {
    bytes,
    next() {
      const request = Buffer.from(bytes);
      request.write(randomUUID(), idAt, 'latin1');
      return request;
    },
  };
}

/** Makes requests for tickets about users at random, in one of the groups each. */
export function createTicketRequests(groupIds: readonly string[]): () => Buffer {
  const templates = groupIds.map((groupId) => {
    const message = create(CreateTicketRequestSchema, { groupId, userId: BigInt(FIRST_USER), title: 'Cannot log in', requestId: SAMPLE_ID });
    const template = patchable(Buffer.from(toBinary(CreateTicketRequestSchema, message)), SAMPLE_ID);
    return { template, userAt: template.bytes.indexOf(varint(FIRST_USER)) };
  });
  return () => {
    const { template, userAt } = templates[Math.floor(Math.random() * templates.length)] as (typeof templates)[number];
    const request = template.next();
    varint(FIRST_USER + Math.floor(Math.random() * USERS)).copy(request, userAt);
    return request;
  };
}

/** A number from 2²⁸ on, below 2³¹, as protobuf writes it. */
function varint(value: number): Buffer {
  return Buffer.from([value | 0x80, (value >> 7) | 0x80, (value >> 14) | 0x80, (value >> 21) | 0x80, value >> 28]);
}

/** Looks at an answer now and then. @throws Error when it is not a ticket with an agent. */
export function makeTicketCheck(): (answer: Buffer) => void {
  let answers = 0;
  return (answer) => {
    if (answers++ % LOOKED_AT !== 0) return;
    const { ticket } = fromBinary(CreateTicketResponseSchema, answer);
    if (!ticket?.agentId || !ticket.key) throw new Error(`a ticket came without ${ticket?.agentId ? 'a key' : 'an agent'}`);
  };
}

/** CreateTicket over gRPC, with a request id of its own each time. */
export async function openCreateTicket({ client, ports, token, groupIds }: CreateTicketParameters): Promise<Subject> {
  const channels = ports.map((port) => openChannel(client, port, token));
  const nextRequest = createTicketRequests(groupIds);
  const check = makeTicketCheck();
  return {
    async call(worker) {
      const channel = channels[worker % channels.length] as (typeof channels)[number];
      check(await channel.unary(CREATE_TICKET, nextRequest()));
      return 1;
    },
    async close() {
      for (const channel of channels) channel.close();
    },
  };
}
