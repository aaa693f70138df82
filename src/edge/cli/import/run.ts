import { toBinary } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { CreateTicketRequestSchema } from '../../../../gen/ticketing/v1/ticket_service_pb.ts';
import type { DocketClient } from '../../../client/index.ts';
import { faultText, type ImportRecord, type Mapping, readRecords, ticketMaker } from '../../../domain/imports/index.ts';
import type { CsvFile } from '../../../foundation/files/reading/csv.ts';
import { type Cast, castOf, Directory } from './directory.ts';
import type { ErrorReport } from './report.ts';
import type { FailedRows } from './retry.ts';
import { type Outcome, type Sendable, type Sending, send } from './send.ts';

/** One import. */
export interface ImportOptions {
  readonly csv: CsvFile;
  readonly mapping: Mapping;
  /** The `system` of the external references; with the key it names every ticket for ever. */
  readonly source: string;
  readonly client: DocketClient;
  readonly report: ErrorReport;
  /** Check everything, change nothing. */
  readonly dryRun: boolean;
  readonly createGroups: boolean;
  readonly createAgents: boolean;
  /** Refuse a second pending ticket of one user in one group. */
  readonly uniquePerUser: boolean;
  /** Tickets a call, at most 1000. */
  readonly batchSize: number;
  readonly progress: Progress;
}

/** Hears how far an import is. */
export interface Progress {
  begin(total: number): void;
  update(done: number): void;
  end(): void;
}

/** What an import did, or in a dry run would do. */
export interface ImportResult {
  readonly groupsMade: number;
  readonly agentsMade: number;
  readonly membersAdded: number;
  readonly created: number;
  /** Of those created, the ones without an agent. */
  readonly waiting: number;
  /** Rows whose tickets an earlier import made. */
  readonly there: number;
  readonly failed: number;
  /** The rows that failed; none when rows are folded, since a ticket has many then. */
  readonly failedRows: FailedRows;
  /** In a dry run: rows that the service could not check, since their group or agent is not there yet. */
  readonly checkedHereOnly: number;
}

/** Keeps a batch well below the 4 MiB that the service takes, and its answer below the 3.5 MiB that clients take. */
const MAX_BATCH_BYTES = 1024 * 1024;

/**
 * Imports a file: reads it once to learn which groups and agents it speaks of, makes them if that was asked
 * for, then reads it again and creates the tickets in its order. Safe to break off and to repeat.
 * @throws UsageWrong, CommandRefused and ConnectError for what lies in no row.
 */
export async function runImport(options: ImportOptions): Promise<ImportResult> {
  const { csv, mapping, source, client, dryRun, report, progress } = options;
  const survey = await surveyOf(() => readRecords(csv, mapping, source), mapping.fold);
  const directory = new Directory(client);
  await directory.load(mapping.fields.agent_id !== undefined || options.createAgents);
  await report.begin();
  const groupsMade = options.createGroups ? await directory.createGroups(survey.cast, dryRun) : 0;
  const { made: agentsMade, added: membersAdded } = options.createAgents ? await directory.createAgents(survey.cast, dryRun) : { made: 0, added: 0 };
  const sending: Sending = { client, dryRun, reason: `import of ${source}`, beginTimeMs: await readServiceTime(client, directory) };
  const tally = { created: 0, waiting: 0, there: 0, failed: 0, checkedHereOnly: 0 };
  const failedRows: FailedRows = new Map();
  let done = 0;
  progress.begin(survey.records);
  try {
    for await (const batch of batchesOf(survey.again(), makerFor(directory, options), options.batchSize)) {
      const outcomes = await send(sending, batch);
      for (const [at, outcome] of outcomes.entries()) {
        count(tally, outcome, batch[at]);
        if (!mapping.fold) keepFailed(failedRows, outcome, batch[at]);
      }
      await report.add(outcomes.flatMap((outcome) => (outcome.kind === 'failed' ? outcome.faults : [])));
      done += batch.length;
      progress.update(done);
    }
  } finally {
    progress.end();
    await report.close();
  }
  return { groupsMade, agentsMade, membersAdded, ...tally, failedRows };
}

/** What a file holds, and how to go through it again. */
interface Survey {
  readonly records: number;
  readonly cast: Cast;
  readonly again: () => AsyncIterable<ImportRecord> | Iterable<ImportRecord>;
}

/** Reads the file to its end, and keeps what was read only if it was folded, and so in memory, anyway. */
async function surveyOf(read: () => AsyncIterable<ImportRecord>, folded: boolean): Promise<Survey> {
  const cast: Cast = { groups: new Map(), agents: new Map() };
  const kept: ImportRecord[] = [];
  let records = 0;
  for await (const record of read()) {
    records += 1;
    if (folded) kept.push(record);
    if (record.faults.length === 0) castOf(cast, record);
  }
  return { records, cast, again: folded ? () => kept : read };
}

function count(
  tally: { created: number; waiting: number; there: number; failed: number; checkedHereOnly: number },
  outcome: Outcome,
  prepared: Sendable | undefined,
): void {
  tally[outcome.kind] += 1;
  if (outcome.kind !== 'created') return;
  if (outcome.ticket.agentId === '') tally.waiting += 1;
  if (!prepared?.sendable) tally.checkedHereOnly += 1;
}

function keepFailed(failedRows: FailedRows, outcome: Outcome, prepared: Sendable | undefined): void {
  if (outcome.kind !== 'failed' || !prepared) return;
  failedRows.set(prepared.record.line, { referenceId: prepared.record.referenceId, message: faultText(outcome.faults) });
}

/** Makes tickets of records, and says which of them the service can be asked about. */
function makerFor(directory: Directory, common: Pick<ImportOptions, 'source' | 'uniquePerUser'>): (record: ImportRecord) => Sendable {
  const make = ticketMaker(directory, common);
  return (record) => {
    const prepared = make(record);
    const { faults, group, agent } = prepared;
    return { ...prepared, sendable: faults.length === 0 && group !== undefined && directory.isReal(group, agent) };
  };
}

async function* batchesOf(
  records: AsyncIterable<ImportRecord> | Iterable<ImportRecord>,
  prepare: (record: ImportRecord) => Sendable,
  size: number,
): AsyncGenerator<Sendable[]> {
  let batch: Sendable[] = [];
  let bytes = 0;
  for await (const record of records) {
    const prepared = prepare(record);
    const length = toBinary(CreateTicketRequestSchema, prepared.ticket).byteLength;
    if (batch.length > 0 && (batch.length >= size || bytes + length > MAX_BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(prepared);
    bytes += length;
  }
  if (batch.length > 0) yield batch;
}

/** Groups that are asked for the time before it is taken as unknown: some may lie outside the caller's reach. */
const GROUPS_ASKED = 5;

/**
 * The service's clock, in milliseconds since 1970, as it stamps the ticket of a call without effect. It tells a
 * ticket that was made just now from one that a repeated request brings back. 0 when nobody may create anything.
 */
async function readServiceTime(client: DocketClient, directory: Directory): Promise<number> {
  for (const { groupId } of directory.openGroups().slice(0, GROUPS_ASKED)) {
    try {
      const { ticket } = await client.tickets.createTicket({ groupId, userId: 1n, validateOnly: true });
      if (ticket?.createTime) return Number(ticket.createTime.seconds) * 1000 + ticket.createTime.nanos / 1e6;
    } catch (error) {
      if (!(error instanceof ConnectError)) throw error;
    }
  }
  return 0;
}
