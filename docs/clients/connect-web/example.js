import { ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-web';
import { BadRequestSchema, ErrorInfoSchema } from './gen/google/rpc/error_details_pb.js';
import { Priority } from './gen/ticketing/v1/ticket_pb.js';
import { TicketService } from './gen/ticketing/v1/ticket_service_pb.js';

// A real page has the token from its sign-in. What follows # in an address is sent to nobody.
const { token, group: groupId, address = 'http://127.0.0.1:8080' } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

const authenticate = (next) => (request) => {
  request.header.set('authorization', `Bearer ${token}`);
  return next(request);
};
const transport = createConnectTransport({ baseUrl: address, defaultTimeoutMs: 10_000, interceptors: [authenticate] });
const tickets = createClient(TicketService, transport);
const tell = (line) => document.querySelector('#lines').append(`${line}\n`);

async function run() {
  // Create.
  const intended = { groupId, userId: 4711n, priority: Priority.HIGH, title: 'Cannot log in', requestId: crypto.randomUUID() };
  const { ticket } = await tickets.createTicket(intended);
  tell(`created ${ticket.key} for ${ticket.agentId || 'nobody yet'}`);
  await tickets.createTicket({ groupId, userId: 4712n, requestId: crypto.randomUUID() });
  await tickets.createTicket({ groupId, userId: 4713n, requestId: crypto.randomUUID() });

  // List page by page.
  let count = 0;
  let pageToken = '';
  do {
    const page = await tickets.listTickets({ groupId, pageSize: 2, pageToken });
    tell(`page: ${page.tickets.map(({ key }) => key).join(' ')}`);
    count += page.tickets.length;
    pageToken = page.nextPageToken;
  } while (pageToken);
  tell(`${count} tickets`);

  // Fail.
  try {
    await tickets.createTicket({ groupId, userId: -1n, requestId: crypto.randomUUID() });
  } catch (caught) {
    const error = ConnectError.from(caught);
    const [{ reason }] = error.findDetails(ErrorInfoSchema);
    const [{ field, description }] = error.findDetails(BadRequestSchema)[0].fieldViolations;
    tell(`refused: ${reason}, ${field} ${description}`);
  }

  // Repeat: the same request under the same id is one change.
  const again = await tickets.createTicket(intended);
  tell(`repeated: ${again.ticket.key} again`);
}

try {
  await run();
} catch (error) {
  tell(`failed: ${error.message}`);
}
tell('done');
