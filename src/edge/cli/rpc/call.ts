import { type DescMethod, type DescMethodServerStreaming, type DescMethodUnary, type Message, toJson } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { defineCommand } from 'citty';
import { jsonOf, yamlOf } from '../output/documents.ts';
import { printResult } from '../output/print.ts';
import type { FindService } from '../reach.ts';
import { explained } from '../running/command.ts';
import { UsageWrong } from '../running/failures.ts';
import { tableOf } from './answer.ts';
import { curlLine } from './curl.ts';
import { describeMethod } from './describe.ts';
import { findMethod, loadServices, shortName } from './methods.ts';
import { parseRequest, readRequestText } from './request.ts';
import { callUnary, reachArgs, type Session, type Values, withSession } from './session.ts';

/** The longest that the service allows, in milliseconds. */
const STREAM_MS = 120_000;

/** `docket call [Service/Method] [JSON]`: any RPC of the contract, with JSON in and out. */
export function makeCallCommand(find: FindService) {
  const command = defineCommand({
    meta: { description: 'Call any RPC, with JSON in and out; without an RPC, list all of them' },
    args: {
      method: { type: 'positional', required: false, description: 'Service/Method, such as TicketService/GetTicket; the service may be left out' },
      request: { type: 'positional', required: false, description: 'The request as JSON; @FILE reads a file, - reads standard input; empty if absent' },
      describe: { type: 'boolean', description: 'Show the fields of the request and of the answer instead of calling' },
      output: { type: 'enum', alias: 'o', options: ['json', 'yaml'], description: 'json, if absent; a stream is a JSON object on each line' },
      curl: { type: 'boolean', description: 'Print the equal `buf curl` line instead of calling' },
      ...reachArgs,
    },
    async run({ args }) {
      const services = await loadServices();
      if (args.method === undefined) {
        const rows = services.flatMap((service) => service.methods).map((method) => [shortName(method), kindOf(method)]);
        return printResult(`${tableOf(['RPC', 'KIND'], rows)}\n`);
      }
      const method = findMethod(services, args.method);
      if (args.describe) return printResult(`${describeMethod(method)}\n`);
      const request = parseRequest(method.input, await readRequestText(args.request));
      const values = args as unknown as Values;
      await withSession(values, find, async (session) => {
        if (args.curl) return printResult(`${curlLine(await session.curlTarget(), method, toJson(method.input, request))}\n`);
        return method.methodKind === 'unary'
          ? callOnce(session, method as DescMethodUnary, request, args.output === 'yaml')
          : callStream(session, streaming(method), request, args.output === 'yaml');
      });
    },
  });
  return explained(
    {
      examples: [
        'call',
        'call TicketService/CreateTicket --describe',
        `call GetTicket '{"ticket_id":"KYC-1042"}'`,
        `call TicketService/ListTickets '{"filter":"status == OPEN","pageSize":3}' --curl`,
        'call BatchCreateTickets @tickets.json',
      ],
      more: 'Fields are written in either spelling, ticket_id or ticketId. Times are texts such as "2026-11-17T09:00:00Z", spans "90s", whole numbers of 64 bits may be texts, enums may have their short names, OPEN for TICKET_STATUS_OPEN. A change that names no request_id is given one, and is repeated under it while the service is away.',
    },
    command,
  );
}

async function callOnce(session: Session, method: DescMethodUnary, request: Message, yaml: boolean): Promise<void> {
  const answer = toJson(method.output, await callUnary(session, method, request));
  await printResult(yaml ? yamlOf(answer) : `${jsonOf(answer)}\n`);
}

/** Prints each message as it comes: a line of JSON, or a document of YAML. */
async function callStream(session: Session, method: DescMethodServerStreaming, request: Message, yaml: boolean): Promise<void> {
  const { transport } = await session.client();
  const client: Record<string, unknown> = createClient(method.parent, transport);
  const call = client[method.localName] as (input: Message, options: object) => AsyncIterable<Message>;
  for await (const message of call(request, { timeoutMs: STREAM_MS, signal: session.signal })) {
    const json = toJson(method.output, message);
    await printResult(yaml ? `---\n${yamlOf(json)}` : `${jsonOf(json, 0)}\n`);
  }
}

function streaming(method: DescMethod): DescMethodServerStreaming {
  if (method.methodKind === 'server_streaming') return method as DescMethodServerStreaming;
  throw new UsageWrong(`${shortName(method)} takes a stream of messages, which this command does not send`);
}

const kindOf = ({ methodKind, idempotency }: DescMethod): string =>
  `${idempotency === 1 ? 'read' : 'change'}${methodKind === 'unary' ? '' : `, ${methodKind.replace('_', ' ')}`}`;
