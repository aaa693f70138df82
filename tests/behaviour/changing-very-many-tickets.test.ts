import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Availability } from '../../gen/ticketing/v1/agent_pb.ts';
import type { Group } from '../../gen/ticketing/v1/group_pb.ts';
import { OperationKind, OperationState } from '../../gen/ticketing/v1/operation_pb.ts';
import { Priority, TicketStatus } from '../../gen/ticketing/v1/ticket_pb.ts';
import { ticketReactions } from '../../src/domain/tickets/index.ts';
import { checkDatabase } from '../../src/edge/cli/check-invariants.ts';
import { jobs } from '../../src/edge/worker/index.ts';
import { CommandQueue } from '../../src/foundation/commands/queue.ts';
import { expectSound } from '../support/engine.ts';
import { createHarness, type Harness } from '../support/harness.ts';
import { beginRetitling, makeCrowdedGroup, takeOneStep } from '../support/operations.ts';
import { heldTickets, makeAgent, makeGroup, makeTickets } from '../support/team.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await createHarness();
});
afterAll(async () => {
  await expectSound(harness);
  const { findings } = await checkDatabase(harness.url);
  expect(findings.filter(({ violations }) => violations > 0)).toEqual([]);
  await harness.close();
});

const admin = () => harness.callAs('admin');

/** A group in which three agents have so many tickets. */
async function makeBusyGroup(key: string, count: number): Promise<Group> {
  const group = await makeGroup(harness, key);
  for (const name of ['a', 'b', 'c']) await makeAgent(harness, `${key}-${name}`, [group]);
  await makeTickets(harness, group, count);
  return group;
}

it('changes more than a thousand tickets by an operation: each once, with its own entry under the caller and his request id', async () => {
  const group = await makeBusyGroup('MANY', 1_300);
  const requestId = randomUUID();
  const request = { filter: `group_id == "${group.groupId}"`, patch: { priority: Priority.HIGH }, requestId, reason: 'a flood' };
  const { operationId, selectedCount, updatedCount } = await admin().tickets.bulkUpdateTickets(request);
  expect([selectedCount, updatedCount]).toEqual([1_300n, 0]);
  expect((await admin().tickets.bulkUpdateTickets(request)).operationId).toBe(operationId);
  await harness.runJobs(jobs);
  const { operation } = await admin().operations.getOperation({ operationId });
  expect(operation).toMatchObject({
    kind: OperationKind.BULK_UPDATE_TICKETS,
    state: OperationState.SUCCEEDED,
    actor: 'the-admin',
    requestId,
    reason: 'a flood',
    totalCount: 1_300n,
    doneCount: 1_300n,
    changedCount: 1_300n,
  });
  const entries = await harness.sql(
    `SELECT count(*)::int AS entries, count(DISTINCT entity_id)::int AS tickets FROM audit_entries
     WHERE entity_type = 'ticket' AND operation = 'UPDATE' AND actor = 'the-admin' AND request_id = $1 AND reason = 'a flood' AND rpc = 'ticketing.v1.TicketService/BulkUpdateTickets'`,
    [requestId],
  );
  expect(entries).toEqual([{ entries: 1_300, tickets: 1_300 }]);
  const own = await harness.sql(
    `SELECT operation, after ->> 'state' AS state, after ->> 'changed_count' AS changed FROM audit_entries WHERE entity_type = 'operation' AND entity_id = $1 ORDER BY entry_id`,
    [operationId],
  );
  expect(own).toEqual([
    { operation: 'CREATE', state: 'RUNNING', changed: '0' },
    { operation: 'UPDATE', state: 'SUCCEEDED', changed: '1300' },
  ]);
});

it('deals very many tickets out as one equal deal, chunk by chunk, whatever else is given out meanwhile', async () => {
  const group = await makeBusyGroup('DEAL', 30);
  const turn = (availability: Availability) => admin().agents.setAvailability({ agentId: 'DEAL-c', availability });
  await turn(Availability.AWAY);
  await makeAgent(harness, 'DEAL-leaver', [group]);
  await makeTickets(harness, group, 1_102, 'DEAL-leaver');
  const before = await heldTickets(harness, group);
  const { operationId } = await admin().tickets.reassignTickets({ fromAgentIds: ['DEAL-leaver'] });
  for (let step = 0; step < 3; step += 1) {
    await takeOneStep(harness, operationId);
    // The next chunk must not take these for what it dealt out.
    await makeTickets(harness, group, 7, 'DEAL-a');
    // Who comes back in the middle catches up with what the others have received.
    if (step === 0) await turn(Availability.AVAILABLE);
  }
  await harness.runJobs(jobs);
  const received = await countReceived(operationId);
  expect(Object.values(received).toSorted()).toEqual([367, 367, 368]);
  const after = await heldTickets(harness, group);
  expect(after['DEAL-a']).toBe((before['DEAL-a'] ?? 0) + (received['DEAL-a'] ?? 0) + 21);
  expect(after['DEAL-leaver']).toBeUndefined();
});

it('leaves tickets of a deal where they are that nobody can take, or that are not his any more', async () => {
  const group = await makeGroup(harness, 'STAY');
  await makeAgent(harness, 'STAY-from', [group]);
  await makeAgent(harness, 'STAY-to', [group], { maxOpenTickets: 400 });
  await makeAgent(harness, 'STAY-away', [group], { availability: Availability.AWAY });
  const tickets = await makeTickets(harness, group, 1_100, 'STAY-from');
  const { operationId } = await admin().tickets.reassignTickets({ fromAgentIds: ['STAY-from'] });
  await harness
    .callAs('admin')
    .tickets.bulkUpdateTickets({ ticketIds: tickets.slice(0, 50).map((ticket) => ticket.ticketId), patch: { agentId: 'STAY-away' } });
  await harness
    .callAs('admin')
    .tickets.bulkUpdateTickets({ ticketIds: tickets.slice(50, 80).map((ticket) => ticket.ticketId), patch: { status: TicketStatus.RESOLVED } });
  await harness.runJobs(jobs);
  expect(await tallyOf(operationId)).toEqual({
    'CHANGED ': 400,
    'UNCHANGED NOT_SELECTED': 50,
    'UNCHANGED NOT_PENDING': 30,
    'UNCHANGED NO_ELIGIBLE_AGENT': 620,
  });
  expect((await admin().operations.getOperation({ operationId })).operation).toMatchObject({ changedCount: 400n, unchangedCount: 700n, failedCount: 0n });
});

it('looks anew in each chunk at what the caller may do', async () => {
  const [kept, lost] = [
    await makeCrowdedGroup(harness, 'KEPT', 600, { supervisorIds: ['sue'] }),
    await makeCrowdedGroup(harness, 'LOST', 600, { supervisorIds: ['sue'] }),
  ];
  const sue = harness.callAs({ roles: ['supervisor'], actor: 'sue' });
  const { operationId } = await sue.tickets.bulkUpdateTickets({ filter: `group_id in ["${kept.groupId}", "${lost.groupId}"]`, patch: { title: 'hers' } });
  await takeOneStep(harness, operationId);
  await admin().groups.updateGroup({ group: { groupId: lost.groupId, supervisorIds: [] }, updateMask: { paths: ['supervisor_ids'] } });
  await harness.runJobs(jobs);
  const tally = await tallyOf(operationId);
  const titled = await harness.sql<{ count: number }>(`SELECT count(*)::int AS count FROM tickets WHERE title = 'hers' AND group_id = $1`, [lost.groupId]);
  expect(tally['FAILED TICKET_NOT_FOUND']).toBe(600 - (titled[0]?.count ?? 0));
  expect(titled[0]?.count).toBeLessThanOrEqual(250);
  expect(tally['CHANGED ']).toBe(600 + (titled[0]?.count ?? 0));
});

it('ends an operation whose service token is revoked, with what it did so far', async () => {
  const group = await makeCrowdedGroup(harness, 'TOKEN', 1_100);
  await harness.sql(`INSERT INTO service_tokens (token_id, prefix, secret_hash, name, roles) VALUES (gen_random_uuid(), 'pre', '\\x00', 'mover', '{service}')`);
  const mover = { roles: ['service'], actor: 'service:mover', actorKind: 'SERVICE' } as const;
  const operationId = await beginRetitling(harness, group, mover);
  await takeOneStep(harness, operationId);
  await harness.sql(`UPDATE service_tokens SET revoke_time = docket_now() WHERE name = 'mover'`);
  await harness.runJobs(jobs);
  expect((await admin().operations.getOperation({ operationId })).operation).toMatchObject({
    state: OperationState.FAILED,
    errorReason: 'TOKEN_INVALID',
    doneCount: 250n,
    totalCount: 1_100n,
  });
});

it('pauses while the queue is full, longer each time, and goes on afterwards', async () => {
  const group = await makeCrowdedGroup(harness, 'FULL', 1_001);
  const operationId = await beginRetitling(harness, group);
  const full = new CommandQueue({ orm: harness.orm, handlers: [], enqueue: async () => undefined }, { lanes: 1, queueBound: 0 });
  const first = await takeOneStep(harness, operationId, full);
  expect((await admin().operations.getOperation({ operationId })).operation).toMatchObject({
    state: OperationState.PAUSED,
    pauseReason: expect.stringContaining('too many changes'),
  });
  if (first?.kind !== 'again' || !first.data) throw new Error('it must come again');
  const second = await takeOneStep(harness, operationId, full, first.data);
  expect(second).toMatchObject({ kind: 'again', afterMs: 2 * first.afterMs });
  await harness.runJobs(jobs);
  expect((await admin().operations.getOperation({ operationId })).operation).toMatchObject({
    state: OperationState.SUCCEEDED,
    pauseReason: '',
    changedCount: 1_001n,
  });
});

it('gives an operation up whose chunk cannot be written, after five tries, with the chunk undone', async () => {
  const group = await makeCrowdedGroup(harness, 'BROKEN', 1_001);
  const operationId = await beginRetitling(harness, group, 'admin', 'broken');
  await harness.sql(`ALTER TABLE tickets ADD CONSTRAINT no_broken CHECK (title <> 'broken') NOT VALID`);
  let data: object = { operationId };
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    const outcome = await takeOneStep(harness, operationId, harness.queue, data);
    expect(outcome?.kind).toBe(attempt < 5 ? 'again' : 'done');
    data = (outcome?.kind === 'again' ? outcome.data : undefined) ?? data;
  }
  await harness.sql('ALTER TABLE tickets DROP CONSTRAINT no_broken');
  expect((await admin().operations.getOperation({ operationId })).operation).toMatchObject({
    state: OperationState.FAILED,
    errorReason: 'INTERNAL',
    doneCount: 0n,
  });
});

it('is carried on by one run at a time, and taken over when that falls silent', async () => {
  const group = await makeCrowdedGroup(harness, 'TAKEN', 1_001);
  const operationId = await beginRetitling(harness, group);
  await harness.sql('UPDATE operation_progress SET runner = gen_random_uuid(), update_time = docket_now() WHERE operation_id = $1', [operationId]);
  expect(await takeOneStep(harness, operationId)).toMatchObject({ kind: 'again' });
  expect((await admin().operations.getOperation({ operationId })).operation?.doneCount).toBe(0n);
  await harness.moveClock('6 seconds');
  await harness.runJobs(jobs);
  expect((await admin().operations.getOperation({ operationId })).operation?.state).toBe(OperationState.SUCCEEDED);
});

it('is exact when two processes carry it on at once although it needs no pool', async () => {
  const group = await makeCrowdedGroup(harness, 'BARE', 1_500);
  const operationId = await beginRetitling(harness, group, 'admin', 'bare');
  const other = new CommandQueue({ orm: harness.orm, handlers: [], enqueue: async () => undefined }, { lanes: 2, queueBound: 1_000 });
  for (let step = 0; step < 6; step += 1) await Promise.all([harness.queue, other].map((queue) => takeOneStep(harness, operationId, queue)));
  await harness.runJobs(jobs);
  expect(await tallyOf(operationId)).toEqual({ 'CHANGED ': 1_500 });
  expect((await admin().operations.getOperation({ operationId })).operation).toMatchObject({
    state: OperationState.SUCCEEDED,
    doneCount: 1_500n,
    changedCount: 1_500n,
  });
});

it('is exact when two processes carry it on at once, beside changes of the same tickets', async () => {
  const group = await makeBusyGroup('TWO', 1_500);
  const { operationId } = await admin().tickets.bulkUpdateTickets({ filter: `group_id == "${group.groupId}"`, patch: { priority: Priority.URGENT } });
  const other = new CommandQueue({ orm: harness.orm, handlers: ticketReactions, enqueue: async () => undefined }, { lanes: 2, queueBound: 1_000 });
  const run = async (queue: CommandQueue) => {
    for (let step = 0; step < 20; step += 1) await takeOneStep(harness, operationId, queue);
  };
  const others = async () => {
    for (let at = 1; at <= 24; at += 1) {
      await admin().tickets.updateTicket({
        ticket: { ticketId: `TWO-${at * 50}`, title: 'meanwhile', ...(at % 3 === 0 ? { status: TicketStatus.RESOLVED } : {}) },
      });
      await harness.callAs('service', other).tickets.createTicket({ groupId: group.groupId, userId: 1n });
    }
  };
  await Promise.all([run(harness.queue), run(other), others()]);
  await harness.runJobs(jobs);
  await other.drain();
  expect(await tallyOf(operationId)).toEqual({ 'CHANGED ': 1_500 });
  const rows = await harness.sql(`SELECT count(*)::int AS count FROM tickets WHERE group_id = $1 AND priority = 4`, [group.groupId]);
  expect(rows).toEqual([{ count: 1_500 }]);
}, 120_000);

/** How many tickets of an operation came to each outcome and reason. */
async function tallyOf(operationId: string): Promise<Record<string, number>> {
  const rows = await harness.sql<{ what: string; count: number }>(
    `SELECT CASE x.outcome WHEN 2 THEN 'CHANGED' WHEN 3 THEN 'UNCHANGED' WHEN 4 THEN 'FAILED' END || ' ' || coalesce(x.reason, '') AS what, count(*)::int AS count
     FROM operation_chunks c CROSS JOIN LATERAL unnest(c.outcomes, c.reasons) AS x(outcome, reason) WHERE operation_id = $1 GROUP BY 1`,
    [operationId],
  );
  return Object.fromEntries(rows.map((row) => [row.what, row.count]));
}

/** How many tickets of an operation each agent received. */
async function countReceived(operationId: string): Promise<Record<string, number>> {
  const rows = await harness.sql<{ agent: string; count: number }>(
    `SELECT agent, count(*)::int AS count FROM operation_chunks c CROSS JOIN LATERAL unnest(c.to_agent_ids) agent WHERE operation_id = $1 AND agent IS NOT NULL GROUP BY 1`,
    [operationId],
  );
  return Object.fromEntries(rows.map((row) => [row.agent, row.count]));
}
