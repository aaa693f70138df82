import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Availability } from '../../gen/ticketing/v1/agent_pb.ts';
import { type AssignmentExplanation, DecisionKind, LeftOutReason, TieBreak } from '../../gen/ticketing/v1/assignment_explanation_pb.ts';
import { AssignmentStrategy } from '../../gen/ticketing/v1/assignment_policy_pb.ts';
import type { Group } from '../../gen/ticketing/v1/group_pb.ts';
import { type Ticket, TicketStatus } from '../../gen/ticketing/v1/ticket_pb.ts';
import { createTicket, updateTicket } from '../support/engine.ts';
import { createHarness, type Harness } from '../support/harness.ts';
import { makeAgent, makeGroup, makeTickets } from '../support/team.ts';

// Every way in which a ticket can come to an agent, under every strategy: what ExplainAssignment says of it.

let harness: Harness;
beforeAll(async () => {
  harness = await createHarness();
  // Early in a day, so that hours may pass in it.
  await harness.sql(`UPDATE test_clock SET ahead = date_trunc('day', clock_timestamp()) + interval '2 hours' - clock_timestamp()`);
});
afterAll(() => harness.close());

async function explain({ ticketId }: Pick<Ticket, 'ticketId'>, sequence?: bigint): Promise<AssignmentExplanation> {
  const { explanation } = await harness.callAs('auditor').tickets.explainAssignment({ ticketId, ...(sequence === undefined ? {} : { sequence }) });
  if (!explanation) throw new Error('nothing was explained');
  return explanation;
}

let groups = 0;
/** A group with available agents `<key>-a`, `<key>-b`, …, and what a test calls them. */
async function team(strategy: keyof typeof AssignmentStrategy, size: number, more: object = {}): Promise<{ group: Group; names: string[] }> {
  groups += 1;
  const group = await makeGroup(harness, `T${groups}`, { assignmentPolicy: { ...more, strategy: AssignmentStrategy[strategy] } });
  const names = Array.from({ length: size }, (_, at) => `t${groups}-${'abcd'[at]}`);
  for (const name of names) await makeAgent(harness, name, [group]);
  return { group, names };
}
const setAway = (agentId: string, reassignPending = false) =>
  harness.callAs('admin').agents.setAvailability({ agentId, availability: Availability.AWAY, reassignPending });
const setAvailable = (agentId: string) => harness.callAs('admin').agents.setAvailability({ agentId, availability: Availability.AVAILABLE });
const numbersOf = ({ candidates }: AssignmentExplanation): (string | bigint | boolean)[][] =>
  candidates.map((one) => [one.agentId, one.sortKey, one.sortKeyDivisor, one.chosen]);

describe('by strategy', () => {
  it('LEAST_ASSIGNED_TODAY: compares what was assigned today', async () => {
    const { group, names } = await team('LEAST_ASSIGNED_TODAY', 2);
    await makeTickets(harness, group, 2, names[0]);
    const told = await explain(await createTicket(harness, group));
    expect(numbersOf(told)).toEqual([
      [names[1], 0n, 1n, true],
      [names[0], 2n, 1n, false],
    ]);
    expect(told.tieBreak).toBe(TieBreak.FEWEST_ASSIGNED_TODAY);
    expect(told.summary).toContain('Of 2 who could take it he had been given the fewest today (0).');
    expect(told.candidates.some((one) => one.weight !== undefined || one.presence !== undefined)).toBe(false);
  });

  it('ROUND_ROBIN: compares the last decisions won', async () => {
    const { group, names } = await team('ROUND_ROBIN', 3);
    const first = await explain(await createTicket(harness, group));
    expect(first).toMatchObject({ agentId: names[0], tieBreak: TieBreak.AGENT_ID, strategy: AssignmentStrategy.ROUND_ROBIN });
    expect(first.summary).toContain('was one of those who had never been given a ticket; his is the lowest agent id among equals.');
    const given = await makeTickets(harness, group, 4);
    const told = await explain(given[3] as Ticket);
    expect(told).toMatchObject({ agentId: names[1], tieBreak: TieBreak.LEAST_RECENTLY_ASSIGNED });
    for (const one of told.candidates) expect(one.sortKey).toBe(one.lastAssignedSequence ?? 0n);
    expect(told.candidates.map((one) => one.agentId)).toEqual([names[1], names[2], names[0]]);
    expect(told.summary).toContain('Of 3 who could take it he had waited longest for a ticket.');
  });

  it('FEWEST_OPEN: compares pending tickets', async () => {
    const { group, names } = await team('FEWEST_OPEN', 2);
    await makeTickets(harness, group, 3, names[0]);
    const told = await explain(await createTicket(harness, group));
    expect(numbersOf(told)).toEqual([
      [names[1], 0n, 1n, true],
      [names[0], 3n, 1n, false],
    ]);
    expect(told.tieBreak).toBe(TieBreak.FEWEST_OPEN_TICKETS);
    expect(told.summary).toContain('he held the fewest pending tickets (0).');
    await makeTickets(harness, group, 2);
    const level = await explain(await createTicket(harness, group));
    expect(level).toMatchObject({ agentId: names[0], tieBreak: TieBreak.LEAST_RECENTLY_ASSIGNED });
    expect(level.summary).toContain('he shared the fewest pending tickets (3) and had waited longest for a ticket.');
  });

  it('ASSIGNED_PER_HOUR_PRESENT: compares tickets by time present', async () => {
    const { group, names } = await team('ASSIGNED_PER_HOUR_PRESENT', 1);
    await harness.moveClock('2 hours');
    const late = `${names[0]}-late`;
    await makeTickets(harness, group, 4);
    await makeAgent(harness, late, [group]);
    await createTicket(harness, group);
    await harness.moveClock('1 hour');
    const told = await explain(await createTicket(harness, group));
    expect(told).toMatchObject({ agentId: late, tieBreak: TieBreak.LOWEST_RATE });
    expect(told.candidates.map((one) => [one.agentId, one.sortKey, Math.round(Number(one.presence?.seconds) / 60)])).toEqual([
      [late, 1n, 60],
      [names[0], 4n, 180],
    ]);
    for (const one of told.candidates) expect(Number(one.sortKeyDivisor)).toBe(Number(one.presence?.seconds) * 1000 + (one.presence?.nanos ?? 0) / 1e6);
    expect(told.summary).toMatch(/he had been given the fewest for his time present today \(1 in 1 h( \d+ s)?\)/);
  });

  it('WEIGHTED: compares shares with this ticket', async () => {
    const { group, names } = await team('WEIGHTED', 1);
    const senior = `${names[0]}-senior`;
    await makeAgent(harness, senior, [group], { weight: 3 });
    const told = await explain(await createTicket(harness, group));
    expect(numbersOf(told)).toEqual([
      [senior, 1n, 3n, true],
      [names[0], 1n, 1n, false],
    ]);
    expect(told.candidates.map((one) => one.weight)).toEqual([3, 1]);
    expect(told.tieBreak).toBe(TieBreak.LOWEST_SHARE);
    expect(told.summary).toContain('he would have the smallest share with it (1 for a weight of 3).');
  });

  it('WEIGHTED: counts the handicap of who came late', async () => {
    const { group, names } = await team('WEIGHTED', 1, { catchUpLimit: 0 });
    await makeTickets(harness, group, 3);
    const late = `${names[0]}-late`;
    await makeAgent(harness, late, [group], { weight: 2 });
    const told = await explain(await createTicket(harness, group));
    expect(told).toMatchObject({ agentId: late, tieBreak: TieBreak.LEAST_RECENTLY_ASSIGNED });
    expect(told.candidates[0]).toMatchObject({ handicap: 7, assignedToday: 0, sortKey: 8n, sortKeyDivisor: 2n });
    expect(told.summary).toContain('he would share the smallest share with it (8, a handicap of 7 included, for a weight of 2)');
  });

  it('in a deal says first how many each received, then what the strategy says', async () => {
    const { group, names } = await team('FEWEST_OPEN', 3);
    const held = await makeTickets(harness, group, 2, names[0]);
    await makeTickets(harness, group, 1, names[1]);
    await harness.callAs('admin').tickets.reassignTickets({ fromAgentIds: [names[0] as string] });
    const first = await explain(held[0] as Ticket);
    expect(first).toMatchObject({ kind: DecisionKind.REASSIGN, agentId: names[2], tieBreak: TieBreak.FEWEST_OPEN_TICKETS });
    expect(first.summary).toContain('he had received as few in this deal as any (0) and held the fewest pending tickets (0).');
    expect(await explain(held[1] as Ticket)).toMatchObject({ agentId: names[1], tieBreak: TieBreak.FEWEST_RECEIVED });
  });
});

describe('by the way that a ticket came to its agent', () => {
  it('CREATE, when it was created', async () => {
    const { group, names } = await team('ROUND_ROBIN', 1);
    const ticket = await createTicket(harness, group);
    const told = await explain(ticket);
    expect(told).toMatchObject({ kind: DecisionKind.CREATE, agentId: names[0], previousAgentId: '', tieBreak: TieBreak.ONLY_CANDIDATE });
    expect(told.summary).toBe(
      `${ticket.key} was given to ${names[0]} when it was created. He was the only one who could take it. No member of the group was left out.`,
    );
  });

  it('WAITING, when somebody came, or had room again', async () => {
    const { group, names } = await team('FEWEST_OPEN', 2, { maxOpenPerAgent: 1 });
    const [a, b] = names as [string, string];
    await setAway(b);
    const [mine, second, third] = (await makeTickets(harness, group, 3)) as [Ticket, Ticket, Ticket];
    await setAvailable(b);
    const came = await explain(second);
    expect(came).toMatchObject({
      kind: DecisionKind.WAITING,
      agentId: b,
      tieBreak: TieBreak.ONLY_CANDIDATE,
      leftOut: [{ agentId: a, reason: LeftOutReason.FULL }],
    });
    expect(came.summary).toContain(`${second.key} had waited and was given to ${b} as soon as he could take it.`);
    await updateTicket(harness, mine.ticketId, { status: TicketStatus.RESOLVED });
    expect(await explain(third)).toMatchObject({ kind: DecisionKind.WAITING, agentId: a });
  });

  it('REOPEN, to the agent who had it, or by the policy when he cannot take it', async () => {
    const { group, names } = await team('WEIGHTED', 2);
    const [a, b] = names as [string, string];
    const ticket = await createTicket(harness, group);
    await updateTicket(harness, ticket.ticketId, { status: TicketStatus.RESOLVED });
    await updateTicket(harness, ticket.ticketId, { status: TicketStatus.OPEN });
    const back = await explain(ticket);
    expect(back).toMatchObject({ kind: DecisionKind.REOPEN, agentId: a, previousAgentId: a, tieBreak: TieBreak.PREVIOUS_AGENT });
    expect(back.candidates.map((one) => [one.rank, one.agentId, one.chosen])).toEqual([
      [1, b, false],
      [2, a, true],
    ]);
    expect(back.summary).toContain('He held it before.');
    await updateTicket(harness, ticket.ticketId, { status: TicketStatus.RESOLVED });
    await setAway(a);
    await updateTicket(harness, ticket.ticketId, { status: TicketStatus.OPEN });
    expect(await explain(ticket)).toMatchObject({
      kind: DecisionKind.REOPEN,
      agentId: b,
      previousAgentId: a,
      tieBreak: TieBreak.ONLY_CANDIDATE,
      leftOut: [{ agentId: a, reason: LeftOutReason.AWAY }],
    });
  });

  it('REASSIGN, when its agent was cleared', async () => {
    const { group, names } = await team('LEAST_ASSIGNED_TODAY', 3);
    const ticket = await createTicket(harness, group);
    await updateTicket(harness, ticket.ticketId, { agentId: '' }, ['agent_id']);
    const told = await explain(ticket);
    expect(told).toMatchObject({ kind: DecisionKind.REASSIGN, agentId: names[1], previousAgentId: names[0], tieBreak: TieBreak.AGENT_ID });
    expect(told.leftOut).toMatchObject([{ agentId: names[0], reason: LeftOutReason.EXCLUDED }]);
    expect(told.candidates.every((one) => one.receivedInDeal === undefined)).toBe(true);
    expect(told.summary).toContain(`was taken from ${names[0]} and given to ${names[1]}.`);
  });

  it('REASSIGN, when it moved to a group that its agent is not in', async () => {
    const [from, to] = [await team('ROUND_ROBIN', 1), await team('FEWEST_OPEN', 1)];
    const ticket = await createTicket(harness, from.group);
    await updateTicket(harness, ticket.ticketId, { groupId: to.group.groupId });
    expect(await explain(ticket)).toMatchObject({
      kind: DecisionKind.REASSIGN,
      groupId: to.group.groupId,
      strategy: AssignmentStrategy.FEWEST_OPEN,
      agentId: to.names[0],
      previousAgentId: from.names[0],
      tieBreak: TieBreak.ONLY_CANDIDATE,
    });
  });

  it.each([
    ['went away', (agentId: string) => setAway(agentId, true), LeftOutReason.EXCLUDED],
    [
      'was deactivated',
      (agentId: string) => harness.callAs('admin').agents.updateAgent({ agent: { agentId, active: false }, updateMask: { paths: ['active'] } }),
      LeftOutReason.EXCLUDED,
    ],
    ['was deleted', (agentId: string) => harness.callAs('admin').agents.deleteAgent({ agentId }), undefined],
    [
      'was taken out of the group',
      (agentId: string, groupId: string) => harness.callAs('admin').groups.removeGroupMembers({ groupId, agentIds: [agentId] }),
      undefined,
    ],
  ] as const)('REASSIGN, when its agent %s', async (_, leave, reason) => {
    const { group, names } = await team('ASSIGNED_PER_HOUR_PRESENT', 2);
    const [a, b] = names as [string, string];
    const [ticket] = (await makeTickets(harness, group, 1, a)) as [Ticket];
    await leave(a, group.groupId);
    const told = await explain(ticket);
    expect(told).toMatchObject({ kind: DecisionKind.REASSIGN, agentId: b, previousAgentId: a, tieBreak: TieBreak.ONLY_CANDIDATE });
    expect(told.candidates).toMatchObject([{ agentId: b, receivedInDeal: 0, chosen: true }]);
    expect(told.leftOut.map((agent) => [agent.agentId, agent.reason])).toEqual(reason === undefined ? [] : [[a, reason]]);
  });

  it('MANUAL, when he was named at the creation, in an update, in a bulk, or claimed it himself', async () => {
    const { group, names } = await team('MANUAL', 2);
    const [a, b] = names as [string, string];
    const ticket = await createTicket(harness, group, { agentId: a });
    expect((await explain(ticket)).summary).toBe(`${ticket.key} was given to ${a} by name.`);
    await updateTicket(harness, ticket.ticketId, { agentId: b });
    const updated = await explain(ticket);
    expect(updated).toMatchObject({
      kind: DecisionKind.MANUAL,
      agentId: b,
      previousAgentId: a,
      tieBreak: TieBreak.NONE,
      roundPosition: 0,
      candidates: [],
      leftOut: [],
    });
    expect(updated.summary).toBe(`${ticket.key} was given to ${b} by name. ${a} had it before.`);
    const others = await makeTickets(harness, group, 2);
    await harness
      .callAs('admin')
      .tickets.bulkUpdateTickets({ ticketIds: others.slice(0, 1).map((one) => one.ticketId), patch: { agentId: a }, updateMask: { paths: ['agent_id'] } });
    expect(await explain(others[0] as Ticket)).toMatchObject({ kind: DecisionKind.MANUAL, agentId: a, previousAgentId: '' });
    const claimed = others[1] as Ticket;
    await harness
      .callAs({ roles: ['agent'], agentId: b })
      .tickets.updateTicket({ ticket: { ticketId: claimed.ticketId, agentId: b }, updateMask: { paths: ['agent_id'] } });
    expect(await explain(claimed)).toMatchObject({ kind: DecisionKind.MANUAL, agentId: b, decisionTime: expect.anything() });
  });
});

describe('a ticket that waits', () => {
  it('says who is left out now, and of earlier decisions what was true then', async () => {
    const { group, names } = await team('ROUND_ROBIN', 2, { requiredSkills: {} });
    const ticket = await createTicket(harness, group);
    const { sequence } = await explain(ticket);
    await setAway(names[1] as string);
    await setAway(names[0] as string, true);
    const told = await explain(ticket);
    expect(told).toMatchObject({ agentId: '', kind: DecisionKind.UNSPECIFIED, strategy: AssignmentStrategy.ROUND_ROBIN, skillLevelsRelaxed: 0 });
    expect(told.leftOut.map((agent) => agent.reason)).toEqual([LeftOutReason.AWAY, LeftOutReason.AWAY]);
    expect(told.summary).toBe(`${ticket.key} waits: nobody in its group can take it. Left out: ${names[0]} (away), ${names[1]} (away).`);
    expect(await explain(ticket, sequence)).toMatchObject({ kind: DecisionKind.CREATE, agentId: names[0] });
  });
});
