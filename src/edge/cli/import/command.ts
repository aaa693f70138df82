import { createInterface } from 'node:readline/promises';
import { defineCommand } from 'citty';
import type { DocketClient } from '../../../client/index.ts';
import { assertColumns, attributesOf, FIELDS, guessMapping, type Mapping } from '../../../domain/imports/index.ts';
import { isWorkbook, openTable } from '../../../foundation/files/reading/table.ts';
import { progressBar } from '../progress-bar.ts';
import { connect, type FindService, type Print, type Reachable } from '../reach.ts';
import { reachArgs, textOf, type Values } from '../rpc/session.ts';
import { explained } from '../running/command.ts';
import { tellExpected } from '../running/failures.ts';
import { assertFields, type ImportArguments, readArguments } from './options.ts';
import { ErrorReport } from './report.ts';
import { retryFileOf, writeRetryFile } from './retry.ts';
import { type ImportResult, type Progress, runImport } from './run.ts';

/** Asks the person at the terminal yes or no. */
export type Confirm = (question: string) => Promise<boolean>;

/** Tickets a call: enough that the commit is a small part of the cost, few enough that others get in between. */
const BATCH_SIZE = 250;

/**
 * Carries out `docket import`; answers the exit code: 0 when every row has its ticket, 1 when some row failed or
 * what the file holds cannot be imported, else as `EXIT` says.
 */
export async function importFile(rawArgs: readonly string[], reachable: Reachable, print: Print, progress: Progress, confirm?: Confirm): Promise<number> {
  let client: DocketClient | undefined;
  try {
    const args = await readArguments(rawArgs);
    const csv = await openTable(args.file, args);
    const mapping = args.guess ? guessMapping(args.mapping, csv.columns) : args.mapping;
    assertColumns(mapping, csv.columns);
    assertFields(mapping, csv.columns);
    print(`${args.file} as ${JSON.stringify(args.source)}: ${describe(mapping)}${keptAs(mapping, csv.columns)}`);
    if (args.guess && confirm && !args.yes && !args.dryRun && !(await confirm('Is this what the columns mean? [y/N] '))) {
      print('Nothing was imported. Name the columns with options or --mapping; --dry-run checks without writing.');
      return 1;
    }
    client = await connect(args, reachable, print);
    const report = new ErrorReport(args.errorsFile, !args.dryRun);
    const result = await runImport({ ...args, csv, mapping, client, report, batchSize: BATCH_SIZE, progress });
    for (const line of summarise(result, args, report)) print(line);
    if (result.failedRows.size > 0 && !args.dryRun) {
      const workbook = await isWorkbook(args.file);
      const retryFile = retryFileOf(args.file, workbook);
      await writeRetryFile(retryFile, csv, result.failedRows, workbook);
      print(`  to correct and import: ${retryFile} (as --source ${JSON.stringify(args.source)}, with the same options)`);
    }
    return result.failed > 0 ? 1 : 0;
  } catch (error) {
    return tellExpected(error, print);
  } finally {
    client?.close();
  }
}

/** `docket import FILE`, against a running service. */
export function makeImportCommand(reachable: FindService) {
  const text = (description: string, valueHint = 'column') => ({ type: 'string', valueHint, description }) as const;
  const flag = (description: string) => ({ type: 'boolean', description }) as const;
  return explained(
    {
      examples: [
        'import waiting.csv --create-groups',
        'import waiting.xlsx --dry-run',
        'import incidents.csv --mapping incidents.mapping.json --create-groups --create-agents',
      ],
    },
    defineCommand({
      meta: { name: 'import', description: 'Create tickets from a CSV file, gzipped or not, or a workbook (XLSX). Repeating an import changes nothing' },
      args: {
        file: { type: 'positional', required: true, description: 'A sheet such as "user id, group, priority", or any other with a mapping' },
        mapping: text('What the columns mean, as JSON; see samples/README.md', 'file'),
        ...Object.fromEntries(FIELDS.map((field) => [field.replace('_', '-'), text(columnHelp[field])])),
        'default-group': text('The group where the file names none', 'group'),
        key: text('What tells the rows apart, so that a repetition is known; user and group if absent', 'column,…'),
        source: text('What the file is called in the tickets; its name if absent. Another source is another import', 'name'),
        'dry-run': flag('Check everything, write nothing'),
        'create-groups': flag('Make groups that are missing'),
        'create-agents': flag('Make agents and memberships that are missing'),
        'unique-per-user': flag('Pass over users who have a pending ticket in the group'),
        errors: text('Where failed rows are reported; FILE.errors.csv if absent', 'file'),
        encoding: text('utf-8 if absent', 'label'),
        delimiter: text('Comma, semicolon or tab is found by itself', 'character'),
        sheet: text('Of a workbook; the first if absent', 'name'),
        yes: flag('Do not ask whether the columns were understood'),
        ...reachArgs,
      },
      async run({ rawArgs, args }) {
        process.exitCode = await importFile(
          rawArgs,
          await reachable(textOf(args as Values, 'profile')),
          (line) => process.stderr.write(`${line}\n`),
          progressBar('tickets'),
          process.stdin.isTTY ? ask : undefined,
        );
      },
    }),
  );
}

async function ask(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(question)).trim());
  } finally {
    terminal.close();
  }
}

const columnHelp = {
  user_id: 'Column of the user whom the ticket is about',
  group: 'Column of the group: its key, id or name',
  priority: 'Column of LOW, MEDIUM, HIGH or URGENT',
  title: 'Column of the title',
  description: 'Column of the description',
  labels: 'Column of labels, separated by commas',
  agent_id: 'Column of the agent who is to have the ticket; without one the engine chooses',
  member: "Column of an agent who works in the row's group, for --create-agents",
} as const;

function describe(mapping: Mapping): string {
  const named = FIELDS.flatMap((field) => {
    const cell = mapping.fields[field];
    if (!cell) return [];
    return [`${field} from ${cell.column === undefined ? `nothing but the default ${JSON.stringify(cell.default)}` : JSON.stringify(cell.column)}`];
  });
  return named.join(', ');
}

function keptAs(mapping: Mapping, columns: readonly string[]): string {
  if (mapping.attributes) return '';
  const kept = Object.keys(attributesOf(mapping, columns));
  return kept.length === 0 ? '' : `; as attributes ${kept.map((column) => JSON.stringify(column)).join(', ')}`;
}

const many = (count: number, one: string, more = `${one}s`): string => `${count.toLocaleString('en')} ${count === 1 ? one : more}`;

/** What to tell at the end. */
export function summarise(result: ImportResult, { dryRun, createGroups, createAgents, source }: ImportArguments, report: ErrorReport): string[] {
  const would = dryRun ? 'would be ' : '';
  const lines: string[] = [];
  if (createGroups && result.groupsMade > 0) lines.push(`  ${many(result.groupsMade, 'group')} ${would}made`);
  if (createAgents && result.agentsMade > 0) lines.push(`  ${many(result.agentsMade, 'agent')} ${would}made`);
  if (createAgents && result.membersAdded > 0) lines.push(`  ${many(result.membersAdded, 'membership')} ${would}added`);
  const given = dryRun || result.created === 0 ? '' : `: ${result.created - result.waiting} given to an agent, ${result.waiting} waiting for one`;
  lines.push(`  ${many(result.created, 'ticket')} ${would}created${given}`);
  if (result.checkedHereOnly > 0)
    lines.push(`  of those, ${result.checkedHereOnly} in groups or for agents that are not there yet: the service could not check them`);
  if (result.there > 0)
    lines.push(`  ${result.there} there already, from an earlier import of ${JSON.stringify(source)} (if they are new, name another --source)`);
  if (result.failed > 0) {
    lines.push(`  ${many(result.failed, 'row')} failed${dryRun ? '' : `; all in ${report.file}`}:`);
    for (const { line, field, value, message } of report.shown)
      lines.push(`    line ${line}${field ? `, ${field}` : ''}: ${message}${value ? ` (${JSON.stringify(value.slice(0, 80))})` : ''}`);
    if (report.count > report.shown.length) lines.push(`    and ${report.count - report.shown.length} more`);
  }
  return lines;
}
