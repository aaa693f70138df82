import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Availability } from '../../../gen/ticketing/v1/agent_pb.ts';
import { DecisionKind, LeftOutReason, TieBreak } from '../../../gen/ticketing/v1/assignment_explanation_pb.ts';
import { AssignmentStrategy } from '../../../gen/ticketing/v1/assignment_policy_pb.ts';
import { TicketStatus } from '../../../gen/ticketing/v1/ticket_pb.ts';
import { createTicket, updateTicket } from '../../support/engine.ts';
import { createHarness, failureOf, type Harness } from '../../support/harness.ts';
import { makeAgent, makeGroup, makeTickets } from '../../support/team.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await createHarness();
});
afterAll(() => harness.close());

async function explain(ticketId: string, sequence?: bigint) {
  const { explanation } = await harness.callAs('auditor').tickets.explainAssignment(sequence === undefined ? { ticketId } : { ticketId, sequence });
  if (!explanation) throw new Error('nothing was explained');
  return explanation;
}

describe('a ticket that was given to somebody', () => {
  it('names everybody who could take it, best first, with the numbers just before, and what decided', async () => {
    const group = await makeGroup(harness, 'WHO');
    for (const agentId of ['who-a', 'who-b', 'who-c']) await makeAgent(harness, agentId, [group]);
    await makeAgent(harness, 'who-away', [group], { availability: Availability.AWAY });
    await makeTickets(harness, group, 2, 'who-a');
    await makeTickets(harness, group, 1, 'who-b');
    await makeTickets(harness, group, 1, 'who-c');
    const ticket = await createTicket(harness, group);
    const explanation = await explain(ticket.key);
    expect(explanation).toMatchObject({
      ticketId: ticket.ticketId,
      ticketKey: ticket.key,
      kind: DecisionKind.CREATE,
      agentId: 'who-b',
      previousAgentId: '',
      groupId: group.groupId,
      strategy: AssignmentStrategy.LEAST_ASSIGNED_TODAY,
      policyVersion: 1,
      businessDay: new Date().toISOString().slice(0, 10),
      tieBreak: TieBreak.LEAST_RECENTLY_ASSIGNED,
      roundPosition: 1,
      decisionTime: ticket.assignTime,
    });
    expect(explanation.candidates.map((one) => [one.rank, one.agentId, one.assignedToday, one.sortKey, one.openTickets, one.chosen])).toEqual([
      [1, 'who-b', 1, 1n, 1, true],
      [2, 'who-c', 1, 1n, 1, false],
      [3, 'who-a', 2, 2n, 2, false],
    ]);
    expect(explanation.candidates.every((one) => one.receivedInDeal === undefined)).toBe(true);
    expect(explanation.leftOut).toMatchObject([{ agentId: 'who-away', reason: LeftOutReason.AWAY }]);
    expect(explanation.summary).toContain('who-b');
    expect(explanation.summary).toContain('who-away (away)');
  });

  it('counts what was given out before it in the same call', async () => {
    const group = await makeGroup(harness, 'SAMECALL');
    for (const agentId of ['same-a', 'same-b']) await makeAgent(harness, agentId, [group], { maxOpenTickets: agentId === 'same-a' ? 1 : 5 });
    const tickets = await makeTickets(harness, group, 4);
    const third = await explain(tickets[2]?.key ?? '');
    expect(third).toMatchObject({ agentId: 'same-b', roundPosition: 3, tieBreak: TieBreak.ONLY_CANDIDATE });
    expect(third.candidates.map((one) => [one.agentId, one.assignedToday, one.openTickets])).toEqual([['same-b', 1, 1]]);
    expect(third.leftOut).toMatchObject([{ agentId: 'same-a', reason: LeftOutReason.FULL }]);
    expect((await explain(tickets[0]?.key ?? '')).tieBreak).toBe(TieBreak.AGENT_ID);
    expect((await explain(tickets[1]?.key ?? '')).tieBreak).toBe(TieBreak.ONLY_CANDIDATE);
  });

  it('shows the handicap of who came late', async () => {
    const group = await makeGroup(harness, 'LATE', { assignmentPolicy: { catchUpLimit: 1 } });
    await makeAgent(harness, 'late-a', [group]);
    await makeTickets(harness, group, 5);
    await makeAgent(harness, 'late-b', [group]);
    const explanation = await explain((await createTicket(harness, group)).key);
    expect(explanation.candidates.map((one) => [one.agentId, one.assignedToday, one.handicap, one.sortKey])).toEqual([
      ['late-b', 0, 4, 4n],
      ['late-a', 5, 0, 5n],
    ]);
    expect(explanation.tieBreak).toBe(TieBreak.FEWEST_ASSIGNED_TODAY);
    expect(explanation.summary).toContain('handicap of 4');
  });

  it('says of a deal who had received how many in it, and leaves out whom it was taken from', async () => {
    const group = await makeGroup(harness, 'GIVE');
    for (const agentId of ['give-a', 'give-b', 'give-c']) await makeAgent(harness, agentId, [group]);
    const tickets = await makeTickets(harness, group, 2, 'give-a');
    await harness.callAs('admin').tickets.reassignTickets({ fromAgentIds: ['give-a'] });
    const explanation = await explain(tickets[1]?.key ?? '');
    expect(explanation).toMatchObject({ kind: DecisionKind.REASSIGN, agentId: 'give-c', previousAgentId: 'give-a', tieBreak: TieBreak.FEWEST_RECEIVED });
    expect(explanation.candidates.map((one) => [one.agentId, one.receivedInDeal])).toEqual([
      ['give-c', 0],
      ['give-b', 1],
    ]);
    expect(explanation.leftOut).toMatchObject([{ agentId: 'give-a', reason: LeftOutReason.EXCLUDED }]);
  });

  it('says that nothing was compared where somebody was named, and who had it before where it was reopened', async () => {
    const group = await makeGroup(harness, 'KIND');
    for (const agentId of ['kind-a', 'kind-b']) await makeAgent(harness, agentId, [group]);
    const { ticketId } = await createTicket(harness, group, { agentId: 'kind-b' });
    const named = await explain(ticketId);
    expect(named).toMatchObject({ kind: DecisionKind.MANUAL, agentId: 'kind-b', tieBreak: TieBreak.NONE, candidates: [], leftOut: [] });
    await updateTicket(harness, ticketId, { status: TicketStatus.RESOLVED });
    await updateTicket(harness, ticketId, { status: TicketStatus.OPEN });
    const reopened = await explain(ticketId);
    expect(reopened).toMatchObject({ kind: DecisionKind.REOPEN, agentId: 'kind-b', previousAgentId: 'kind-b', tieBreak: TieBreak.PREVIOUS_AGENT });
    expect(reopened.candidates.map((one) => [one.rank, one.agentId, one.chosen])).toEqual([
      [1, 'kind-a', false],
      [2, 'kind-b', true],
    ]);
    expect(await explain(ticketId, named.sequence)).toEqual(named);
  });
});

describe('a ticket that waits', () => {
  it('says who is left out just now and why', async () => {
    const group = await makeGroup(harness, 'WAITS', { assignmentPolicy: { requiredSkills: { german: 1 } } });
    const skills = { german: 1 };
    await makeAgent(harness, 'waits-full', [group], { skills, maxOpenTickets: 0 });
    await makeAgent(harness, 'waits-mute', [group]);
    await makeAgent(harness, 'waits-off', [group], { skills, availability: Availability.OFFLINE });
    const explanation = await explain((await createTicket(harness, group)).key);
    expect(explanation).toMatchObject({ agentId: '', kind: DecisionKind.UNSPECIFIED, candidates: [], tieBreak: TieBreak.UNSPECIFIED });
    expect(explanation.sequence).toBeUndefined();
    expect(explanation.leftOut.map((one) => [one.agentId, one.reason])).toEqual([
      ['waits-full', LeftOutReason.FULL],
      ['waits-mute', LeftOutReason.LACKS_SKILL],
      ['waits-off', LeftOutReason.OFFLINE],
    ]);
  });

  it('says that its group gives nothing out by itself', async () => {
    const hand = await makeGroup(harness, 'BYHAND', { assignmentPolicy: { strategy: AssignmentStrategy.MANUAL } });
    await makeAgent(harness, 'byhand-1', [hand]);
    const first = await explain((await createTicket(harness, hand)).key);
    expect(first.leftOut).toMatchObject([{ agentId: 'byhand-1', reason: LeftOutReason.MANUAL_POLICY }]);
    const shut = await makeGroup(harness, 'SHUT');
    const { key } = await createTicket(harness, shut);
    await harness.callAs('admin').groups.updateGroup({ group: { groupId: shut.groupId, active: false }, updateMask: { paths: ['active'] } });
    expect((await explain(key)).summary).toContain('not active');
  });
});

describe('asking for what cannot be', () => {
  it('not found TICKET_NOT_FOUND: no such ticket, or outside the caller’s groups', async () => {
    const group = await makeGroup(harness, 'HIDDEN');
    const { key } = await createTicket(harness, group);
    expect(await failureOf(explain(randomUUID()))).toMatchObject({ kind: 'not_found', reason: 'TICKET_NOT_FOUND' });
    const outsider = harness.callAs({ roles: ['agent'], agentId: 'outsider' }).tickets;
    expect(await failureOf(outsider.explainAssignment({ ticketId: key }))).toMatchObject({ kind: 'not_found', reason: 'TICKET_NOT_FOUND' });
  });

  it('not found DECISION_NOT_FOUND: the number belongs to no decision about this ticket', async () => {
    const group = await makeGroup(harness, 'NUMBER');
    await makeAgent(harness, 'number-1', [group]);
    const [one, other] = [await createTicket(harness, group), await createTicket(harness, group)];
    const { sequence } = await explain(other.key);
    expect(await failureOf(explain(one.key, sequence))).toMatchObject({ kind: 'not_found', reason: 'DECISION_NOT_FOUND' });
  });
});
