import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Availability } from '../../../gen/ticketing/v1/agent_pb.ts';
import { AssignmentStrategy } from '../../../gen/ticketing/v1/assignment_policy_pb.ts';
import { Priority, TicketStatus } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { countersOf, createTicket, decisionsOf, expectSound, makeTeam, readTicket, traces, updateTicket } from '../../support/engine.ts';
import { createHarness, failureOf, type Harness } from '../../support/harness.ts';

const nameOf = (status: number) => Object.entries(TicketStatus).find(([, number]) => number === status)?.[0];
const { OPEN, IN_PROGRESS, ON_HOLD, RESOLVED, CLOSED, CANCELLED } = TicketStatus;

let harness: Harness;
beforeAll(async () => {
  harness = await createHarness();
});
afterAll(async () => {
  await expectSound(harness);
  await harness.close();
});

const team = (key: string, size: number, more: Parameters<typeof makeTeam>[3] = {}) => makeTeam(harness, key, size, more);

describe('changing fields', () => {
  it('changes what is set, raises the etag, and leaves the rest', async () => {
    const { group } = await team('FIELDS', 1);
    const ticket = await createTicket(harness, group, { title: 'old', labels: ['a'] });
    const changed = await updateTicket(harness, ticket.key, { title: 'new', priority: Priority.URGENT, attributes: { a: 1 }, labels: ['b', 'c'] });
    expect(changed).toMatchObject({ title: 'new', priority: Priority.URGENT, attributes: { a: 1 }, labels: ['b', 'c'], agentId: ticket.agentId, status: OPEN });
    expect(changed.etag).not.toBe(ticket.etag);
    expect(await readTicket(harness, ticket.ticketId)).toEqual(changed);
  });

  it('clears what the mask names and the message leaves empty', async () => {
    const { group } = await team('CLEAR', 1);
    const { ticketId } = await createTicket(harness, group, { title: 'old', description: 'text', labels: ['a'], attributes: { a: 1 }, priority: Priority.LOW });
    const changed = await updateTicket(harness, ticketId, {}, ['title', 'labels', 'attributes', 'priority']);
    expect(changed).toMatchObject({ title: '', labels: [], attributes: {}, description: 'text', priority: Priority.MEDIUM });
  });

  it('changes nothing, not even the etag, when everything is already so', async () => {
    const { group } = await team('SAME', 1);
    const ticket = await createTicket(harness, group, { title: 'as it is', attributes: { zoo: 1, apples: { y: 2, x: 3 } } });
    const same = { title: 'as it is', status: OPEN, agentId: ticket.agentId, attributes: { apples: { x: 3, y: 2 }, zoo: 1 } };
    expect(await updateTicket(harness, ticket.ticketId, same)).toEqual(ticket);
    expect(await decisionsOf(harness, ticket.ticketId)).toHaveLength(1);
  });

  it('aborted ETAG_MISMATCH: it has changed since it was read', async () => {
    const { group } = await team('ETAG', 1);
    const ticket = await createTicket(harness, group);
    const changed = await updateTicket(harness, ticket.ticketId, { title: 'one', etag: ticket.etag });
    expect(await failureOf(updateTicket(harness, ticket.ticketId, { title: 'two', etag: ticket.etag }))).toMatchObject({
      kind: 'aborted',
      reason: 'ETAG_MISMATCH',
    });
    await updateTicket(harness, ticket.ticketId, { title: 'two', etag: changed.etag });
  });

  it('invalid argument: an unknown field in the mask, nothing to update, no ticket named', async () => {
    const { group } = await team('MASK', 1);
    const { ticketId } = await createTicket(harness, group);
    expect((await failureOf(updateTicket(harness, ticketId, {}, ['user_id']))).kind).toBe('invalid_argument');
    expect(await failureOf(updateTicket(harness, ticketId, {}))).toMatchObject({ kind: 'invalid_argument', reason: 'NOTHING_TO_UPDATE' });
    expect((await failureOf(updateTicket(harness, '', { title: 'x' }))).kind).toBe('invalid_argument');
    expect((await failureOf(updateTicket(harness, ticketId, {}, ['status']))).kind).toBe('invalid_argument');
  });

  it('not found TICKET_NOT_FOUND: an id, a key', async () => {
    for (const ticketId of [randomUUID(), 'NONE-1']) {
      expect(await failureOf(updateTicket(harness, ticketId, { title: 'x' }))).toMatchObject({
        kind: 'not_found',
        reason: 'TICKET_NOT_FOUND',
        facts: { ticket_id: ticketId },
      });
      expect(await failureOf(updateTicket(harness, ticketId, { status: RESOLVED }))).toMatchObject({ kind: 'not_found', reason: 'TICKET_NOT_FOUND' });
    }
  });
});

describe('moving between statuses', () => {
  const statuses = [OPEN, IN_PROGRESS, ON_HOLD, RESOLVED, CLOSED, CANCELLED];
  const allowed: Record<number, readonly number[]> = {
    [OPEN]: [IN_PROGRESS, ON_HOLD, RESOLVED, CLOSED, CANCELLED],
    [IN_PROGRESS]: [OPEN, ON_HOLD, RESOLVED, CLOSED, CANCELLED],
    [ON_HOLD]: [OPEN, IN_PROGRESS, RESOLVED, CLOSED, CANCELLED],
    [RESOLVED]: [CLOSED, OPEN],
    [CLOSED]: [OPEN],
    [CANCELLED]: [],
  };

  it('makes exactly the moves of the diagram, and refuses every other one naming both ends', async () => {
    const { group } = await team('MOVES', 1);
    for (const from of statuses) {
      for (const to of statuses.filter((status) => status !== from)) {
        const { ticketId } = await createTicket(harness, group);
        if (from !== OPEN) await updateTicket(harness, ticketId, { status: from });
        if (allowed[from]?.includes(to)) expect((await updateTicket(harness, ticketId, { status: to })).status).toBe(to);
        else {
          const reason = from === CANCELLED ? 'TICKET_CANCELLED' : 'ILLEGAL_STATUS_CHANGE';
          const failure = await failureOf(updateTicket(harness, ticketId, { status: to }));
          expect(failure).toMatchObject({ kind: 'failed_precondition', reason });
          if (from !== CANCELLED) expect(Object.values(failure.facts)).toEqual(expect.arrayContaining([nameOf(from), nameOf(to)]));
        }
      }
    }
  });

  it('keeps times and credits: resolved counts for the agent who holds it, once for each time', async () => {
    const { group, names } = await team('TIMES', 1);
    const [agent] = names as [string];
    const { ticketId } = await createTicket(harness, group);
    const resolved = await updateTicket(harness, ticketId, { status: RESOLVED });
    expect(resolved.resolveTime).toEqual(resolved.updateTime);
    expect(resolved.closeTime).toBeUndefined();
    expect(resolved.agentId).toBe(agent);
    expect(await countersOf(harness, agent)).toMatchObject({ totalResolved: 1, resolvedToday: 1, open: 0, totalAssigned: 1 });
    const closed = await updateTicket(harness, ticketId, { status: CLOSED });
    expect(closed.resolveTime).toEqual(resolved.resolveTime);
    expect(closed.closeTime).toEqual(closed.updateTime);
    expect(await countersOf(harness, agent)).toMatchObject({ totalResolved: 1, open: 0 });
    const reopened = await updateTicket(harness, ticketId, { status: OPEN });
    expect(reopened).toMatchObject({ reopenCount: 1, agentId: agent });
    expect(reopened.resolveTime).toBeUndefined();
    expect(reopened.closeTime).toBeUndefined();
    expect(await countersOf(harness, agent)).toMatchObject({ totalAssigned: 2, open: 1 });
    const again = await updateTicket(harness, ticketId, { status: CLOSED });
    expect(again.resolveTime).toEqual(again.updateTime);
    expect(await countersOf(harness, agent)).toMatchObject({ totalResolved: 2, resolvedToday: 2, open: 0 });
  });

  it('credits nobody for a cancelled ticket, which has no resolve time', async () => {
    const { group, names } = await team('CANCEL', 1);
    const { ticketId } = await createTicket(harness, group);
    const cancelled = await updateTicket(harness, ticketId, { status: CANCELLED });
    expect(cancelled.resolveTime).toBeUndefined();
    expect(cancelled.closeTime).toEqual(cancelled.updateTime);
    expect(await countersOf(harness, names[0] as string)).toMatchObject({ totalResolved: 0, open: 0 });
    expect(await failureOf(updateTicket(harness, ticketId, { agentId: '' }, ['agent_id']))).toMatchObject({ reason: 'TICKET_CANCELLED' });
  });

  it('reopens for the previous agent if he can take it, else by the policy; for nobody, it waits', async () => {
    const { group, names } = await team('REOPEN', 2);
    const [a, b] = names as [string, string];
    const { ticketId } = await createTicket(harness, group, { agentId: b });
    await updateTicket(harness, ticketId, { status: RESOLVED });
    expect((await updateTicket(harness, ticketId, { status: OPEN })).agentId).toBe(b);
    await updateTicket(harness, ticketId, { status: RESOLVED });
    const { agents } = harness.callAs('admin');
    await agents.setAvailability({ agentId: b, availability: Availability.AWAY });
    expect((await updateTicket(harness, ticketId, { status: OPEN })).agentId).toBe(a);
    await updateTicket(harness, ticketId, { status: RESOLVED });
    await agents.setAvailability({ agentId: a, availability: Availability.AWAY });
    expect(await updateTicket(harness, ticketId, { status: OPEN })).toMatchObject({ agentId: '', reopenCount: 3 });
    expect(await decisionsOf(harness, ticketId)).toEqual([`MANUAL ${b}`, `REOPEN ${b} from ${b}`, `REOPEN ${a} from ${b}`]);
    await agents.setAvailability({ agentId: b, availability: Availability.AVAILABLE });
    expect((await readTicket(harness, ticketId)).agentId).toBe(b);
  });

  it('says since when it waits: from the last desk or reopening on, whatever else changes meanwhile', async () => {
    const { group, names } = await team('SINCE', 1);
    const { ticketId } = await createTicket(harness, group);
    await harness.callAs('admin').agents.setAvailability({ agentId: names[0] as string, availability: Availability.AWAY });
    const taken = await updateTicket(harness, ticketId, { agentId: '' }, ['agent_id']);
    expect(taken).toMatchObject({ agentId: '', waitStartTime: taken.updateTime });
    const waiting = await updateTicket(harness, ticketId, { title: 'still', priority: 4, status: ON_HOLD });
    expect(waiting.waitStartTime).toEqual(taken.waitStartTime);
    const done = await updateTicket(harness, ticketId, { status: RESOLVED });
    expect(done.waitStartTime).toBeUndefined();
    const again = await updateTicket(harness, ticketId, { status: OPEN });
    expect(again).toMatchObject({ agentId: '', waitStartTime: again.updateTime });
    const { tickets } = await harness
      .callAs('admin')
      .tickets.listTickets({ groupId: group.groupId, filter: 'wait_start_time > timestamp("2026-01-01T00:00:00Z")' });
    expect(tickets.map((ticket) => ticket.ticketId)).toEqual([ticketId]);
    const { agent } = await harness.callAs('admin').agents.setAvailability({ agentId: names[0] as string, availability: Availability.AVAILABLE });
    expect([(await readTicket(harness, ticketId)).waitStartTime, agent?.openTickets]).toEqual([undefined, 1]);
  });

  it('reopens by the policy alone where the group does not prefer the previous agent', async () => {
    const { group, names } = await team('NOPREF', 2, { assignmentPolicy: { preferPreviousAgent: false } });
    const [a, b] = names as [string, string];
    const { ticketId } = await createTicket(harness, group, { agentId: b });
    await updateTicket(harness, ticketId, { status: RESOLVED });
    expect((await updateTicket(harness, ticketId, { status: OPEN })).agentId).toBe(a);
  });

  it('gives what waits to the one who gets room by a resolve, the most urgent first', async () => {
    const { group } = await team('ROOM', 1, { assignmentPolicy: { maxOpenPerAgent: 1 } });
    const first = await createTicket(harness, group);
    const low = await createTicket(harness, group, { priority: Priority.LOW });
    const high = await createTicket(harness, group, { priority: Priority.HIGH });
    await updateTicket(harness, first.ticketId, { status: RESOLVED });
    expect((await readTicket(harness, high.ticketId)).agentId).toBe('ROOM-a');
    expect((await readTicket(harness, low.ticketId)).agentId).toBe('');
    await updateTicket(harness, low.ticketId, { priority: Priority.URGENT });
    await updateTicket(harness, high.ticketId, { status: CANCELLED });
    expect((await readTicket(harness, low.ticketId)).agentId).toBe('ROOM-a');
  });
});

describe('who may change what', () => {
  const agent = (agentId: string) => harness.callAs({ roles: ['agent'], agentId }).tickets;

  it('an agent changes his own tickets, claims a waiting one of his groups, and hands his own back', async () => {
    const { group, names } = await team('OWN', 2, { assignmentPolicy: { strategy: AssignmentStrategy.MANUAL } });
    const [a] = names as [string];
    const { ticketId } = await createTicket(harness, group);
    expect((await agent(a).updateTicket({ ticket: { ticketId, agentId: a } })).ticket?.agentId).toBe(a);
    expect((await agent(a).updateTicket({ ticket: { ticketId, status: IN_PROGRESS } })).ticket?.status).toBe(IN_PROGRESS);
    expect((await agent(a).updateTicket({ ticket: { ticketId }, updateMask: { paths: ['agent_id'] } })).ticket?.agentId).toBe('');
  });

  it('permission denied: an agent and another’s ticket, giving it to another, moving it', async () => {
    const { group, names } = await team('DENY', 2);
    const other = await team('DENYB', 1);
    const [a, b] = names as [string, string];
    const { ticketId } = await createTicket(harness, group, { agentId: a });
    for (const call of [
      () => agent(b).updateTicket({ ticket: { ticketId, title: 'mine now' } }),
      () => agent(b).updateTicket({ ticket: { ticketId, agentId: b } }),
      () => agent(a).updateTicket({ ticket: { ticketId, agentId: b } }),
      () => agent(a).updateTicket({ ticket: { ticketId, groupId: other.group.groupId } }),
    ]) {
      expect(await failureOf(call())).toMatchObject({ kind: 'permission_denied', reason: 'PERMISSION_DENIED' });
    }
    expect(await failureOf(harness.callAs('auditor').tickets.updateTicket({ ticket: { ticketId, title: 'x' } }))).toMatchObject({ kind: 'permission_denied' });
  });

  it('not found, exactly as for a ticket that is not there: one outside the caller’s groups, by id and by key', async () => {
    const { group } = await team('HIDE', 1);
    const other = await team('HIDEB', 1);
    const ticket = await createTicket(harness, group);
    const outsider = agent(other.names[0] as string);
    for (const [hidden, absent] of [
      [ticket.ticketId, randomUUID()],
      [ticket.key, 'HIDE-999'],
    ] as const) {
      const real = await failureOf(outsider.updateTicket({ ticket: { ticketId: hidden, status: RESOLVED } }));
      const none = await failureOf(outsider.updateTicket({ ticket: { ticketId: absent, status: RESOLVED } }));
      expect({ ...real, message: real.message.replaceAll(hidden, '?'), facts: Object.keys(real.facts) }).toEqual({
        ...none,
        message: none.message.replaceAll(absent, '?'),
        facts: Object.keys(none.facts),
      });
      expect(JSON.stringify(real)).not.toContain(hidden === ticket.key ? ticket.ticketId : ticket.key);
    }
  });

  it('a supervisor in his groups; a move needs both', async () => {
    const { group } = await team('SVA', 1, { supervisorIds: ['boss'] });
    const other = await team('SVB', 1);
    const both = await team('SVC', 1, { supervisorIds: ['boss'] });
    const boss = harness.callAs({ roles: ['supervisor'], actor: 'boss' }).tickets;
    const { ticketId } = await createTicket(harness, group);
    expect(await failureOf(boss.updateTicket({ ticket: { ticketId, groupId: other.group.groupId } }))).toMatchObject({ reason: 'GROUP_NOT_FOUND' });
    expect((await boss.updateTicket({ ticket: { ticketId, groupId: both.group.groupId } })).ticket?.agentId).toBe('SVC-a');
  });
});

describe('repeating and trying out', () => {
  it('answers a repeated request id as it did, even after the ticket went on', async () => {
    const { group } = await team('URPT', 1);
    const { ticketId } = await createTicket(harness, group);
    const request = { ticket: { ticketId, status: RESOLVED }, requestId: randomUUID() };
    const first = await harness.callAs('service').tickets.updateTicket(request);
    await updateTicket(harness, ticketId, { status: OPEN });
    expect(await harness.callAs('service').tickets.updateTicket(request)).toEqual(first);
    expect((await readTicket(harness, ticketId)).status).toBe(OPEN);
    const other = { ...request, ticket: { ticketId, status: CLOSED } };
    expect(await failureOf(harness.callAs('service').tickets.updateTicket(other))).toMatchObject({ kind: 'already_exists', reason: 'REQUEST_ID_REUSED' });
  });

  it('with validate_only answers the ticket as it would be, and leaves no trace', async () => {
    const { group, names } = await team('UDRY', 2);
    const { ticketId } = await createTicket(harness, group, { agentId: names[0] as string });
    const before = await traces(harness);
    const { ticket } = await harness
      .callAs('admin')
      .tickets.updateTicket({ ticket: { ticketId, status: ON_HOLD, agentId: names[1] as string }, validateOnly: true });
    expect(ticket).toMatchObject({ status: ON_HOLD, agentId: names[1] });
    expect(await traces(harness)).toEqual(before);
    expect(await failureOf(harness.callAs('admin').tickets.updateTicket({ ticket: { ticketId, agentId: 'nobody' }, validateOnly: true }))).toMatchObject({
      reason: 'AGENT_NOT_FOUND',
    });
  });
});
