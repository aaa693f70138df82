import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TicketStatus } from '../../gen/ticketing/v1/ticket_pb.ts';
import { splitPools } from '../../src/domain/groups/index.ts';
import { makeMetrics } from '../../src/foundation/metrics.ts';
import { createHarness, type Harness } from '../support/harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await createHarness();
});
afterAll(() => harness.close());

const poolsOf = async (keys: readonly string[]) =>
  (await harness.sql<{ pool_id: string }>('SELECT pool_id FROM group_pools JOIN groups USING (group_id) WHERE key = ANY ($1) ORDER BY key', [keys])).map(
    (row) => row.pool_id,
  );

it('parts groups that share nobody any more, but not while somebody still holds their tickets', async () => {
  const { groups, agents, tickets } = harness.callAs('admin');
  const make = async (key: string) => (await groups.createGroup({ group: { key, name: key } })).group?.groupId as string;
  const [left, right] = [await make('LEFT'), await make('RIGHT')];
  await agents.createAgent({ agent: { agentId: 'both', groupIds: [left, right] } });
  await agents.createAgent({ agent: { agentId: 'one', groupIds: [left] } });
  expect(new Set(await poolsOf(['LEFT', 'RIGHT'])).size).toBe(1);

  const run = () =>
    splitPools.run(
      {},
      { orm: harness.orm, queue: harness.queue, log: pino({ level: 'silent' }), metrics: makeMetrics(), signal: new AbortController().signal },
    );
  await run();
  expect(new Set(await poolsOf(['LEFT', 'RIGHT'])).size).toBe(1);

  // Gone from the group, yet with one of its tickets on his desk: his counters still tie the two together.
  const held = (await tickets.createTicket({ groupId: right, userId: 6n })).ticket;
  expect(held?.agentId).toBe('both');
  await harness.sql('DELETE FROM memberships WHERE group_id = $1', [right]);
  await run();
  expect(new Set(await poolsOf(['LEFT', 'RIGHT'])).size).toBe(1);
  await tickets.updateTicket({ ticket: { ticketId: held?.key ?? '', status: TicketStatus.RESOLVED } });
  await run();
  expect(new Set(await poolsOf(['LEFT', 'RIGHT'])).size).toBe(2);

  const { ticket } = await tickets.createTicket({ groupId: right, userId: 7n });
  expect(ticket?.agentId).toBe('');
  await groups.addGroupMembers({ groupId: right, agentIds: ['both'] });
  expect(new Set(await poolsOf(['LEFT', 'RIGHT'])).size).toBe(1);
  expect((await tickets.getTicket({ ticketId: ticket?.key ?? '' })).ticket?.agentId).toBe('both');
});
