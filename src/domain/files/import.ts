import type { MessageInitShape } from '@bufbuild/protobuf';
import type { FileService, ImportTicketsRequest, ImportTicketsResponseSchema } from '../../../gen/ticketing/v1/file_service_pb.ts';
import type { ImportFaultSchema, ImportMapping, ImportSettings } from '../../../gen/ticketing/v1/import_pb.ts';
import type { Context, Handlers } from '../../foundation/context.ts';
import { InvalidField } from '../../foundation/errors.ts';
import type { CsvFile } from '../../foundation/files/reading/csv.ts';
import { openTable } from '../../foundation/files/reading/table.ts';
import { FileUnreadable } from '../../foundation/files/reading/unreadable.ts';
import { newId } from '../../foundation/ids.ts';
import { assertColumns, EMPTY_MAPPING, guessMapping, type Mapping, missingField, type RowFault } from '../imports/index.ts';
import { CHUNK_TICKETS, OPERATION_TICKETS } from '../operations/index.ts';
import { beginImport, dropUploads, importTicketsCommand, storeImportRows } from '../tickets/index.ts';
import { MappingRequired, UploadUnreadable, uploadUnreadable } from './errors.ts';
import { toMapping, toMappingMessage } from './import-mapping.ts';
import { type CheckedRow, openChecker } from './import-rows.ts';
import { withUpload } from './upload.ts';

/** Faults that are told before anything is imported. */
const TOLD_FAULTS = 100;
const MAX_COLUMN_LENGTH = 1_000;
/** Characters of a row, so that a chunk of them is held in memory and stored. */
const MAX_ROW_LENGTH = 100_000;
/** What a file may take unpacked. */
const MAX_UNPACKED_BYTES = 512 * 1024 * 1024;

/** A file with the meaning of its columns. */
interface Understood {
  readonly table: CsvFile;
  readonly mapping: Mapping;
  readonly message: ImportMapping;
}

/** What was read of a file. */
interface Reading {
  readonly rowCount: number;
  readonly failedCount: number;
  readonly faults: readonly RowFault[];
}

/** ImportTickets: takes a file, reads it to its end, and leaves its rows to an operation, or says what would become of them. */
export const importTickets: Handlers<typeof FileService>['importTickets'] = async (requests, ctx) => {
  const messages = requests[Symbol.asyncIterator]();
  const first = await messages.next();
  const settings = first.done ? undefined : first.value.settings;
  if (first.done || !settings) throw new InvalidField('settings', 'must be in the first message');
  const validateOnly = ctx.intent?.validateOnly ?? false;
  if (!settings.mapping && !validateOnly) throw new MappingRequired();
  const mapping = settings.mapping && toMapping(settings.mapping);
  if (mapping && !validateOnly) assertFields(mapping);
  return withUpload(ctx.caller.actor, following(first.value, messages), async ({ path, hash }) => {
    const leave = await turnToRead();
    try {
      ctx.signal.throwIfAborted();
      return await importFile({ path, hash, settings, mapping, validateOnly }, ctx);
    } catch (error) {
      throw error instanceof FileUnreadable ? uploadUnreadable(error) : error;
    } finally {
      leave();
    }
  });
};

async function* following(first: ImportTicketsRequest, messages: AsyncIterator<ImportTicketsRequest>): AsyncGenerator<ImportTicketsRequest> {
  for (let message: IteratorResult<ImportTicketsRequest> = { value: first }; !message.done; message = await messages.next()) yield message.value;
}

let lastToRead: Promise<void> = Promise.resolve();

/** A workbook is unpacked in memory: one file is read at a time, and others wait. Answers what lets the next go on. */
async function turnToRead(): Promise<() => void> {
  const before = lastToRead;
  const { promise, resolve } = Promise.withResolvers<void>();
  lastToRead = promise;
  await before;
  return resolve;
}

interface Task {
  readonly path: string;
  readonly hash: Uint8Array;
  readonly settings: ImportSettings;
  readonly mapping: Mapping | undefined;
  readonly validateOnly: boolean;
}

async function importFile(task: Task, ctx: Context): Promise<MessageInitShape<typeof ImportTicketsResponseSchema>> {
  const understood = await understand(task, ctx.signal);
  const operationId = newId();
  const input = { operationId, columns: understood.table.columns, caller: ctx.caller };
  const answerOf = ({ rowCount, failedCount }: Reading) => ({
    columns: [...understood.table.columns],
    mapping: understood.message,
    rowCount: BigInt(rowCount),
    failedCount: BigInt(failedCount),
  });
  if (task.validateOnly) {
    const reading = await readRows(understood, task, ctx, async () => undefined);
    const answer = { ...answerOf(reading), faults: reading.faults.map(toFault) };
    return ctx.carryOut(importTicketsCommand, { ...input, rowCount: reading.rowCount, answer }, task.hash);
  }
  try {
    await beginImport(ctx.sql, operationId);
    const reading = await readRows(understood, task, ctx, (chunk, rows) => storeImportRows(ctx.sql, operationId, chunk, rows));
    return await ctx.carryOut(importTicketsCommand, { ...input, rowCount: reading.rowCount, answer: answerOf(reading) }, task.hash);
  } finally {
    // Not accepted: refused, cancelled, or the repeat of another. It does not end with the call; should it fail, a job comes by.
    await ctx.gather(dropUploads, operationId).catch((error: unknown) => ctx.log.warn({ err: error }, 'the rows of an upload could not be dropped'));
  }
}

async function understand({ path, settings, mapping: given }: Task, signal: AbortSignal): Promise<Understood> {
  const called = settings.fileName || 'the file';
  const table = await openTable(path, {
    called,
    sheet: settings.sheet || undefined,
    encoding: settings.encoding || 'utf-8',
    delimiter: settings.delimiter || undefined,
    maxUnpackedBytes: MAX_UNPACKED_BYTES,
    signal,
  });
  const { columns } = table;
  if (columns.some((column) => column.length > MAX_COLUMN_LENGTH || column.includes('\0')))
    throw new FileUnreadable(`${called} has a column whose name has more than ${MAX_COLUMN_LENGTH} characters, or the NUL character`);
  const message = settings.mapping ?? toMappingMessage(guessMapping(EMPTY_MAPPING, columns), columns);
  // What is guessed is read as it will be when it is sent back.
  const mapping = given ?? toMapping(message);
  assertColumns(mapping, columns);
  return { table, message, mapping };
}

async function readRows(
  { table, mapping }: Understood,
  { settings: { source, uniquePerUser } }: Task,
  ctx: Context,
  store: (chunk: number, rows: readonly CheckedRow['row'][]) => Promise<void>,
): Promise<Reading> {
  const check = await openChecker(ctx, { source, uniquePerUser, mapping, table });
  const faults: RowFault[] = [];
  let rowCount = 0;
  let failedCount = 0;
  let chunk = 0;
  for await (const checked of check(CHUNK_TICKETS)) {
    rowCount += checked.length;
    if (rowCount > OPERATION_TICKETS) throw new UploadUnreadable('chunk', `the file has more than ${OPERATION_TICKETS.toLocaleString('en')} rows; split it`);
    const long = checked.find(({ row }) => row.cells.reduce((length, cell) => length + cell.length, 0) > MAX_ROW_LENGTH);
    if (long) throw new UploadUnreadable('chunk', `the row at line ${long.row.line} has more than ${MAX_ROW_LENGTH.toLocaleString('en')} characters`);
    failedCount += checked.filter((row) => row.faults.length > 0).length;
    for (const row of checked) faults.push(...row.faults.slice(0, TOLD_FAULTS - faults.length));
    await store(
      chunk,
      checked.map(({ row }) => row),
    );
    chunk += 1;
  }
  return { rowCount, failedCount, faults };
}

function assertFields(mapping: Mapping): void {
  const missing = missingField(mapping);
  if (missing) throw new InvalidField(`settings.mapping.${missing}`, 'must be given: no ticket can do without');
}

/** What the answer shows of a value. */
const SHOWN_LENGTH = 200;

const toFault = ({ line, field, value, reason, message }: RowFault): MessageInitShape<typeof ImportFaultSchema> => ({
  line: BigInt(line),
  field,
  value: value.slice(0, SHOWN_LENGTH).toWellFormed(),
  reason,
  message,
});
