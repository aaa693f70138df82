import { StayReason } from '../../../gen/ticketing/v1/reassignment_pb.ts';
import { type Deal, whyLeftOut } from '../assignment/index.ts';
import { listLeftOut } from './explain-words.ts';
import type { TicketRow } from './row.ts';
import { isPending } from './rules.ts';
import type { TicketWork } from './work.ts';

/** Why a deal leaves a ticket where it is, before anybody is looked for; undefined when it does not. */
export function whyItStays(work: TicketWork, row: TicketRow, isSelected: boolean): Exclude<keyof typeof StayReason, 'UNSPECIFIED'> | undefined {
  if (!isPending(row.status)) return 'NOT_PENDING';
  if (!isSelected) return 'NOT_SELECTED';
  const group = work.roster.groups.get(row.group_id);
  return group?.active && !group.deleted ? undefined : 'GROUP_INACTIVE';
}

/** The same in words. */
export function explainStay(work: TicketWork, row: TicketRow, deal: Deal, reason: StayReason): string {
  return reason === StayReason.NO_ELIGIBLE_AGENT ? explainNobody(work, row, deal) : (EXPLANATIONS[reason] ?? '');
}

const EXPLANATIONS: Readonly<Record<number, string>> = {
  [StayReason.NOT_PENDING]: 'it is not pending any more',
  [StayReason.GROUP_INACTIVE]: 'its group is not active',
  [StayReason.NOT_SELECTED]: 'its agent is not among from_agent_ids, or it does not meet the filter',
};

/** Who of the group cannot take it just now, and why. */
function explainNobody(work: TicketWork, row: TicketRow, deal: Deal): string {
  const group = work.roster.groups.get(row.group_id);
  if (!group || group.members.length === 0) return 'its group has no members';
  const leftOut = group.members.map((agent) => {
    const outside = agent.agentId === row.agent_id || deal.givers.has(agent.agentId) || deal.receivers?.has(agent.agentId) === false;
    return { agentId: agent.agentId, reason: outside ? 'EXCLUDED' : (whyLeftOut(agent, group) ?? '') };
  });
  return `nobody of its group can take it: ${listLeftOut(leftOut)}`;
}
