import { randomUUID } from 'node:crypto';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const files = ['ticketing/v1/ticket_service.proto', 'google/rpc/status.proto', 'google/rpc/error_details.proto'];
const definition = loader.loadSync(files, { includeDirs: ['../contract'], keepCase: true, longs: String, enums: String });
const { ticketing } = grpc.loadPackageDefinition(definition);

const address = process.env.DOCKET_ADDRESS ?? '127.0.0.1:50051';
const group_id = process.env.GROUP_ID;
const tickets = new ticketing.v1.TicketService(address, grpc.credentials.createInsecure());
const metadata = new grpc.Metadata();
metadata.set('authorization', `Bearer ${process.env.DOCKET_TOKEN}`);

/** One call, with a deadline of ten seconds. */
function call(method, request) {
  return new Promise((resolve, reject) => {
    tickets[method](request, metadata, { deadline: Date.now() + 10_000 }, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

/** The details of a failure by the names of their types. */
function detailsOf(error) {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const { details = [] } = bytes ? definition['google.rpc.Status'].deserialize(bytes) : {};
  return Object.fromEntries(
    details.map(({ type_url, value }) => {
      const name = type_url.split('/').pop();
      return [name, definition[name].deserialize(value)];
    }),
  );
}

// Create.
const intended = { group_id, user_id: '4711', priority: 'PRIORITY_HIGH', title: 'Cannot log in', request_id: randomUUID() };
const { ticket } = await call('CreateTicket', intended);
console.log(`created ${ticket.key} for ${ticket.agent_id || 'nobody yet'}`);
await call('CreateTicket', { group_id, user_id: '4712', request_id: randomUUID() });
await call('CreateTicket', { group_id, user_id: '4713', request_id: randomUUID() });

// List page by page.
let count = 0;
let page_token = '';
do {
  const page = await call('ListTickets', { group_id, page_size: 2, page_token });
  console.log(`page: ${page.tickets.map(({ key }) => key).join(' ')}`);
  count += page.tickets.length;
  page_token = page.next_page_token;
} while (page_token);
console.log(`${count} tickets`);

// Fail.
try {
  await call('CreateTicket', { group_id, user_id: '-1', request_id: randomUUID() });
} catch (error) {
  const { reason } = detailsOf(error)['google.rpc.ErrorInfo'];
  const [{ field, description }] = detailsOf(error)['google.rpc.BadRequest'].field_violations;
  console.log(`refused: ${reason}, ${field} ${description}`);
}

// Repeat: the same request under the same id is one change.
const again = await call('CreateTicket', intended);
console.log(`repeated: ${again.ticket.key} again`);
tickets.close();
