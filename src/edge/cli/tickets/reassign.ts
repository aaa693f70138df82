import { createInterface } from 'node:readline/promises';
import { create, toJson } from '@bufbuild/protobuf';
import { defineCommand } from 'citty';
import type { ReassignTicketsRequest, ReassignTicketsResponse } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import { TicketService } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import { note, printResult } from '../output/print.ts';
import type { FindService } from '../reach.ts';
import { type Format, outputArgs, printAnswer, tableOf } from '../rpc/answer.ts';
import { listed } from '../rpc/choices.ts';
import { addRequestArgs, requestArgs } from '../rpc/command.ts';
import { curlLine } from '../rpc/curl.ts';
import { callUnary, reachArgs, type Session, text, textOf, type Values, withSession } from '../rpc/session.ts';
import { explained } from '../running/command.ts';
import { CommandRefused, UsageWrong } from '../running/failures.ts';

const method = TicketService.method.reassignTickets;

/** `docket tickets reassign`: the plan first, then the deal, if somebody says yes. */
export function makeReassignCommand(find: FindService) {
  // `--plan` is what only checking means here.
  const { 'validate-only': _plan, ...common } = requestArgs(method.input);
  const command = defineCommand({
    meta: { description: 'Deal pending tickets out equally to others, after showing who would receive what' },
    args: {
      from: text('Tickets of these agents', 'id,…'),
      tickets: text('These tickets', 'key|id,…'),
      filter: text('Tickets that meet a condition in CEL', 'condition'),
      to: text('Only to these agents; to all of the group, if absent', 'id,…'),
      plan: { type: 'boolean', description: 'Show who would receive what, and change nothing' },
      apply: text('Carry out just this plan, as --plan told it, or nothing', 'plan token'),
      yes: { type: 'boolean', alias: 'y', description: 'Do it without asking' },
      ...common,
      ...outputArgs(false),
      ...reachArgs,
    },
    run: ({ args }) => withSession(args as Values, find, (session) => reassign(args as Values, session)),
  });
  return explained(
    {
      examples: [
        'tickets reassign --from ada --plan',
        'tickets reassign --from ada --yes --reason "ill this week"',
        'tickets reassign --tickets KYC-7,KYC-8 --to grace',
        'tickets reassign --apply 01a20512-7ed2-7b33-a3a4-3d3b3ab3a5f1',
      ],
      more:
        'Without --plan, --yes and --apply it shows the plan and asks; after yes just that plan is carried out, or nothing when something has changed since. ' +
        'More than 1000 tickets are dealt out by an operation, which goes on by itself.',
    },
    command,
  );
}

async function reassign(values: Values, session: Session): Promise<void> {
  const request = requestOf(values);
  const isPlan = values['plan'] === true;
  const isSettled = isPlan || values['yes'] === true || request.planToken !== '';
  if (values['curl'] === true)
    return printResult(`${curlLine(await session.curlTarget(), method, toJson(method.input, { ...request, validateOnly: isPlan }))}\n`);
  if (!isSettled && !process.stdin.isTTY) throw new UsageWrong('nobody can be asked here: --plan shows what would happen, --yes does it');
  const format = (textOf(values, 'output') ?? 'table') as Format;
  if (isSettled) await printAnswer(method.output, await callUnary(session, method, { ...request, validateOnly: isPlan }), format, isPlan ? tell : tellDone);
  else {
    const plan = await callUnary(session, method, { ...request, requestId: '', validateOnly: true });
    note(tell(plan));
    // Too many to be planned are only counted.
    const movesNothing = plan.planToken === '' && (plan.selectedCount === 0n || plan.stayingTickets.length > 0);
    if (movesNothing) return;
    if (!(await saysYes('Deal them out? [y/N] ', session.signal))) throw new CommandRefused('nothing was changed');
    const { requestId, reason } = request;
    const just = plan.planToken === '' ? request : create(method.input, { planToken: plan.planToken, requestId, reason });
    await printAnswer(method.output, await callUnary(session, method, just), format, tellDone);
  }
  if (isPlan) note('Only planned: nothing was changed.');
}

function requestOf(values: Values): ReassignTicketsRequest {
  const request = create(method.input, {
    fromAgentIds: listed(values, 'from'),
    ticketIds: listed(values, 'tickets'),
    filter: textOf(values, 'filter') ?? '',
    toAgentIds: listed(values, 'to'),
    planToken: textOf(values, 'apply') ?? '',
  });
  if (request.fromAgentIds.length + request.ticketIds.length === 0 && request.filter === '' && request.planToken === '')
    throw new UsageWrong('say which tickets: --from, --tickets or --filter; or which plan: --apply');
  addRequestArgs(method.input, request, values);
  return request;
}

async function saysYes(question: string, signal: AbortSignal): Promise<boolean> {
  const dialogue = createInterface({ input: process.stdin, output: process.stderr });
  // In its hands Ctrl-C is a key like others.
  dialogue.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return /^y(es)?$/i.test((await dialogue.question(question, { signal })).trim());
  } finally {
    dialogue.close();
  }
}

/** What was done; an operation has only begun, and `tell` names it. */
function tellDone(answer: ReassignTicketsResponse): string {
  const { movedTickets, stayingTickets, operationId } = answer;
  if (operationId !== '' || movedTickets.length + stayingTickets.length === 0) return tell(answer);
  return `${tell(answer)}\n\nDone: ${movedTickets.length} moved, ${stayingTickets.length} could not be and ${stayingTickets.length === 1 ? 'stays' : 'stay'}.`;
}

function tell({ receipts, movedTickets, stayingTickets, operationId, selectedCount, planToken }: ReassignTicketsResponse): string {
  const parts = [
    receipts.length > 0
      ? [
          tableOf(
            ['AGENT', 'RECEIVES'],
            receipts.map(({ agentId, receivedCount }) => [agentId, `${receivedCount}`]),
          ),
        ]
      : [],
    movedTickets.length > 0
      ? [
          tableOf(
            ['TICKET', 'FROM', 'TO'],
            movedTickets.map(({ key, fromAgentId, toAgentId }) => [key, fromAgentId || '-', toAgentId || '-']),
          ),
        ]
      : [],
    stayingTickets.length > 0
      ? [
          tableOf(
            ['STAYS', 'AGENT', 'WHY'],
            stayingTickets.map(({ key, agentId, explanation }) => [key, agentId || '-', explanation]),
          ),
        ]
      : [],
    selectedCount > BigInt(movedTickets.length + stayingTickets.length) ? [`${selectedCount} tickets are selected.`] : [],
    operationId ? [`Operation ${operationId} deals them out: docket call WaitOperation '{"operation_id": "${operationId}", "timeout": "60s"}'`] : [],
    planToken ? [`docket tickets reassign --apply ${planToken} carries out just this, within 15 minutes.`] : [],
  ].flat();
  return parts.length > 0 ? parts.join('\n\n') : 'There are no such tickets.';
}
