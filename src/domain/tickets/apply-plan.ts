import type { MessageInitShape } from '@bufbuild/protobuf';
import type { MovedTicketSchema } from '../../../gen/ticketing/v1/reassignment_pb.ts';
import { ReassignTicketsResponseSchema } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import { type Command, type CommandKind, forUpdate, type Plan, type Unit } from '../../foundation/commands/command.ts';
import { UnitMemory } from '../../foundation/commands/memory.ts';
import type { Caller } from '../../foundation/context.ts';
import { viewPools } from '../../foundation/database/pools.ts';
import { compareWaiting, loadRoster, takeNumbers, whyLeftOut } from '../assignment/index.ts';
import { findPools } from '../groups/index.ts';
import { acceptOperation, type Chunk, type ChunkPlan, type TicketResult } from '../operations/index.ts';
import { PlanOutdated } from './errors.ts';
import { loadTickets, loadWhatWaitsForRoom } from './load.ts';
import { includesGroup, type Reach, reachOf } from './reach.ts';
import { acceptPlan, deletePlan, findGroupsOfPlan, getPlanSize, inPlan, type PlannedMove, planQuery, readMoves } from './reassignment-plan.ts';
import { receiptsOf } from './receipts.ts';
import type { TicketRow } from './row.ts';
import { TICKETS_PER_CHANGE } from './rules.ts';
import { readLean } from './select.ts';
import { assertPooled, openTicketWork, TicketWork } from './work.ts';
import { writeTickets } from './write.ts';

/** A plan to carry out as it is. */
export interface PlanToApply {
  readonly planToken: string;
  readonly reach: Reach;
  readonly caller: Caller;
}

type Answer = MessageInitShape<typeof ReassignTicketsResponseSchema>;

/** Tickets and agents that a refusal names. */
const NAMED_AT_MOST = 5;

/** Carries a plan out exactly, or not at all; more than a thousand tickets by an operation. The decisions are the caller's own: he has seen them. */
export const applyPlanCommand: CommandKind<PlanToApply, typeof ReassignTicketsResponseSchema> = {
  name: 'ReassignTickets',
  answer: ReassignTicketsResponseSchema,
  together: 1,
  async pools(sql, inputs) {
    const needs = [];
    for (const { planToken, caller } of inputs) {
      const isSmall = (await getPlanSize(sql, caller.actor, planToken)) <= TICKETS_PER_CHANGE;
      needs.push({ groupIds: isSmall ? await findGroupsOfPlan(sql, planToken) : [] });
    }
    return findPools(sql, needs);
  },
  async plan(unit, [command]) {
    if (!command) throw new Error('nothing to plan');
    const { planToken, caller } = command.input;
    const tickets = await getPlanSize(unit.sql, caller.actor, planToken, forUpdate(unit));
    return tickets <= TICKETS_PER_CHANGE ? planAtOnce(unit, command) : planOperation(unit, command, tickets);
  },
};

async function planAtOnce(unit: Unit, { input, requestKey }: Command<PlanToApply>): Promise<Plan<Answer>> {
  const moves = await readMoves(unit.sql, input.planToken);
  const rows = await loadTickets(unit, [...moves.keys()]);
  // Where they are now, nothing may be locked: the pools are those of the plan.
  const gone = rows.filter((row) => row.group_id !== moves.get(row.ticket_id)?.groupId);
  if (gone.length > 0) throw new PlanOutdated(gone.slice(0, NAMED_AT_MOST).map((row) => `ticket ${row.key}`));
  const work = await openMoves(unit, rows);
  const received = new Map<string, number>();
  const outdated: string[] = [];
  const moved: MessageInitShape<typeof MovedTicketSchema>[] = [];
  for (const { row, move } of work.inOrder(moves)) {
    const changed = carryOutMove(work.tickets, row, move, input.reach, requestKey);
    if (changed) {
      outdated.push(changed);
      continue;
    }
    received.set(move.toAgentId, (received.get(move.toAgentId) ?? 0) + 1);
    moved.push({ ticketId: row.ticket_id, key: row.key, fromAgentId: move.fromAgentId ?? '', toAgentId: move.toAgentId });
  }
  if (outdated.length > 0) throw new PlanOutdated([...new Set(outdated)].slice(0, NAMED_AT_MOST));
  work.handOut([...moves.values()], requestKey);
  return {
    outcomes: [{ answer: { receipts: receiptsOf(received), movedTickets: moved, selectedCount: BigInt(moves.size) } }],
    async write() {
      await deletePlan(unit.sql, input.planToken);
      await writeTickets(work.tickets);
      return undefined;
    },
  };
}

async function planOperation(unit: Unit, command: Command<PlanToApply>, tickets: number): Promise<Plan<Answer>> {
  const { planToken, caller } = command.input;
  const outdated = await findOutdated(unit, command);
  if (outdated.length > 0) throw new PlanOutdated(outdated);
  return {
    outcomes: [{ answer: { selectedCount: BigInt(tickets) } }],
    async write() {
      await acceptPlan(unit.sql, planToken);
      const operation = { kind: 'REASSIGN_TICKETS', caller, input: { planToken }, tickets: { selected: planQuery(planToken) } } as const;
      const { operationId, ticketCount } = await acceptOperation(unit, command, operation);
      return [{ operationId, selectedCount: BigInt(ticketCount) }];
    },
  };
}

/**
 * The first of what keeps a large plan from being carried out as it is: it is gone through in memory as if it were, by what can be seen without locks.
 * Read a thousand tickets at a time, so that others are served meanwhile.
 */
async function findOutdated(unit: Unit, { input, requestKey }: Command<PlanToApply>): Promise<string[]> {
  const { planToken, reach } = input;
  const moves = await readMoves(unit.sql, planToken);
  const [poolIds = []] = await findPools(unit.sql, [{ groupIds: await findGroupsOfPlan(unit.sql, planToken) }]);
  const { pools } = await viewPools(unit.sql, poolIds);
  const rehearsal: Unit = Object.create(unit, { pools: { value: pools }, memory: { value: new UnitMemory() }, dryRun: { value: true } });
  const givers = new Set([...moves.values()].flatMap(({ fromAgentId }) => fromAgentId ?? []));
  const work = new TicketWork(rehearsal, await loadRoster(rehearsal, [...givers]), await takeNumbers(rehearsal, 0));
  const outdated = new Set<string>();
  for await (const row of readLean(unit.sql, inPlan(planToken))) {
    const move = moves.get(row.ticket_id);
    const changed = move && carryOutMove(work, row, move, reach, requestKey);
    if (changed) outdated.add(changed);
    if (outdated.size === NAMED_AT_MOST) break;
  }
  return [...outdated];
}

/** A chunk of a plan that an operation carries out: what changed since it was accepted stays as it is. */
export async function planChunkOfPlan(unit: Unit, planToken: string, { ticketIds, caller, requestKey }: Chunk): Promise<ChunkPlan> {
  const reach = await reachOf({ sql: unit.sql, caller });
  const moves = await readMoves(unit.sql, planToken, ticketIds);
  const work = await openMoves(unit, await loadTickets(unit, ticketIds));
  const results = new Map<string, TicketResult>();
  const done: PlannedMove[] = [];
  for (const { row, move } of work.inOrder(moves)) {
    const changed = carryOutMove(work.tickets, row, move, reach, requestKey);
    if (changed) results.set(row.ticket_id, { outcome: 'FAILED', reason: 'PLAN_OUTDATED', message: `since it was planned there has changed: ${changed}` });
    else {
      results.set(row.ticket_id, { outcome: 'CHANGED', toAgentId: move.toAgentId });
      done.push(move);
    }
  }
  work.handOut(done, requestKey);
  return { results, write: () => writeTickets(work.tickets) };
}

async function openMoves(unit: Unit, rows: TicketRow[]) {
  const tickets = await openTicketWork(unit, 2 * rows.length, rows);
  assertPooled(tickets, rows);
  await loadWhatWaitsForRoom(tickets, 2 * rows.length);
  return {
    tickets,
    inOrder: (moves: ReadonlyMap<string, PlannedMove>): { row: TicketRow; move: PlannedMove }[] =>
      rows.sort(compareWaiting).flatMap((row) => {
        const move = moves.get(row.ticket_id);
        return move ? [{ row, move }] : [];
      }),
    /** Whoever gave tickets away may have room again for what waits. */
    handOut(moves: readonly PlannedMove[], requestKey: string): void {
      if (moves.some((move) => tickets.makesRoom(move.fromAgentId))) tickets.handOut(requestKey);
    },
  };
}

/** Gives the ticket to whom it was planned for; or answers what changed since, and leaves it. */
function carryOutMove(work: TicketWork, row: TicketRow, move: PlannedMove, reach: Reach, requestKey: string): string | undefined {
  const isSame = row.group_id === move.groupId && row.status === move.status && row.agent_id === move.fromAgentId;
  const group = work.roster.groups.get(row.group_id);
  if (!isSame || !group || !includesGroup(reach.managed, row.group_id)) return `ticket ${row.key}`;
  const agent = work.roster.agents.get(move.toAgentId);
  const waitStart = row.wait_start_time;
  const relaxed = work.assignments.relaxedLevels({ groupId: row.group_id, waitStart });
  if (!group.active || group.deleted || !agent || !group.members.includes(agent) || whyLeftOut(agent, group, relaxed)) return `agent ${move.toAgentId}`;
  work.give(row, agent, row.agent_id !== null, requestKey);
  return undefined;
}
