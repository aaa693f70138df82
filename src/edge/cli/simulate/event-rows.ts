import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { SimulationEventSchema } from '../../../../gen/ticketing/v1/simulation_event_pb.ts';
import { priorityOf } from '../../../domain/imports/index.ts';
import { type CsvFile, openCsv } from '../../../foundation/files/reading/csv.ts';
import { CommandRefused } from '../running/failures.ts';

/** Columns of a file of events, in the order in which they are written; `time`, `event` and whom it is about must be there. */
export const COLUMNS = ['time', 'event', 'ticket', 'group', 'agent', 'priority', 'handling_minutes'] as const;

/** One event, as a file has it: a text for each column, empty where there is nothing to say. */
export type EventRow = Readonly<Record<(typeof COLUMNS)[number], string>>;

type Event = MessageInitShape<typeof SimulationEventSchema>;

const EVENTS = ['arrived', 'ended', 'cancelled', 'reopened', 'changed', 'handed_back', 'available', 'away', 'left'] as const;

/** An event as it is sent. @throws CommandRefused naming what cannot be read. */
export function toEvent(row: EventRow): Event {
  const eventTime = timestampFromMs(timeOf(row.time));
  const ticketId = row.ticket;
  const priority = row.priority === '' ? undefined : priorityOf(row.priority);
  if (row.priority !== '' && priority === undefined) throw new CommandRefused(`${JSON.stringify(row.priority)} is no priority: LOW, MEDIUM, HIGH or URGENT`);
  const named = { ...(row.group ? { groupId: row.group } : {}), ...(row.agent ? { agentId: row.agent } : {}), ...(priority ? { priority } : {}) };
  switch (row.event as (typeof EVENTS)[number]) {
    case 'arrived': {
      const handling = row.handling_minutes === '' ? {} : { handling: durationFromMs(Number(row.handling_minutes) * 60_000) };
      return { eventTime, event: { case: 'arrival', value: { ticketId, ...named, ...handling } } };
    }
    case 'ended':
    case 'cancelled':
      return { eventTime, event: { case: 'end', value: { ticketId, cancelled: row.event === 'cancelled' } } };
    case 'reopened':
      return { eventTime, event: { case: 'reopening', value: { ticketId, agentId: row.agent } } };
    case 'changed':
      return { eventTime, event: { case: 'change', value: { ticketId, ...named } } };
    case 'handed_back':
      return { eventTime, event: { case: 'change', value: { ticketId, ...named, handBack: true } } };
    case 'available':
    case 'away':
    case 'left':
      return {
        eventTime,
        event: { case: 'presence', value: { agentId: row.agent, present: row.event === 'available', reassignPending: row.event === 'left' } },
      };
    default:
      throw new CommandRefused(`${JSON.stringify(row.event)} is no event; there are ${EVENTS.join(', ')}`);
  }
}

function timeOf(text: string): number {
  // A time without a zone is in UTC.
  const time = Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text.replace(' ', 'T')}Z`);
  if (Number.isNaN(time)) throw new CommandRefused(`${JSON.stringify(text)} is no time; write 2026-03-02T09:30:00Z`);
  return time;
}

/** The events of a file, in its order. @throws CommandRefused naming the line. */
export async function* readEvents(file: string): AsyncGenerator<Event> {
  const csv = await openCsv(file, { encoding: 'utf-8', delimiter: undefined });
  const at = COLUMNS.map((column) => csv.columns.indexOf(column));
  const missing = (['time', 'event'] as const).filter((column) => !csv.columns.includes(column));
  if (missing.length > 0) throw new CommandRefused(`${file} has no column ${missing.join(', ')}; its columns may be ${COLUMNS.join(', ')}`);
  for await (const { line, cells } of csv.rows()) yield atLine(file, line, () => toEvent(rowOf(cells, at)));
}

function rowOf(cells: CsvFile['columns'], at: readonly number[]): EventRow {
  return Object.fromEntries(COLUMNS.map((column, index) => [column, cells[at[index] ?? -1] ?? ''])) as EventRow;
}

function atLine<T>(file: string, line: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof CommandRefused) throw new CommandRefused(`${file}, line ${line}: ${error.message}`);
    throw error;
  }
}

/** Writes events to a file that `readEvents` reads. */
export async function writeEvents(file: string, rows: readonly EventRow[]): Promise<void> {
  const stream = createWriteStream(file);
  stream.write(`${COLUMNS.join(',')}\n`);
  for (const row of rows) stream.write(`${COLUMNS.map((column) => quoted(row[column])).join(',')}\n`);
  stream.end();
  await finished(stream);
}

const quoted = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
