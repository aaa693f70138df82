// Least: tickets created by the least program that leaves the same rows behind. Sends its port to the process that started it.
import { hash } from 'node:crypto';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import pg from 'pg';
import { Priority, TicketStatus } from '../../../../gen/ticketing/v1/ticket_pb.ts';
import { type CreateTicketRequest, TicketService } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import { toTimestamp } from '../../../../src/foundation/clock.ts';
import { newId } from '../../../../src/foundation/ids.ts';
import { BATCH_CREATE } from '../../load/subjects/batch-create.ts';
import { CREATE_TICKET } from '../../load/subjects/create-ticket.ts';

const [databaseUrl, groupId = '', agents = ''] = process.argv.slice(2);

/** As few plans and as little looking around as PostgreSQL allows. */
const SETTINGS = 'SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off';
const CREATE = { name: 'create', text: `SELECT docket.create_least(${Array.from({ length: 13 }, (_, at) => `$${at + 1}`).join(', ')})` };
/** Batches under way at once: one waits for the pool's lock while the other is written. */
const LANES = 2;
/** Half of what waits, as Docket takes it, so that the database and this program work at the same time. */
const shareOf = (waiting: number): number => Math.max(16, Math.ceil(waiting / 2));

/** A call, and the tickets that it asks for. */
interface Waiting {
  readonly bytes: Buffer;
  readonly requestId: string;
  readonly requests: readonly CreateTicketRequest[];
  readonly answer: sendUnaryData<Buffer>;
}

const { createTicket, batchCreateTickets } = TicketService.method;
const singles: Waiting[] = [];
const batches: Waiting[] = [];
const free = await Promise.all(Array.from({ length: LANES }, connect));
let created = 0;

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(SETTINGS);
  return client;
}

/** With the next agent in turn, which is the one with the fewest as long as nobody else gives out tickets. */
function ticketFor({ userId, title }: CreateTicketRequest, at: string) {
  const agentId = `agent-${1 + (created % Number(agents))}`;
  created += 1;
  const time = toTimestamp(at);
  return {
    ...{ ticketId: newId(), key: `G1-${created}`, groupId, userId, agentId, title, status: TicketStatus.OPEN, priority: Priority.MEDIUM, etag: '1' },
    ...{ createTime: time, updateTime: time, assignTime: time, waitStartTime: time },
  };
}

async function carryOut(client: pg.Client, calls: readonly Waiting[], encode: (tickets: readonly ReturnType<typeof ticketFor>[]) => Buffer, rpc: string) {
  const at = new Date().toISOString();
  const done = calls.map(({ bytes, requestId, requests, answer }) => {
    const tickets = requests.map((request) => ticketFor(request, at));
    return { key: newId(), requestId, hash: hash('sha256', bytes, 'buffer'), tickets, encoded: encode(tickets), answer };
  });
  const tickets = done.flatMap((one) => one.tickets);
  const columns = (['ticketId', 'userId', 'title', 'agentId'] as const).map((name) => tickets.map((ticket) => ticket[name]));
  const keys = done.flatMap((one) => one.tickets.map(() => one.key));
  const calling = (['key', 'requestId', 'hash', 'encoded'] as const).map((name) => done.map((one) => one[name]));
  await client.query({ ...CREATE, values: [groupId, created, at, ...columns, keys, rpc, ...calling] });
  for (const { answer, encoded } of done) answer(null, encoded);
}

const encodeOne = ([ticket]: readonly ReturnType<typeof ticketFor>[]): Buffer =>
  Buffer.from(toBinary(createTicket.output, create(createTicket.output, ticket ? { ticket } : {})));
const encodeMany = (tickets: readonly ReturnType<typeof ticketFor>[]): Buffer =>
  Buffer.from(toBinary(batchCreateTickets.output, create(batchCreateTickets.output, { tickets: [...tickets] })));

async function work(client: pg.Client): Promise<void> {
  for (;;) {
    const [batch] = batches.splice(0, 1);
    if (batch) await carryOut(client, [batch], encodeMany, 'ticketing.v1.TicketService/BatchCreateTickets');
    else if (singles.length > 0) await carryOut(client, singles.splice(0, shareOf(singles.length)), encodeOne, 'ticketing.v1.TicketService/CreateTicket');
    else break;
  }
  free.push(client);
}

function enqueue(line: Waiting[], call: Waiting): void {
  line.push(call);
  const client = free.pop();
  if (client) void work(client);
}

const asIs = (bytes: Buffer): Buffer => bytes;
const unary = (path: string) => ({
  ...{ path, requestStream: false, responseStream: false },
  ...{ requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs },
});
const server = new Server();
server.addService(
  { one: unary(CREATE_TICKET), many: unary(BATCH_CREATE) },
  {
    one({ request: bytes }: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) {
      const request = fromBinary(createTicket.input, bytes);
      enqueue(singles, { bytes, requestId: request.requestId, requests: [request], answer });
    },
    many({ request: bytes }: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) {
      const { requestId, requests } = fromBinary(batchCreateTickets.input, bytes);
      enqueue(batches, { bytes, requestId, requests, answer });
    },
  },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.send?.({ port });
});
process.on('disconnect', () => process.exit(0));
