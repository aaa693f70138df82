import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Availability } from '../../gen/ticketing/v1/agent_pb.ts';
import { LeftOutReason } from '../../gen/ticketing/v1/assignment_explanation_pb.ts';
import { AssignmentStrategy } from '../../gen/ticketing/v1/assignment_policy_pb.ts';
import type { Group } from '../../gen/ticketing/v1/group_pb.ts';
import { Priority, type Ticket, TicketStatus } from '../../gen/ticketing/v1/ticket_pb.ts';
import { relaxWaitingTickets, ticketReactions } from '../../src/domain/tickets/index.ts';
import { checkDatabase } from '../../src/edge/cli/check-invariants.ts';
import { startWorker } from '../../src/edge/worker/index.ts';
import { CommandQueue } from '../../src/foundation/commands/queue.ts';
import { openBoss } from '../../src/foundation/jobs/boss.ts';
import { makeEnqueue } from '../../src/foundation/jobs/enqueue.ts';
import { makeMetrics } from '../../src/foundation/metrics.ts';
import { createTicket, decisionsOf, expectSound, readTicket, updateTicket } from '../support/engine.ts';
import { createHarness, type Harness } from '../support/harness.ts';
import { makeAgent, makeGroup, makeTickets } from '../support/team.ts';

let harness: Harness;
beforeEach(async () => {
  harness = await createHarness();
});
afterEach(async () => {
  await expectSound(harness);
  expect(await violations()).toEqual([]);
  await harness.close();
});

const violations = async (): Promise<string[]> =>
  (await checkDatabase(harness.url)).findings.flatMap(({ invariant, first }) => first.map((words) => `${invariant} ${words}`));
const seconds = (count: number) => ({ seconds: BigInt(count), nanos: 0 });
const HOUR = 3600;
/** German 2 is required; a level less for every hour of waiting. */
const policy = { requiredSkills: { german: 2 }, skillRelaxation: seconds(HOUR) };
const makeRelaxing = (key: string, more: object = {}): Promise<Group> => makeGroup(harness, key, { assignmentPolicy: { ...policy, ...more } });

/** Time passes, and the jobs that are due run. */
async function pass(interval: string): Promise<void> {
  await harness.moveClock(interval);
  await harness.runJobs([relaxWaitingTickets]);
}

const agentOf = async (ticket: Ticket): Promise<string> => (await readTicket(harness, ticket.ticketId)).agentId;

describe('required skills that relax', () => {
  it('are all required of a fresh ticket, one level less for each full span, and none in the end', async () => {
    const group = await makeRelaxing('G');
    await makeAgent(harness, 'some', [group], { skills: { german: 1 }, maxOpenTickets: 1 });
    const [first, second] = await makeTickets(harness, group, 2);
    expect(first?.waitStartTime).toEqual(first?.createTime);
    await pass('59 minutes');
    expect(await agentOf(first as Ticket)).toBe('');
    await pass('1 minute');
    expect(await agentOf(first as Ticket)).toBe('some');
    expect((await readTicket(harness, first?.ticketId ?? '')).waitStartTime).toBeUndefined();
    await makeAgent(harness, 'mute', [group]);
    await pass('59 minutes');
    expect(await agentOf(second as Ticket)).toBe('');
    await pass('1 minute');
    expect(await agentOf(second as Ticket)).toBe('mute');
    expect(await decisionsOf(harness, second?.ticketId ?? '')).toEqual(['WAITING mute']);
    await pass('1 hour');
    expect(harness.jobs).toEqual([]);
  });

  it('leave one job behind for a group, however much waits there', async () => {
    const group = await makeRelaxing('G');
    await makeTickets(harness, group, 30);
    await createTicket(harness, group);
    expect(harness.jobs).toHaveLength(1);
    await harness.moveClock('10 minutes');
    await createTicket(harness, group);
    await pass('50 minutes');
    expect(harness.jobs).toHaveLength(1);
    // Ten minutes later the last one has waited an hour.
    await pass('10 minutes');
    expect(harness.jobs).toHaveLength(1);
  });

  it('count with what each ticket has reached when somebody comes, when room is made and when skills change', async () => {
    const group = await makeRelaxing('G', { maxOpenPerAgent: 1 });
    await makeAgent(harness, 'full', [group], { skills: { german: 2 } });
    const mine = await createTicket(harness, group);
    const old = await createTicket(harness, group);
    await harness.moveClock('70 minutes');
    const urgent = await createTicket(harness, group, { priority: Priority.URGENT });
    // He can take the old one alone, though the urgent one comes first.
    await makeAgent(harness, 'some', [group], { skills: { german: 1 } });
    expect([await agentOf(old), await agentOf(urgent)]).toEqual(['some', '']);
    await updateTicket(harness, old.ticketId, { status: TicketStatus.RESOLVED });
    expect(await agentOf(urgent)).toBe('');
    await updateTicket(harness, mine.ticketId, { status: TicketStatus.RESOLVED });
    expect(await agentOf(urgent)).toBe('full');
    const last = await createTicket(harness, group);
    await harness.moveClock('3 hours');
    await harness.callAs('admin').agents.setAvailability({ agentId: 'some', availability: Availability.AWAY });
    await harness.callAs('admin').agents.setAvailability({ agentId: 'some', availability: Availability.AVAILABLE });
    expect(await agentOf(last)).toBe('some');
  });

  it('find one far down the line that has waited long when one place becomes free', async () => {
    const group = await makeRelaxing('G');
    await makeAgent(harness, 'some', [group], { skills: { german: 1 }, maxOpenTickets: 1 });
    const [held] = await makeTickets(harness, group, 1, 'some');
    const old = await createTicket(harness, group, { priority: Priority.LOW });
    await harness.moveClock('61 minutes');
    for (let at = 0; at < 5; at++) await createTicket(harness, group, { priority: Priority.URGENT });
    await updateTicket(harness, held?.ticketId ?? '', { status: TicketStatus.RESOLVED });
    expect(await agentOf(old)).toBe('some');
  });

  it('begin anew with each wait: after a desk, and after a reopening; not with a move', async () => {
    const group = await makeRelaxing('G');
    const other = await makeRelaxing('H');
    await makeAgent(harness, 'able', [group], { skills: { german: 2 }, maxOpenTickets: 1 });
    const ticket = await createTicket(harness, group);
    const waits = await createTicket(harness, group);
    await harness.moveClock('50 minutes');
    await updateTicket(harness, waits.ticketId, { groupId: other.groupId });
    expect((await readTicket(harness, waits.ticketId)).waitStartTime).toEqual(waits.waitStartTime);
    await makeAgent(harness, 'mute', [other], { skills: { german: 1 } });
    await pass('11 minutes');
    expect(await agentOf(waits)).toBe('mute');
    await harness.callAs('admin').agents.setAvailability({ agentId: 'able', availability: Availability.AWAY, reassignPending: true });
    const thrown = await readTicket(harness, ticket.ticketId);
    expect(thrown.agentId).toBe('');
    await harness.callAs('admin').groups.addGroupMembers({ groupId: group.groupId, agentIds: ['mute'] });
    expect(await agentOf(ticket)).toBe('');
    await pass('59 minutes');
    expect(await agentOf(ticket)).toBe('');
    await pass('1 minute');
    expect(await agentOf(ticket)).toBe('mute');
    await updateTicket(harness, ticket.ticketId, { status: TicketStatus.RESOLVED });
    // He held it, but fresh it is more than he can take.
    expect((await updateTicket(harness, ticket.ticketId, { status: TicketStatus.OPEN })).agentId).toBe('');
    await pass('1 hour');
    expect(await agentOf(ticket)).toBe('mute');
  });

  it('relax by the policy as it is: shorter at once, longer from then on, never where there is none', async () => {
    const group = await makeRelaxing('G', { skillRelaxation: seconds(30 * 24 * HOUR) });
    await makeAgent(harness, 'some', [group], { skills: { german: 1 } });
    const [one] = await makeTickets(harness, group, 1);
    const change = (assignmentPolicy: object, ...paths: string[]) =>
      harness.callAs('admin').groups.updateGroup({ group: { groupId: group.groupId, assignmentPolicy }, updateMask: { paths } });
    await pass('2 hours');
    expect(await agentOf(one as Ticket)).toBe('');
    const { group: changed } = await change({ skillRelaxation: seconds(HOUR) }, 'assignment_policy.skill_relaxation');
    expect(changed?.assignmentPolicy).toMatchObject({ skillRelaxation: { seconds: 3600n }, policyVersion: 2 });
    expect(await agentOf(one as Ticket)).toBe('some');
    const two = await createTicket(harness, group);
    await change({}, 'assignment_policy.skill_relaxation');
    await pass('5 hours');
    expect(await agentOf(two)).toBe('');
    await change({ skillRelaxation: seconds(6 * HOUR) }, 'assignment_policy.skill_relaxation');
    expect(await agentOf(two)).toBe('');
    await pass('1 hour');
    expect(await agentOf(two)).toBe('some');
  });

  it('wait with the group: nothing relaxes into anybody’s hands while it is closed or assigns by hand', async () => {
    const group = await makeRelaxing('G');
    await makeAgent(harness, 'mute', [group]);
    const ticket = await createTicket(harness, group);
    const update = (more: object, path: string) =>
      harness.callAs('admin').groups.updateGroup({ group: { groupId: group.groupId, ...more }, updateMask: { paths: [path] } });
    await update({ active: false }, 'active');
    await pass('3 hours');
    await update({ assignmentPolicy: { strategy: AssignmentStrategy.MANUAL } }, 'assignment_policy.strategy');
    await update({ active: true }, 'active');
    await pass('1 hour');
    expect(await agentOf(ticket)).toBe('');
    await update({ assignmentPolicy: { strategy: AssignmentStrategy.FEWEST_OPEN } }, 'assignment_policy.strategy');
    expect(await agentOf(ticket)).toBe('mute');
  });

  it('count in a reassignment of what waits, and in no other', async () => {
    const group = await makeRelaxing('G');
    await makeAgent(harness, 'able', [group], { skills: { german: 2 } });
    const held = await createTicket(harness, group);
    await harness.callAs('admin').agents.setAvailability({ agentId: 'able', availability: Availability.AWAY });
    const waits = await createTicket(harness, group);
    await harness.moveClock('2 hours');
    await harness.sql(`UPDATE agents SET skills = '{"german": 1}', availability = 'AVAILABLE' WHERE agent_id = 'able'`);
    const { movedTickets, stayingTickets } = await harness.callAs('admin').tickets.reassignTickets({ ticketIds: [held.ticketId, waits.ticketId] });
    expect(movedTickets.map(({ key, toAgentId }) => [key, toAgentId])).toEqual([[waits.key, 'able']]);
    expect(stayingTickets.map(({ key }) => key)).toEqual([held.key]);
  });

  it('are explained: how many levels were taken off, and how far what waits has come', async () => {
    const group = await makeRelaxing('G');
    await makeAgent(harness, 'some', [group], { skills: { german: 1 }, maxOpenTickets: 1 });
    await makeAgent(harness, 'mute', [group]);
    const [one, two] = await makeTickets(harness, group, 2);
    await pass('61 minutes');
    const explain = async (ticket: Ticket | undefined) =>
      (await harness.callAs('auditor').tickets.explainAssignment({ ticketId: ticket?.key ?? '' })).explanation;
    const given = await explain(one);
    expect(given).toMatchObject({ agentId: 'some', skillLevelsRelaxed: 1, leftOut: [{ agentId: 'mute', reason: LeftOutReason.LACKS_SKILL }] });
    expect(given?.summary).toContain('It had waited so long that one level is taken off each required skill.');
    const waiting = await explain(two);
    expect(waiting).toMatchObject({ agentId: '', skillLevelsRelaxed: 1 });
    expect(waiting?.leftOut.map((agent) => [agent.agentId, agent.reason])).toEqual([
      ['mute', LeftOutReason.LACKS_SKILL],
      ['some', LeftOutReason.FULL],
    ]);
    await harness.moveClock('1 hour');
    expect((await explain(two))?.summary).toContain('will be given out in a moment');
    await harness.runJobs([relaxWaitingTickets]);
    expect(await agentOf(two as Ticket)).toBe('mute');
  });
});

describe('the job', () => {
  it('is left with the ticket’s own commit, survives the process, and gives the ticket out when another one runs it', { timeout: 60_000 }, async () => {
    const log = pino({ level: 'silent' });
    const metrics = makeMetrics();
    /** A process with a queue of commands and a worker of its own. */
    const start = async () => {
      const boss = await openBoss({ url: harness.url, log });
      const queue = new CommandQueue({ orm: harness.orm, handlers: ticketReactions, enqueue: makeEnqueue(boss) }, { lanes: 1, queueBound: 10 });
      const worker = await startWorker(boss, [relaxWaitingTickets], { orm: harness.orm, queue, log, metrics }, { pollSeconds: 0.5 });
      return { queue, stop: () => worker.stop() };
    };
    const first = await start();
    const group = await makeRelaxing('G', { skillRelaxation: seconds(2) });
    await makeAgent(harness, 'mute', [group]);
    const { ticket } = await harness.callAs('service', first.queue).tickets.createTicket({ groupId: group.groupId, userId: 7n });
    expect(ticket?.agentId).toBe('');
    await first.stop();
    const second = await start();
    // Two levels, so two runs: each leaves the next.
    await vi.waitFor(async () => expect(await agentOf(ticket as Ticket)).toBe('mute'), { timeout: 30_000, interval: 100 });
    await second.stop();
    await metrics.close();
    const states = await harness.sql(`SELECT state FROM pgboss.job WHERE name = 'relax-skills'`);
    expect(states).toEqual([{ state: 'completed' }, { state: 'completed' }]);
  });

  it('comes back when it runs before its time, and does nothing when it was superseded or is repeated', async () => {
    const group = await makeRelaxing('G');
    await makeAgent(harness, 'some', [group], { skills: { german: 1 } });
    const ticket = await createTicket(harness, group);
    const [left] = harness.jobs;
    const run = (data: object) => relaxWaitingTickets.run(data as never, { queue: harness.queue, signal: new AbortController().signal } as never);
    expect(await run(left?.data ?? {})).toMatchObject({ kind: 'again', afterMs: expect.closeTo(3_600_000, -4) });
    await harness.moveClock('1 hour');
    expect(await run({ ...left?.data, dueTime: '2026-01-01 00:00:00+00' })).toEqual({ kind: 'done' });
    expect(await agentOf(ticket)).toBe('');
    expect(await run(left?.data ?? {})).toEqual({ kind: 'done' });
    expect(await agentOf(ticket)).toBe('some');
    expect(await run(left?.data ?? {})).toEqual({ kind: 'done' });
    expect(await decisionsOf(harness, ticket.ticketId)).toEqual(['WAITING some']);
  });

  it('is replaced when it is lost, by the next ticket that begins to wait', async () => {
    const group = await makeRelaxing('G');
    await makeAgent(harness, 'some', [group], { skills: { german: 1 } });
    const ticket = await createTicket(harness, group);
    harness.jobs.length = 0;
    await harness.moveClock('3 hours');
    await createTicket(harness, group);
    await pass('1 hour');
    expect(await agentOf(ticket)).toBe('some');
  });

  it('leaves tickets waiting in vain where it does not run, and the checker says so once it claims to have', async () => {
    const group = await makeRelaxing('G');
    await makeAgent(harness, 'some', [group], { skills: { german: 1 } });
    const ticket = await createTicket(harness, group);
    await harness.moveClock('1 hour');
    // Nothing is promised before the waiting is put into effect.
    expect(await violations()).toEqual([]);
    await harness.sql('UPDATE group_relaxations SET effective_time = docket_now()');
    expect(await violations()).toEqual([
      expect.stringMatching(/^I10 at the end, 1 tickets/),
      expect.stringMatching(/^I10 1 tickets wait .* while agent some could/),
    ]);
    await harness.callAs('admin').groups.updateGroup({ group: { groupId: group.groupId, assignmentPolicy: { maxOpenPerAgent: 5 } } });
    expect(await agentOf(ticket)).toBe('some');
    await harness.sql(`DELETE FROM eligibility_changes WHERE kind = 'RELAXATION'`);
  });
});
