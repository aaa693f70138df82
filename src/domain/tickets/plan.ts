import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import { BatchCreateTicketsResponseSchema, CreateTicketResponseSchema, UpdateTicketResponseSchema } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import type { Command, CommandKind, Outcome, Plan, Unit } from '../../foundation/commands/command.ts';
import type { PoolMemory } from '../../foundation/commands/memory.ts';
import type { Sql } from '../../foundation/database/sql.ts';
import { DomainError } from '../../foundation/errors.ts';
import { findPools } from '../groups/index.ts';
import { assertCreatable, createTicket, type NewTicket, type Obstacles } from './create.ts';
import { TicketNotFound } from './errors.ts';
import { findKnownAgents, type KnownAgents } from './known-agents.ts';
import { findObstacles, findPoolsOfTickets, loadTickets, loadWhatWaitsForRoom } from './load.ts';
import { toTicket } from './message.ts';
import { includesGroup, type Reach } from './reach.ts';
import { isPending } from './rules.ts';
import { assertChangeable, changeTicket, mayMakeRoom, needsPool, type TicketPatch } from './update.ts';
import { assertGroupsPooled, assertPooled, NUMBERS_PER_TICKET, openTicketWork, type TicketWork } from './work.ts';
import { writeTickets } from './write.ts';

/** Tickets to create, all or none: one for CreateTicket, up to a thousand for BatchCreateTickets. */
export interface Creation {
  readonly tickets: readonly NewTicket[];
  /** Whether it was asked as a batch and is answered as one. */
  readonly batch: boolean;
  readonly reach: Reach;
}

/** A change of one ticket, named by id or key. */
export interface Change {
  readonly ticket: string;
  readonly etag: string;
  readonly patch: TicketPatch;
  readonly reach: Reach;
}

type Input = Creation | Change;

const isCreation = (input: Input): input is Creation => 'tickets' in input;

/** Commands planned together at most. */
const TOGETHER = 1024;

/** A change may give out one waiting ticket besides its own. */
const numbersOf = (input: Input): number => NUMBERS_PER_TICKET * (isCreation(input) ? input.tickets.length : 2) + 1;

function guessCreationPools(memory: PoolMemory, { tickets }: Creation): readonly string[] | undefined {
  const pools = new Set<string>();
  for (const { groupId } of tickets) {
    const pool = memory.poolOf(groupId);
    if (pool === undefined) return undefined;
    pools.add(pool);
  }
  return [...pools];
}

const creationPools = (sql: Sql, inputs: readonly Creation[]): Promise<readonly (readonly string[])[]> =>
  findPools(
    sql,
    inputs.map((input) => ({ groupIds: [...new Set(input.tickets.map((ticket) => ticket.groupId))] })),
  );

/** Creates one ticket. */
export const createTicketCommand: CommandKind<Creation, typeof CreateTicketResponseSchema> = {
  name: 'CreateTicket',
  answer: CreateTicketResponseSchema,
  together: TOGETHER,
  remembers: true,
  numbers: numbersOf,
  guessPools: guessCreationPools,
  pools: creationPools,
  plan: planTickets,
};

/** Creates up to a thousand tickets, all or none. */
export const batchCreateTicketsCommand: CommandKind<Creation, typeof BatchCreateTicketsResponseSchema> = {
  name: 'BatchCreateTickets',
  answer: BatchCreateTicketsResponseSchema,
  together: TOGETHER,
  weight: (input) => input.tickets.length,
  remembers: true,
  numbers: numbersOf,
  guessPools: guessCreationPools,
  pools: creationPools,
  plan: planTickets,
};

/** Changes one ticket. */
export const updateTicketCommand: CommandKind<Change, typeof UpdateTicketResponseSchema> = {
  name: 'UpdateTicket',
  answer: UpdateTicketResponseSchema,
  together: TOGETHER,
  remembers: true,
  numbers: numbersOf,
  async pools(sql, inputs) {
    const placed = inputs.filter((input) => needsPool(input.patch));
    const [own, targets] = await Promise.all([
      findPoolsOfTickets(
        sql,
        placed.map((input) => input.ticket),
      ),
      findPools(
        sql,
        inputs.map(({ patch }) => ({ groupIds: patch.groupId === undefined ? [] : [patch.groupId] })),
      ),
    ]);
    return inputs.map((input, at) => {
      const pool = needsPool(input.patch) ? own.get(input.ticket) : undefined;
      return [...new Set([...(pool === undefined ? [] : [pool]), ...(targets[at] ?? [])])];
    });
  },
  plan: planTickets,
};

/**
 * Plans creations and changes of tickets together, in their order: the hot path. What they touch is
 * read and locked by a fixed number of statements; then everything happens in memory.
 */
async function planTickets(unit: Unit, commands: readonly Command<Input, DescMessage>[]): Promise<Plan<MessageInitShape<DescMessage>>> {
  const changes = commands.flatMap(({ input }) => (isCreation(input) ? [] : [input]));
  const newTickets = commands.flatMap(({ input }) => (isCreation(input) ? input.tickets : []));
  const rows = await loadTickets(
    unit,
    changes.map((change) => change.ticket),
  );
  const work = await openTicketWork(unit, 2 * changes.length + newTickets.length, rows);
  const vacancies = changes.filter((change) => mayMakeRoom(change.patch)).length;
  assertPooled(
    work,
    changes.flatMap((change) => (needsPool(change.patch) ? (work.find(change.ticket) ?? []) : [])),
  );
  await assertGroupsPooled(work, [...newTickets.map((ticket) => ticket.groupId), ...changes.flatMap((change) => change.patch.groupId ?? [])]);
  // As many as may leave a desk, and as many as this plan may itself make wait or take away.
  const limited = await loadWhatWaitsForRoom(work, vacancies > 0 ? vacancies + changes.length : 0);
  const named = [...newTickets.map((ticket) => ticket.agentId), ...changes.map((change) => change.patch.agentId)].flatMap((agentId) => agentId || []);
  const agents = await findKnownAgents(unit.sql, named);
  const obstacles = await findObstacles(unit.sql, newTickets);

  const outcomes: Outcome<MessageInitShape<DescMessage>>[] = [];
  for (const { input, requestKey } of commands) {
    if (!isCreation(input) && outcomes.length > 0 && mustWait(work, input, limited)) break;
    try {
      if (isCreation(input)) assertCreatable(work, input.tickets, input.reach, obstacles, agents);
      outcomes.push({ answer: isCreation(input) ? created(work, input, obstacles, requestKey) : changed(work, input, agents, requestKey) });
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      outcomes.push({ error });
    }
  }
  return {
    outcomes,
    async write() {
      await writeTickets(work);
      return undefined;
    },
  };
}

/** A ticket changes once in a plan: whatever would change one again is left for the next. */
function mustWait(work: TicketWork, input: Change, limited: boolean): boolean {
  const row = work.find(input.ticket);
  if (row && work.isDirty(row)) return true;
  return limited && mayMakeRoom(input.patch) && work.hasDirtyWaiting;
}

function created(work: TicketWork, input: Creation, obstacles: Obstacles, requestKey: string): MessageInitShape<DescMessage> {
  const tickets = input.tickets.map((ticket) => toTicket(createTicket(work, ticket, obstacles, requestKey)));
  return input.batch ? { tickets } : { ticket: tickets[0] };
}

function changed(work: TicketWork, input: Change, agents: KnownAgents, requestKey: string): MessageInitShape<DescMessage> {
  const row = work.find(input.ticket);
  if (!row || !includesGroup(input.reach.visible, row.group_id)) throw new TicketNotFound(input.ticket, 'ticket.ticket_id');
  assertChangeable(work, row, input.patch, input.reach, agents, input.etag);
  const desk = row.agent_id;
  changeTicket(work, row, input.patch, requestKey);
  const answer = toTicket(row);
  if ((row.agent_id !== desk || !isPending(row.status)) && work.makesRoom(desk)) work.handOut(requestKey);
  return { ticket: answer };
}
