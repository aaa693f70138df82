import { toJsonString } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { defineCommand } from 'citty';
import { ExportAuditEntriesRequestSchema, ExportListRequestSchema, FileFormat } from '../../../../gen/ticketing/v1/file_service_pb.ts';
import { OperationOutcomeSchema, OperationStateSchema } from '../../../../gen/ticketing/v1/operation_pb.ts';
import { type DocketClient, reasonOf } from '../../../client/index.ts';
import { findGroupId } from '../groups-by-key.ts';
import { connect, type FindService, type Print, type Reachable } from '../reach.ts';
import { choicesOf } from '../rpc/choices.ts';
import { reachArgs, text, textOf, type Values } from '../rpc/session.ts';
import { explained } from '../running/command.ts';
import { CommandRefused, tellExpected, UsageWrong } from '../running/failures.ts';
import { LISTS, readArguments, requestOf } from './options.ts';
import { fileOutput, type Piece, streamOutput } from './output.ts';
import { runExport } from './run.ts';

/** As long as other commands wait for a service that is away. */
const PATIENCE_MS = 120_000;

/** Carries out `docket export`; answers the exit code: 0 when the file is whole, else as `EXIT` says. `progress` is told the bytes so far. */
export async function exportFile(rawArgs: readonly string[], reachable: Reachable, print: Print, progress: (bytes: number) => void): Promise<number> {
  let client: DocketClient | undefined;
  try {
    const args = readArguments(rawArgs);
    if (args.output === undefined && args.format === FileFormat.XLSX && process.stdout.isTTY)
      throw new UsageWrong('a workbook is not for a terminal; name a file with --output');
    client = await connect(args, reachable, print);
    const request = requestOf(args, args.group === undefined ? '' : await groupIdOf(client, args.group));
    const start = starter(client, request);
    const output = args.output === undefined ? streamOutput(process.stdout) : await fileOutput(args.output, describe(request), args.replace);
    if (output.resumeToken !== '') print(`Going on with ${args.output}.part after ${output.bytes.toLocaleString('en')} bytes.`);
    let told = false;
    const onBreak = (failure: ConnectError): void => {
      if (!told) print(`\n  ${failure.rawMessage}; going on as soon as the service answers`);
      told = true;
    };
    try {
      const bytes = await runExport({ start, output, progress, onBreak, patienceMs: PATIENCE_MS });
      if (args.output !== undefined) print(`${args.output}: ${bytes.toLocaleString('en')} bytes.`);
      return 0;
    } catch (error) {
      await output.close();
      if (error instanceof ConnectError && args.output !== undefined) print(tellRest(error, args.output));
      throw error;
    }
  } catch (error) {
    return tellExpected(error, print);
  } finally {
    client?.close();
  }
}

/** `docket export LIST`, against a running service. */
export function makeExportCommand(reachable: FindService) {
  return explained(
    {
      examples: [
        'export tickets --output tickets.xlsx',
        "export tickets --group KYC --filter 'status == OPEN' --output open.csv",
        'export agents --format ndjson',
        'export history --ticket KYC-1042 --output KYC-1042.csv',
        'export versions --agent ada --output ada.xlsx',
        'export operation-tickets --operation 01a20512-7ed2-7b33-a3a4-3d3b3ab3a5f1 --outcome failed',
      ],
    },
    defineCommand({
      meta: {
        name: 'export',
        description: 'Write a list to a file: CSV, a workbook or NDJSON. Repeating a command that broke goes on',
      },
      args: {
        list: { type: 'positional', required: true, description: LISTS.join(', ') },
        output: text('Where to; standard output if absent or -. Until it is whole the file is FILE.part', 'file'),
        format: text('As the file is called if absent, else csv', 'csv|xlsx|ndjson'),
        group: text('Only of this group, or its members or versions', 'key or id'),
        agent: text('Only tickets of this agent, or his versions', 'agent id'),
        ticket: text('Whose history or versions', 'key or id'),
        operation: text('Whose tickets; they are told with what became of them', 'operation id'),
        state: text(`Only operations in these states: ${choicesOf(OperationStateSchema).join(', ')}`, 'state,…'),
        outcome: text(`Only tickets of an operation with these outcomes: ${choicesOf(OperationOutcomeSchema).join(', ')}`, 'outcome,…'),
        filter: text('Only what meets this condition in CEL, such as priority >= HIGH', 'condition'),
        'order-by': text('Such as "create_time desc"', 'fields'),
        'show-deleted': { type: 'boolean', description: 'Deleted agents or groups too' },
        replace: { type: 'boolean', description: 'Write the file anew if it is there' },
        ...reachArgs,
      },
      async run({ rawArgs, args }) {
        const isTerminal = process.stderr.isTTY;
        const progress = (bytes: number): void => void (isTerminal && process.stderr.write(`\r  ${bytes.toLocaleString('en')} bytes \r`));
        const found = await reachable(textOf(args as Values, 'profile'));
        process.exitCode = await exportFile(rawArgs, found, (line) => process.stderr.write(`${line}\n`), progress);
      },
    }),
  );
}

type Request = ReturnType<typeof requestOf>;

function starter(client: DocketClient, request: Request): (resumeToken: string) => AsyncIterable<Piece> {
  return request.$typeName === ExportListRequestSchema.typeName
    ? (resumeToken) => client.files.exportList({ ...request, resumeToken })
    : (resumeToken) => client.files.exportAuditEntries({ ...request, resumeToken });
}

/** The request as text: a part of a file belongs to one. */
const describe = (request: Request): string =>
  request.$typeName === ExportListRequestSchema.typeName
    ? toJsonString(ExportListRequestSchema, request)
    : toJsonString(ExportAuditEntriesRequestSchema, request);

async function groupIdOf(client: DocketClient, group: string): Promise<string> {
  const groupId = await findGroupId(client, group);
  if (groupId === undefined) throw new CommandRefused(`there is no group ${group}`);
  return groupId;
}

const tellRest = (error: ConnectError, output: string): string =>
  reasonOf(error) === 'PAGE_TOKEN_INVALID'
    ? `${output}.part was begun by another caller or service; remove it to begin anew.`
    : `What arrived stays in ${output}.part; the same command goes on from there.`;
