import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type EntityManager, LockMode } from '@mikro-orm/postgresql';
import type { Priority, TicketSchema, TicketStatus } from '../../../../gen/ticketing/v1/ticket_pb.ts';
import { type CreateTicketRequest, type CreateTicketResponse, CreateTicketResponseSchema } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import { Agent, AgentCounters } from '../../../../src/domain/agents/index.ts';
import { Group, GroupInactive, Membership } from '../../../../src/domain/groups/index.ts';
import { readTime, type Time, toTimestamp } from '../../../../src/foundation/clock.ts';
import { RequestIdReused } from '../../../../src/foundation/commands/carry-out.ts';
import type { Context } from '../../../../src/foundation/context.ts';
import { sqlOf } from '../../../../src/foundation/database/sql.ts';
import { newId } from '../../../../src/foundation/ids.ts';
import { AssignmentDecision, AssignmentRound, GroupCounters, GroupPool, Pool, RequestRecord, Ticket } from './entities.ts';

const OPEN = 1;
const MEDIUM = 2;

/**
 * CreateTicket as one would write it with an ORM: one unit of work for each request. The pool's row is locked,
 * the group and its agents are loaded as entities, the choice is made by the engine's rule (as far as groups
 * without limits, skills and handicaps need it), and everything is persisted and committed.
 */
export async function createTicketByUnitOfWork(em: EntityManager, request: CreateTicketRequest, ctx: Context): Promise<CreateTicketResponse> {
  const { groupId } = request;
  const { poolId } = await em.findOneOrFail(GroupPool, groupId);
  const pool = await em.findOneOrFail(Pool, poolId, { lockMode: LockMode.PESSIMISTIC_WRITE });
  const repeated = await findRepeat(em, ctx);
  if (repeated) return repeated;
  const sql = sqlOf(em);
  const time = await readTime(sql);
  const numbers = await sql<{ number: string }>(`SELECT nextval('assignment_sequence') AS number FROM generate_series(1, 2)`);
  const [roundId, sequence] = numbers.map(({ number }) => number) as [string, string];
  const group = await em.findOneOrFail(Group, groupId);
  if (!group.active || group.deleteTime) throw new GroupInactive(groupId);
  const counted = await em.findOneOrFail(GroupCounters, groupId);
  pool.sequence = String(BigInt(pool.sequence) + 1n);
  if (pool.businessDay < time.today) pool.businessDay = time.today;
  const choice = await choose(em, group, pool.businessDay);
  counted.lastTicketNumber += 1;

  const requestKey = newId();
  const ticketId = newId();
  const { winner } = choice;
  const agentId = winner?.agentId ?? null;
  const ticket = em.create(Ticket, {
    ticketId,
    key: `${group.key}-${counted.lastTicketNumber}`,
    groupId,
    userId: String(request.userId),
    agentId,
    status: OPEN,
    priority: request.priority || MEDIUM,
    title: request.title,
    description: request.description,
    createTime: time.now,
    updateTime: time.now,
    assignTime: agentId && time.now,
    lastRequest: requestKey,
  });
  const answer = create(CreateTicketResponseSchema, { ticket: toMessage(ticket) });
  await record(em, ctx, requestKey, answer);
  em.persist(ticket);
  if (winner) {
    em.persist(roundOf(em, roundId, group, pool.businessDay, time, choice));
    const decision = { sequence, ticketId, groupId, kind: 'CREATE', roundId, position: 0, agentId: winner.agentId, tieBreak: choice.tieBreak };
    em.persist(em.create(AssignmentDecision, { ...decision, businessDay: pool.businessDay, time: time.now, requestKey }));
    count(await em.findOneOrFail(AgentCounters, winner.agentId), pool.businessDay, sequence, time);
  }
  return answer;
}

async function findRepeat(em: EntityManager, { caller, intent }: Context): Promise<CreateTicketResponse | undefined> {
  if (!intent?.requestId) return undefined;
  const known = await em.findOne(RequestRecord, { actor: caller.actor, requestId: intent.requestId });
  if (!known?.answer) return undefined;
  if (Buffer.compare(known.bodyHash, intent.bodyHash) !== 0) throw new RequestIdReused(intent.requestId);
  return fromBinary(CreateTicketResponseSchema, known.answer);
}

/** The request goes ahead of the rows that name it: the audit trigger looks it up. */
async function record(em: EntityManager, { caller, rpc, intent }: Context, requestKey: string, answer: CreateTicketResponse): Promise<void> {
  const { actor, actorKind } = caller;
  const stored = {
    requestKey,
    actor,
    actorKind,
    rpc,
    requestId: intent?.requestId ?? null,
    reason: intent?.reason ?? '',
    bodyHash: Buffer.from(intent?.bodyHash ?? []),
    answer: Buffer.from(toBinary(CreateTicketResponseSchema, answer)),
  };
  em.persist(em.create(RequestRecord, stored));
  await em.flush();
}

interface Choice {
  readonly candidates: readonly AgentCounters[];
  readonly leftOut: readonly { readonly agentId: string; readonly reason: string }[];
  readonly winner: AgentCounters | undefined;
  readonly tieBreak: string;
}

const assignedOn = (counters: AgentCounters, day: string): number => (counters.businessDay === day ? counters.assignedToday : 0);

/** Fewest assigned today, then least recently assigned, then by id. */
async function choose(em: EntityManager, { groupId }: Group, day: string): Promise<Choice> {
  // Only the winner is changed: the others are read without being watched for changes, as the manual advises.
  const unwatched = { disableIdentityMap: true } as const;
  const memberships = await em.find(Membership, { groupId }, { ...unwatched, fields: ['agentId'] });
  const agentIds = memberships.map((membership) => membership.agentId);
  const agents = await em.find(
    Agent,
    { agentId: { $in: agentIds }, deleteTime: null },
    { ...unwatched, fields: ['agentId', 'active', 'availability'], orderBy: { agentId: 'asc' } },
  );
  const counters = new Map((await em.find(AgentCounters, { agentId: { $in: agentIds } }, unwatched)).map((each) => [each.agentId, each]));
  const candidates: AgentCounters[] = [];
  const leftOut: { agentId: string; reason: string }[] = [];
  for (const { agentId, active, availability } of agents) {
    const own = counters.get(agentId);
    if (active && availability === 'AVAILABLE' && own) candidates.push(own);
    else leftOut.push({ agentId, reason: active ? availability : 'INACTIVE' });
  }
  const byToday = (a: AgentCounters, b: AgentCounters): number => assignedOn(a, day) - assignedOn(b, day);
  const byAge = (a: AgentCounters, b: AgentCounters): number => Number(a.lastAssignedSequence) - Number(b.lastAssignedSequence);
  // Candidates come in the order of their ids, and sorting keeps it between equals.
  const [winner, second] = candidates.toSorted((a, b) => byToday(a, b) || byAge(a, b));
  const apart = winner && second && (byToday(winner, second) ? 'FEWEST_ASSIGNED_TODAY' : byAge(winner, second) ? 'LEAST_RECENTLY_ASSIGNED' : 'AGENT_ID');
  return { candidates, leftOut, winner, tieBreak: apart ?? 'ONLY_CANDIDATE' };
}

function roundOf(em: EntityManager, roundId: string, group: Group, businessDay: string, { now }: Time, { candidates, leftOut }: Choice): AssignmentRound {
  const { strategy, policyVersion: version, catchUpLimit, maxOpenPerAgent, requiredSkills, preferPreviousAgent } = group;
  return em.create(AssignmentRound, {
    roundId,
    rule: 'POLICY',
    groupId: group.groupId,
    policy: { strategy, version, catchUpLimit, maxOpenPerAgent, requiredSkills, preferPreviousAgent },
    businessDay,
    time: now,
    agentIds: candidates.map((candidate) => candidate.agentId),
    assignedToday: candidates.map((candidate) => assignedOn(candidate, businessDay)),
    handicaps: candidates.map(() => 0),
    lastSequences: candidates.map((candidate) => candidate.lastAssignedSequence),
    openTickets: candidates.map((candidate) => candidate.openTickets),
    // Without limits there is room for any number.
    rooms: candidates.map(() => 'NULL'),
    received: candidates.map(() => 0),
    leftOutAgentIds: leftOut.map(({ agentId }) => agentId),
    leftOutReasons: leftOut.map(({ reason }) => reason),
  });
}

function count(winner: AgentCounters, day: string, sequence: string, { now }: Time): void {
  winner.assignedToday = assignedOn(winner, day) + 1;
  winner.resolvedToday = winner.businessDay === day ? winner.resolvedToday : 0;
  winner.businessDay = day;
  winner.totalAssigned = String(BigInt(winner.totalAssigned) + 1n);
  winner.openTickets += 1;
  winner.lastAssignedSequence = sequence;
  winner.lastAssignTime = now;
}

function toMessage(ticket: Ticket): MessageInitShape<typeof TicketSchema> {
  const { ticketId, key, groupId, status, priority, title, description } = ticket;
  return {
    ticketId,
    key,
    groupId,
    // The stored numbers are those of the contract.
    status: status as TicketStatus,
    priority: priority as Priority,
    title,
    description,
    userId: BigInt(ticket.userId),
    agentId: ticket.agentId ?? '',
    etag: '1',
    createTime: toTimestamp(ticket.createTime),
    updateTime: toTimestamp(ticket.updateTime),
    assignTime: toTimestamp(ticket.assignTime),
  };
}
