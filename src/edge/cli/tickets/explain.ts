import { type AssignmentExplanation, LeftOutReasonSchema } from '../../../../gen/ticketing/v1/assignment_explanation_pb.ts';
import { TicketService } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import type { FindService } from '../reach.ts';
import { paragraph, tableOf } from '../rpc/answer.ts';
import { shortNameOf } from '../rpc/choices.ts';
import { makeRpcCommand } from '../rpc/command.ts';
import { textOf } from '../rpc/session.ts';
import { ticketArgument } from './show.ts';

/** `docket tickets explain TICKET` */
export const makeExplainCommand = (find: FindService) =>
  makeRpcCommand(find, {
    method: TicketService.method.explainAssignment,
    description: 'Tell why the one who has a ticket was given it, or why nobody was',
    explanation: {
      examples: ['tickets explain KYC-1042'],
      more: 'HANDICAP: tickets that count as given to him on that day, in the choice of this group only, because he came late and the policy limits how many he may catch up. 0 for most.',
    },
    args: { ticket: ticketArgument },
    request: (values) => ({ ticketId: textOf(values, 'ticket') ?? '' }),
    tell: ({ explanation }) => (explanation ? tell(explanation) : ''),
  });

function tell({ summary, candidates, leftOut }: AssignmentExplanation): string {
  const could = candidates.map(({ rank, agentId, assignedToday, handicap, openTickets, chosen }) => [
    `${rank}`,
    agentId,
    `${assignedToday}`,
    `${handicap}`,
    `${openTickets}`,
    chosen ? 'given the ticket' : '',
  ]);
  const not = leftOut.map(({ agentId, reason }) => [agentId, shortNameOf(LeftOutReasonSchema, reason)]);
  return [
    paragraph(summary),
    ...(could.length > 0 ? [tableOf(['RANK', 'AGENT', 'TODAY', 'HANDICAP', 'OPEN', ''], could)] : []),
    ...(not.length > 0 ? [tableOf(['LEFT OUT', 'WHY'], not)] : []),
  ].join('\n\n');
}
