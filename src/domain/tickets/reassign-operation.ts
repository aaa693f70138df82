import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import { StayReason } from '../../../gen/ticketing/v1/reassignment_pb.ts';
import type { ReassignTicketsResponseSchema } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import type { Command, Plan, Unit } from '../../foundation/commands/command.ts';
import type { Caller } from '../../foundation/context.ts';
import { compareWaiting, type Deal } from '../assignment/index.ts';
import { findPools } from '../groups/index.ts';
import { acceptOperation, type OperationKind, type TicketResult } from '../operations/index.ts';
import { planChunkOfPlan } from './apply-plan.ts';
import { TicketChangeDenied, TicketNotFound } from './errors.ts';
import { findGroupsOfTickets, loadTickets, loadWhatWaitsForRoom } from './load.ts';
import { includesGroup, type Reach, reachOf } from './reach.ts';
import type { PlannedMove } from './reassignment-plan.ts';
import type { TicketRow } from './row.ts';
import { countSelected, type Selection, selectionQuery } from './select.ts';
import { explainStay, whyItStays } from './staying.ts';
import { assertPooled, openTicketWork, type TicketWork } from './work.ts';
import { writeTickets } from './write.ts';

/** Tickets to deal out again, and who may receive them (nobody named: everybody eligible). */
export interface Reassignment {
  readonly selection: Selection;
  readonly toAgentIds: readonly string[];
  readonly reach: Reach;
  readonly caller: Caller;
  /** When it is only checked: is told what would move, so that just this can be carried out later. */
  readonly keepPlan?: ((moves: readonly PlannedMove[]) => void) | undefined;
}

type Answer = MessageInitShape<typeof ReassignTicketsResponseSchema>;

/** What each chunk of a deal is to know: who gives, and who may receive (nobody named: everybody eligible). */
interface DealOrder {
  readonly fromAgentIds: readonly string[];
  readonly toAgentIds: readonly string[];
}

/** A plan that is carried out as it was made. */
interface PlanOrder {
  readonly planToken: string;
}

/** What chunks of a deal tell the next. */
interface DealSoFar {
  readonly dealId?: number;
  readonly received?: Readonly<Record<string, number>>;
}

/** More tickets than one transaction takes: sets down which, and leaves them to an operation. */
export async function planReassignmentOperation(unit: Unit, command: Command<Reassignment, DescMessage>): Promise<Plan<Answer>> {
  const { selection, toAgentIds, reach, caller } = command.input;
  const selectedCount = BigInt(await countSelected(unit.sql, selection, reach.managed));
  return {
    outcomes: [{ answer: { selectedCount } }],
    async write() {
      const selected = selectionQuery(selection, reach.managed);
      const input: DealOrder = { fromAgentIds: selection.agentIds, toAgentIds };
      const accepted = await acceptOperation(unit, command, { kind: 'REASSIGN_TICKETS', caller, input, tickets: { selected } });
      return [{ operationId: accepted.operationId, selectedCount: BigInt(accepted.ticketCount) }];
    },
  };
}

/** One equal deal over all chunks: what everybody has received so far goes from each to the next. */
export const reassignOperation: OperationKind = {
  name: 'REASSIGN_TICKETS',
  roles: ['admin', 'supervisor'],
  async pools(sql, _operation, { ticketIds }) {
    const [pools = []] = await findPools(sql, [{ groupIds: await findGroupsOfTickets(sql, ticketIds) }]);
    return pools;
  },
  async plan(unit, operation, chunk) {
    const order = operation.input as DealOrder | PlanOrder;
    if ('planToken' in order) return planChunkOfPlan(unit, order.planToken, chunk);
    const { fromAgentIds, toAgentIds } = order;
    const { ticketIds, caller, requestKey } = chunk;
    const reach = await reachOf({ sql: unit.sql, caller });
    const rows = await loadTickets(unit, ticketIds);
    const work = await openTicketWork(unit, 2 * rows.length, rows);
    assertPooled(work, rows);
    await loadWhatWaitsForRoom(work, 2 * rows.length);
    const soFar = operation.memory as DealSoFar;
    const deal: Deal = {
      dealId: soFar.dealId ?? work.assignments.nextNumber(),
      received: new Map(Object.entries(soFar.received ?? {})),
      givers: new Set(fromAgentIds),
      receivers: toAgentIds.length > 0 ? new Set(toAgentIds) : undefined,
    };
    const results = new Map<string, TicketResult>();
    const givers = new Set<string | null>();
    for (const row of rows.sort(compareWaiting)) {
      const from = row.agent_id;
      const result = dealOne(work, row, deal, reach, requestKey);
      results.set(row.ticket_id, result);
      if (result.outcome === 'CHANGED') givers.add(from);
    }
    // Whoever gave tickets away may have room again for what waits.
    if ([...givers].some((agentId) => work.makesRoom(agentId))) work.handOut(requestKey);
    const memory: DealSoFar = { dealId: deal.dealId, received: Object.fromEntries(deal.received) };
    return { results, memory, write: () => writeTickets(work) };
  },
};

function dealOne(work: TicketWork, row: TicketRow, deal: Deal, reach: Reach, requestKey: string): TicketResult {
  if (!includesGroup(reach.managed, row.group_id)) {
    const refused = includesGroup(reach.visible, row.group_id)
      ? new TicketChangeDenied(row.ticket_id, 'its group is not under the caller')
      : new TicketNotFound(row.ticket_id);
    return { outcome: 'FAILED', reason: refused.reason, message: refused.message };
  }
  const isSelected = deal.givers.size === 0 || deal.givers.has(row.agent_id ?? '');
  const stays = whyItStays(work, row, isSelected);
  if (stays === undefined && work.deal(row, deal, requestKey)) return { outcome: 'CHANGED', toAgentId: row.agent_id ?? '' };
  const reason = stays ?? 'NO_ELIGIBLE_AGENT';
  return { outcome: 'UNCHANGED', reason, message: explainStay(work, row, deal, StayReason[reason]) };
}
