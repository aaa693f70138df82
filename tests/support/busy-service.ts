import { randomUUID } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { AgentSchema } from '../../gen/ticketing/v1/agent_pb.ts';
import { Availability } from '../../gen/ticketing/v1/agent_pb.ts';
import { AssignmentStrategy } from '../../gen/ticketing/v1/assignment_policy_pb.ts';
import type { Group, GroupSchema } from '../../gen/ticketing/v1/group_pb.ts';
import { type Priority, type TicketSchema, TicketStatus } from '../../gen/ticketing/v1/ticket_pb.ts';
import { ticketReactions } from '../../src/domain/tickets/index.ts';
import { jobs } from '../../src/edge/worker/index.ts';
import { entities } from '../../src/entities.ts';
import { CommandQueue } from '../../src/foundation/commands/queue.ts';
import { openOrm } from '../../src/foundation/database/orm.ts';
import { DomainError } from '../../src/foundation/errors.ts';
import { type Dice, makeDice } from './dice.ts';
import type { Clients, Harness } from './harness.ts';
import { makeAgent, makeGroup } from './team.ts';

/** Spreads the harness's commands over more queues with connections of their own, as several processes would. Answers how to stop them. */
export async function addProcesses(harness: Harness, count: number, dice: Dice): Promise<() => Promise<void>> {
  const enqueue = async (_sql: unknown, name: string, data: object): Promise<void> => void harness.jobs.push({ name, data, startAfter: undefined });
  const orms = await Promise.all(
    Array.from({ length: count }, () => openOrm({ url: harness.url, poolSize: 4, statementTimeoutMs: 20_000, lockTimeoutMs: 10_000, entities })),
  );
  const queues = orms.map((orm) => new CommandQueue({ orm, handlers: ticketReactions, enqueue }, { lanes: 3, queueBound: 10_000 }));
  const own = harness.queue.submit.bind(harness.queue);
  const submit: CommandQueue['submit'] = (command, signal) => {
    const queue = queues[dice(count + 1)];
    return queue ? queue.submit(command, signal) : own(command, signal);
  };
  Object.assign(harness.queue, { submit });
  return async () => {
    await Promise.all(queues.map((queue) => queue.drain()));
    await Promise.all(orms.map((orm) => orm.close(true)));
  };
}

/** Groups and agents of a busy service. */
export interface Staff {
  readonly groups: readonly Group[];
  readonly agentIds: readonly string[];
}

const SKILLED = { requiredSkills: { french: 2 }, skillRelaxation: { seconds: 1800n, nanos: 0 } };

/** Groups of every kind of policy with agents in common, and one whose agents are its own. */
export async function hireStaff(harness: Harness): Promise<Staff> {
  const policies: Record<string, MessageInitShape<typeof GroupSchema>['assignmentPolicy']> = {
    PLAIN: {},
    LATE: { catchUpLimit: 1 },
    CAPPED: { maxOpenPerAgent: 3 },
    SKILL: SKILLED,
    HAND: { strategy: AssignmentStrategy.MANUAL },
    ALONE: {},
    ROUND: { strategy: AssignmentStrategy.ROUND_ROBIN },
    OPEN: { strategy: AssignmentStrategy.FEWEST_OPEN, maxOpenPerAgent: 20 },
    RATE: { strategy: AssignmentStrategy.ASSIGNED_PER_HOUR_PRESENT },
    WEIGHED: { strategy: AssignmentStrategy.WEIGHTED, catchUpLimit: 2 },
  };
  const groups: Group[] = [];
  for (const [key, assignmentPolicy] of Object.entries(policies)) groups.push(await makeGroup(harness, key, assignmentPolicy ? { assignmentPolicy } : {}));
  const shared = groups.filter(({ key }) => key !== 'ALONE');
  const agents: [string, MessageInitShape<typeof AgentSchema>][] = [
    ['ann', { weight: 3 }],
    ['bob', { maxOpenTickets: 4 }],
    ['cat', { skills: { french: 2 } }],
    ['dan', { skills: { french: 1 }, maxOpenTickets: 2 }],
    ['eve', { weight: 1000 }],
    ['fay', { maxOpenTickets: 6 }],
    ['gus', {}],
  ];
  for (const [at, [agentId, more]] of agents.entries())
    await makeAgent(
      harness,
      agentId,
      shared.filter((_, group) => (at + group) % 2 === 0 || group === at % shared.length),
      more,
    );
  for (const agentId of ['xia', 'yan', 'zoe']) await makeAgent(harness, agentId, groups.slice(5, 6));
  return { groups, agentIds: [...agents.map(([agentId]) => agentId), 'xia'] };
}

/** A decision by every strategy and of every kind but WAITING, which busy days, being drawn, might leave out. */
export async function decideInEveryWay(harness: Harness, staff: Staff): Promise<void> {
  const { tickets } = harness.callAs({ roles: ['admin', 'service'], actor: 'busy' });
  const made: string[] = [];
  for (const { groupId } of staff.groups) made.push((await tickets.createTicket({ groupId, userId: 1n })).ticket?.ticketId ?? '');
  const [ticketId = ''] = made;
  await tickets.updateTicket({ ticket: { ticketId, agentId: '' }, updateMask: { paths: ['agent_id'] } });
  await tickets.updateTicket({ ticket: { ticketId, status: TicketStatus.RESOLVED }, updateMask: { paths: ['status'] } });
  await tickets.updateTicket({ ticket: { ticketId, status: TicketStatus.OPEN }, updateMask: { paths: ['status'] } });
  const { ticket } = await tickets.getTicket({ ticketId });
  await tickets.createTicket({ groupId: staff.groups[0]?.groupId ?? '', userId: 2n, agentId: ticket?.agentId ?? '' });
  await tickets.reassignTickets({ ticketIds: made });
}

/** One thing that somebody does. */
type Deed = (who: Clients, staff: Staff, dice: Dice, harness: Harness) => Promise<unknown>;

const pick = <T>(list: readonly T[], dice: Dice): T => list[dice(list.length)] as T;
const groupOf = (staff: Staff, dice: Dice): Group => pick(staff.groups, dice);

async function someTickets(harness: Harness, dice: Dice, count: number, where = 'true'): Promise<string[]> {
  const rows = await harness.sql<{ ticket_id: string }>(`SELECT ticket_id FROM tickets WHERE ${where} ORDER BY hashtext(ticket_id::text || $1) LIMIT $2`, [
    String(dice(1e9)),
    count,
  ]);
  return rows.map((row) => row.ticket_id);
}

const PENDING_STATUSES = [TicketStatus.OPEN, TicketStatus.IN_PROGRESS, TicketStatus.ON_HOLD];
const FINAL_STATUSES = [TicketStatus.RESOLVED, TicketStatus.CLOSED, TicketStatus.CANCELLED];

function newTicket(staff: Staff, dice: Dice) {
  return {
    groupId: groupOf(staff, dice).groupId,
    userId: BigInt(dice(500) + 1),
    priority: (1 + dice(4)) as Priority,
    agentId: dice(12) === 0 ? pick(staff.agentIds, dice) : '',
    uniquePerUser: dice(10) === 0,
    externalReferences: dice(8) === 0 ? [{ system: 'crm', id: String(dice(200)), url: '' }] : [],
  };
}

async function change(
  who: Clients,
  harness: Harness,
  dice: Dice,
  where: string,
  values: Omit<MessageInitShape<typeof TicketSchema>, '$typeName'>,
  paths: string[],
): Promise<void> {
  for (const ticketId of await someTickets(harness, dice, 1, where)) await who.tickets.updateTicket({ ticket: { ...values, ticketId }, updateMask: { paths } });
}

const PENDING = 'status <= 3';
const tickets: readonly Deed[] = [
  (who, staff, dice) => who.tickets.createTicket(newTicket(staff, dice)),
  (who, staff, dice) => who.tickets.createTicket(newTicket(staff, dice)),
  (who, staff, dice) => who.tickets.createTicket({ ...newTicket(staff, dice), requestId: randomUUID() }),
  async (who, staff, dice) => {
    const request = { ...newTicket(staff, dice), requestId: randomUUID() };
    await Promise.all([who.tickets.createTicket(request), who.tickets.createTicket(request)]);
  },
  (who, staff, dice) => who.tickets.batchCreateTickets({ requests: Array.from({ length: 1 + dice(12) }, () => newTicket(staff, dice)) }),
  (who, _, dice, harness) => change(who, harness, dice, `${PENDING} AND agent_id IS NOT NULL`, { status: TicketStatus.RESOLVED }, ['status']),
  (who, _, dice, harness) => change(who, harness, dice, `${PENDING} AND agent_id IS NOT NULL`, { status: TicketStatus.RESOLVED }, ['status']),
  (who, _, dice, harness) => change(who, harness, dice, PENDING, { status: pick(FINAL_STATUSES, dice) }, ['status']),
  (who, _, dice, harness) => change(who, harness, dice, PENDING, { status: pick(PENDING_STATUSES, dice) }, ['status']),
  (who, _, dice, harness) => change(who, harness, dice, 'status IN (4, 5)', { status: TicketStatus.OPEN }, ['status']),
  (who, _, dice, harness) => change(who, harness, dice, PENDING, { priority: (1 + dice(4)) as Priority, title: `t${dice(9)}` }, ['priority', 'title']),
  (who, _, dice, harness) => change(who, harness, dice, `${PENDING} AND agent_id IS NOT NULL`, { agentId: '' }, ['agent_id']),
  (who, staff, dice, harness) => change(who, harness, dice, PENDING, { agentId: pick(staff.agentIds, dice) }, ['agent_id']),
  (who, staff, dice, harness) =>
    change(who, harness, dice, 'status IN (4, 5)', { status: TicketStatus.OPEN, agentId: pick(staff.agentIds, dice) }, ['status', 'agent_id']),
  (who, staff, dice, harness) => change(who, harness, dice, PENDING, { groupId: groupOf(staff, dice).groupId }, ['group_id']),
  (who, staff, dice, harness) => change(who, harness, dice, PENDING, { groupId: groupOf(staff, dice).groupId, agentId: '' }, ['group_id', 'agent_id']),
  (who, _, dice, harness) => change(who, harness, dice, 'true', { title: `only a title ${dice(100)}` }, ['title']),
];

async function bulk(
  who: Clients,
  harness: Harness,
  dice: Dice,
  patch: Omit<MessageInitShape<typeof TicketSchema>, '$typeName'>,
  paths: string[],
  where = PENDING,
): Promise<void> {
  const ticketIds = await someTickets(harness, dice, 1 + dice(12), where);
  if (ticketIds.length > 0) await who.tickets.bulkUpdateTickets({ ticketIds, patch, updateMask: { paths } });
}

const many: readonly Deed[] = [
  (who, _, dice, harness) => bulk(who, harness, dice, { status: pick(FINAL_STATUSES, dice) }, ['status']),
  (who, _, dice, harness) => bulk(who, harness, dice, { agentId: '' }, ['agent_id']),
  (who, staff, dice, harness) => bulk(who, harness, dice, { groupId: groupOf(staff, dice).groupId }, ['group_id']),
  (who, _, dice, harness) => bulk(who, harness, dice, { priority: (1 + dice(4)) as Priority }, ['priority']),
  (who, _, dice, harness) => bulk(who, harness, dice, { status: TicketStatus.OPEN }, ['status'], 'status IN (4, 5)'),
  (who, staff, dice) => who.tickets.reassignTickets({ fromAgentIds: [pick(staff.agentIds, dice)] }),
  (who, staff, dice) =>
    who.tickets.reassignTickets({ fromAgentIds: [pick(staff.agentIds, dice)], toAgentIds: [pick(staff.agentIds, dice), pick(staff.agentIds, dice)] }),
  async (who, _, dice, harness) => {
    const ticketIds = await someTickets(harness, dice, 8, PENDING);
    if (ticketIds.length > 0) await who.tickets.reassignTickets({ ticketIds });
  },
];

const { LEAST_ASSIGNED_TODAY, MANUAL, ROUND_ROBIN, FEWEST_OPEN, ASSIGNED_PER_HOUR_PRESENT, WEIGHTED } = AssignmentStrategy;
const STRATEGIES = [LEAST_ASSIGNED_TODAY, LEAST_ASSIGNED_TODAY, MANUAL, ROUND_ROBIN, FEWEST_OPEN, ASSIGNED_PER_HOUR_PRESENT, WEIGHTED];

const people: readonly Deed[] = [
  async (_, __, ___, harness) => {
    await harness.moveClock('10 minutes');
    await harness.runJobs(jobs);
  },
  (who, staff, dice) => who.agents.updateAgent({ agent: { agentId: pick(staff.agentIds, dice), weight: 1 + dice(9) }, updateMask: { paths: ['weight'] } }),
  (who, staff, dice) => who.agents.setAvailability({ agentId: pick(staff.agentIds, dice), availability: Availability.AWAY, reassignPending: dice(2) === 0 }),
  (who, staff, dice) => who.agents.setAvailability({ agentId: pick(staff.agentIds, dice), availability: Availability.AVAILABLE }),
  (who, staff, dice) => who.agents.setAvailability({ agentId: pick(staff.agentIds, dice), availability: Availability.AVAILABLE }),
  (who, staff, dice) =>
    who.agents.updateAgent({
      agent: { agentId: pick(staff.agentIds, dice), ...(dice(2) === 0 ? { maxOpenTickets: 1 + dice(8) } : {}) },
      updateMask: { paths: ['max_open_tickets'] },
    }),
  (who, staff, dice) =>
    who.agents.updateAgent({ agent: { agentId: pick(staff.agentIds, dice), skills: { french: dice(3) } }, updateMask: { paths: ['skills'] } }),
  (who, staff, dice) => who.agents.updateAgent({ agent: { agentId: pick(staff.agentIds, dice), active: dice(5) > 0 }, updateMask: { paths: ['active'] } }),
  (who, staff, dice) => who.agents.deleteAgent({ agentId: pick(staff.agentIds, dice) }),
  (who, staff, dice) => bringBack(who, staff, dice),
  (who, staff, dice) => makeLateAgent(who, staff, dice),
  (who, staff, dice) =>
    who.agents.updateAgent({
      agent: { agentId: pick(staff.agentIds, dice), groupIds: [...new Set([groupOf(staff, dice).groupId, groupOf(staff, dice).groupId])] },
      updateMask: { paths: ['group_ids'] },
    }),
  (who, staff, dice) => who.groups.addGroupMembers({ groupId: groupOf(staff, dice).groupId, agentIds: [pick(staff.agentIds, dice)] }),
  (who, staff, dice) =>
    who.groups.addGroupMembers({ groupId: groupOf(staff, dice).groupId, agentIds: [...new Set([pick(staff.agentIds, dice), pick(staff.agentIds, dice)])] }),
  (who, staff, dice) => who.groups.removeGroupMembers({ groupId: groupOf(staff, dice).groupId, agentIds: [pick(staff.agentIds, dice)] }),
  (who, staff, dice) => who.groups.updateGroup({ group: { groupId: groupOf(staff, dice).groupId, active: dice(5) > 0 }, updateMask: { paths: ['active'] } }),
  (who, staff, dice) =>
    who.groups.updateGroup({
      group: {
        // The bound on fairness speaks of groups that keep the default: one does.
        groupId: pick(
          staff.groups.filter(({ key }) => key !== 'ALONE'),
          dice,
        ).groupId,
        assignmentPolicy: {
          strategy: pick(STRATEGIES, dice),
          preferPreviousAgent: dice(2) === 0,
          ...(dice(3) === 0 ? {} : { skillRelaxation: { seconds: BigInt(1200 * (1 + dice(3))), nanos: 0 } }),
        },
      },
      updateMask: { paths: ['assignment_policy.strategy', 'assignment_policy.prefer_previous_agent', 'assignment_policy.skill_relaxation'] },
    }),
  (who, staff, dice) =>
    who.groups.updateGroup({
      group: {
        groupId: groupOf(staff, dice).groupId,
        assignmentPolicy: { ...(dice(2) === 0 ? { maxOpenPerAgent: 1 + dice(6) } : {}), ...(dice(2) === 0 ? { catchUpLimit: dice(3) } : {}) },
      },
      updateMask: { paths: ['assignment_policy.max_open_per_agent', 'assignment_policy.catch_up_limit'] },
    }),
  (who, staff, dice) =>
    who.groups.deleteGroup({
      groupId: groupOf(staff, dice).groupId,
      ...(dice(2) === 0 ? { force: true } : { moveTicketsToGroupId: groupOf(staff, dice).groupId }),
    }),
  (who, staff, dice) => bringBack(who, staff, dice),
];

/** Everybody and everything that was deleted, so that there is always somebody at work. */
async function bringBack(who: Clients, staff: Staff, dice: Dice): Promise<void> {
  const back = [
    ...staff.groups.map(({ groupId }) => who.groups.undeleteGroup({ groupId })),
    ...staff.agentIds.map((agentId) => who.agents.undeleteAgent({ agentId })),
  ];
  await Promise.allSettled(back);
  await who.groups.updateGroup({ group: { groupId: groupOf(staff, dice).groupId, active: true }, updateMask: { paths: ['active'] } });
  await who.agents.updateAgent({ agent: { agentId: pick(staff.agentIds, dice), active: true }, updateMask: { paths: ['active'] } });
}

async function makeLateAgent(who: Clients, staff: Staff, dice: Dice): Promise<void> {
  const groupIds = [...new Set([groupOf(staff, dice).groupId, groupOf(staff, dice).groupId])];
  await who.agents.createAgent({
    agent: { agentId: `late-${dice(1e6)}`, groupIds, ...(dice(2) === 0 ? { maxOpenTickets: 1 + dice(3) } : {}) },
  });
}

/**
 * Several callers at once do so many things each, most of them with tickets. What Docket refuses is part of
 * the game; answers the reasons with their counts. Anything else that fails is thrown.
 */
export async function beBusy(
  harness: Harness,
  staff: Staff,
  options: { readonly seed: number; readonly callers: number; readonly deeds: number },
): Promise<Map<string, number>> {
  const refusals = new Map<string, number>();
  const who = harness.callAs({ roles: ['admin', 'service'], actor: 'busy' });
  await Promise.all(
    Array.from({ length: options.callers }, async (_, caller) => {
      const dice = makeDice(options.seed * 1000 + caller);
      for (let at = 0; at < options.deeds; at++) {
        const kind = dice(20);
        const deed = pick(kind < 14 ? tickets : kind < 16 ? many : people, dice);
        try {
          await deed(who, staff, dice, harness);
        } catch (error) {
          if (!(error instanceof DomainError)) throw error;
          refusals.set(error.reason, (refusals.get(error.reason) ?? 0) + 1);
        }
      }
    }),
  );
  return refusals;
}
