import { ConnectError } from '@connectrpc/connect';
import { createDocketClient, reasonOf, violationsOf } from 'docket-client';
import { Priority } from 'docket-client/gen/ticketing/v1/ticket_pb.js';

const groupId = process.env['GROUP_ID'] ?? '';
const docket = createDocketClient({
  baseUrl: `http://${process.env['DOCKET_ADDRESS'] ?? '127.0.0.1:50051'}`,
  token: process.env['DOCKET_TOKEN'] ?? '',
  reason: 'the example of docs/clients.md',
});

try {
  // Create. A request id comes along by itself; here it is kept, to repeat the call below.
  const intended = { groupId, userId: 4711n, priority: Priority.HIGH, title: 'Cannot log in', requestId: crypto.randomUUID() };
  const { ticket } = await docket.tickets.createTicket(intended);
  console.log(`created ${ticket?.key} for ${ticket?.agentId || 'nobody yet'}`);
  await docket.tickets.createTicket({ groupId, userId: 4712n });
  await docket.tickets.createTicket({ groupId, userId: 4713n });

  // List, item by item or page by page.
  let count = 0;
  for await (const _ of docket.tickets.listTickets({ groupId, pageSize: 2 })) count += 1;
  for await (const page of docket.tickets.listTickets({ groupId, pageSize: 2 }).pages()) {
    console.log(`page: ${page.tickets.map((each) => each.key).join(' ')}`);
  }
  console.log(`${count} tickets`);

  // Fail.
  try {
    await docket.tickets.createTicket({ groupId, userId: -1n });
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    console.log(`refused: ${reasonOf(error)}, ${violationsOf(error)[0]?.field} ${violationsOf(error)[0]?.description}`);
  }

  // Repeat: the same request under the same id is one change.
  const again = await docket.tickets.createTicket(intended);
  console.log(`repeated: ${again.ticket?.key} again`);
} finally {
  docket.close();
}
