import type { MessageInitShape } from '@bufbuild/protobuf';
import { type MovedTicketSchema, type StayingTicketSchema, StayReason } from '../../../gen/ticketing/v1/reassignment_pb.ts';
import { ReassignTicketsResponseSchema } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import type { CommandKind, Plan, Unit } from '../../foundation/commands/command.ts';
import { AgentNotFound } from '../agents/index.ts';
import { compareWaiting, type Deal } from '../assignment/index.ts';
import { findPools } from '../groups/index.ts';
import { loadTickets, loadWhatWaitsForRoom } from './load.ts';
import { includesGroup } from './reach.ts';
import { planReassignmentOperation, type Reassignment } from './reassign-operation.ts';
import type { PlannedMove } from './reassignment-plan.ts';
import { receiptsOf } from './receipts.ts';
import type { TicketRow } from './row.ts';
import { TICKETS_PER_CHANGE } from './rules.ts';
import { countSelected, findGroupsSelected, groupsOf, readForPlan, type Selected, selectTickets } from './select.ts';
import { explainStay, whyItStays } from './staying.ts';
import { assertPooled, openTicketWork, type TicketWork } from './work.ts';
import { writeTickets } from './write.ts';

type Answer = MessageInitShape<typeof ReassignTicketsResponseSchema>;

/** Tickets that are planned at most. */
const PLANNED_TICKETS = 100_000;

/** Deals pending tickets out equally, more than a thousand by an operation; with `validate_only` the answer is the plan. */
export const reassignTicketsCommand: CommandKind<Reassignment, typeof ReassignTicketsResponseSchema> = {
  name: 'ReassignTickets',
  answer: ReassignTicketsResponseSchema,
  together: 1,
  async pools(sql, inputs) {
    const needs = [];
    for (const { selection, reach, keepPlan } of inputs) {
      const selected = await selectTickets(sql, selection, reach.managed);
      if (selected) needs.push({ groupIds: groupsOf(selected) });
      // An operation locks nothing yet; only its plan looks at everybody.
      else needs.push({ groupIds: keepPlan ? await findGroupsSelected(sql, selection, reach.managed) : [] });
    }
    return findPools(sql, needs);
  },
  async plan(unit, [command]) {
    if (!command) throw new Error('nothing to plan');
    await assertAgents(unit, command.input);
    const selected = await selectTickets(unit.sql, command.input.selection, command.input.reach.managed);
    if (selected) return planReassignment(unit, command.input, selected, command.requestKey);
    return command.input.keepPlan ? planManyDry(unit, command.input, command.requestKey) : planReassignmentOperation(unit, command);
  },
};

async function planReassignment(unit: Unit, input: Reassignment, selected: readonly Selected[], requestKey: string): Promise<Plan<Answer>> {
  const rows = await loadTickets(
    unit,
    selected.map((ticket) => ticket.ticketId),
  );
  const work = await openTicketWork(unit, 2 * selected.length, rows);
  assertPooled(work, rows);
  await loadWhatWaitsForRoom(work, 2 * rows.length);
  const answer = dealSelected(work, rows, selected, input, requestKey);
  return {
    outcomes: [{ answer }],
    async write() {
      await writeTickets(work);
      return undefined;
    },
  };
}

function dealSelected(work: TicketWork, rows: readonly TicketRow[], selected: readonly Selected[], input: Reassignment, requestKey: string): Answer {
  const meets = new Set(selected.filter((ticket) => ticket.meets).map((ticket) => ticket.ticketId));
  const dealing = new Dealing(work, input, requestKey);
  for (const row of [...rows].sort(compareWaiting)) dealing.deal(row, meets.has(row.ticket_id));
  // Whoever gave tickets away may have room again for what waits.
  if (dealing.moves.some((move) => work.makesRoom(move.fromAgentId))) work.handOut(requestKey);
  input.keepPlan?.(dealing.moves);
  return { ...dealing.answer, selectedCount: BigInt(selected.length) };
}

/** The plan of a deal that an operation would carry out; beyond what is planned the tickets are only counted. */
async function planManyDry(unit: Unit, input: Reassignment, requestKey: string): Promise<Plan<Answer>> {
  const { selection, reach, keepPlan } = input;
  const count = await countSelected(unit.sql, selection, reach.managed);
  const selectedCount = BigInt(count);
  const answered = (answer: Answer): Plan<Answer> => ({ outcomes: [{ answer }], write: async () => undefined });
  if (count > PLANNED_TICKETS) return answered({ selectedCount });
  const work = await openTicketWork(unit, 2 * count, []);
  const dealing = new Dealing(work, input, requestKey);
  // Read a thousand at a time, so that others are served meanwhile.
  for await (const row of readForPlan(unit.sql, selection, reach.managed)) dealing.deal(row, true);
  keepPlan?.(dealing.moves);
  return answered({ ...dealing.answer, selectedCount });
}

/** One equal deal under way, and what is told of it: not more tickets than an answer can hold. */
class Dealing {
  readonly moves: PlannedMove[] = [];
  readonly #work: TicketWork;
  readonly #deal: Deal;
  readonly #requestKey: string;
  readonly #moved: MessageInitShape<typeof MovedTicketSchema>[] = [];
  readonly #staying: MessageInitShape<typeof StayingTicketSchema>[] = [];

  constructor(work: TicketWork, { selection, toAgentIds }: Reassignment, requestKey: string) {
    this.#work = work;
    this.#requestKey = requestKey;
    this.#deal = {
      dealId: work.assignments.nextNumber(),
      received: new Map(),
      givers: new Set(selection.agentIds),
      receivers: toAgentIds.length > 0 ? new Set(toAgentIds) : undefined,
    };
  }

  deal(row: TicketRow, isSelected: boolean): void {
    const work = this.#work;
    const { agent_id: fromAgentId, status } = row;
    const reason = whyItStays(work, row, isSelected);
    if (reason === undefined && work.deal(row, this.#deal, this.#requestKey)) {
      const toAgentId = row.agent_id ?? '';
      this.moves.push({ ticketId: row.ticket_id, groupId: row.group_id, status, fromAgentId, toAgentId });
      if (this.#moved.length < TICKETS_PER_CHANGE) this.#moved.push({ ticketId: row.ticket_id, key: row.key, fromAgentId: fromAgentId ?? '', toAgentId });
    } else if (this.#staying.length < TICKETS_PER_CHANGE) {
      const stays = StayReason[reason ?? 'NO_ELIGIBLE_AGENT'];
      const explanation = explainStay(work, row, this.#deal, stays);
      this.#staying.push({ ticketId: row.ticket_id, key: row.key, agentId: fromAgentId ?? '', reason: stays, explanation });
    }
  }

  get answer(): Answer {
    return { receipts: receiptsOf(this.#deal.received), movedTickets: this.#moved, stayingTickets: this.#staying };
  }
}

/** Every named agent must be there, and within the caller's groups. */
async function assertAgents(unit: Unit, { selection, toAgentIds, reach }: Reassignment): Promise<void> {
  const named = [...new Set([...selection.agentIds, ...toAgentIds])];
  if (named.length === 0) return;
  const rows = await unit.sql<{ agent_id: string; group_ids: string[] }>(
    `SELECT a.agent_id, coalesce(array_agg(m.group_id::text) FILTER (WHERE m.group_id IS NOT NULL), '{}') AS group_ids
     FROM agents a LEFT JOIN memberships m USING (agent_id)
     WHERE a.agent_id = ANY ($1::text[]) AND a.delete_time IS NULL GROUP BY a.agent_id`,
    [named],
  );
  const known = new Set(
    rows.filter((row) => reach.managed === 'all' || row.group_ids.some((groupId) => includesGroup(reach.managed, groupId))).map((row) => row.agent_id),
  );
  for (const agentId of named) if (!known.has(agentId)) throw new AgentNotFound(agentId);
}
