import { agentIdOf, readCell } from '../../../domain/imports/index.ts';
import { type CsvFile, openCsv } from '../../../foundation/files/reading/csv.ts';
import { CommandRefused } from '../running/failures.ts';
import type { EventRow } from './event-rows.ts';
import { columnsOf, type LogMapping } from './log-mapping.ts';

/** What a log of tickets comes down to. */
export interface ReadLog {
  /** In the order of their times. */
  readonly events: readonly EventRow[];
  readonly groups: readonly string[];
  /** Agents with the groups that they were seen at work in. */
  readonly agents: ReadonlyMap<string, ReadonlySet<string>>;
  /** Rows of tickets of which no group or no time is known. */
  readonly passedOver: number;
}

interface LogRow {
  readonly time: number;
  readonly group: string | undefined;
  readonly agent: string | undefined;
  readonly priority: string | undefined;
  readonly ended: boolean;
}

interface Ticket {
  readonly id: string;
  readonly opened: number;
  readonly rows: LogRow[];
}

interface Timed {
  readonly time: number;
  readonly row: EventRow;
}

const NOTHING: EventRow = { time: '', event: '', ticket: '', group: '', agent: '', priority: '', handling_minutes: '' };

/**
 * Reads a log of tickets as events. A ticket comes when it was opened, to the first group that is known of it; its later rows
 * change its group and priority, end it and reopen it. An agent is in the groups in which a row names him, and is present on
 * a day from the first row that names him to the last. The whole log is held in memory.
 */
export async function readLog(file: string, mapping: LogMapping): Promise<ReadLog> {
  const csv = await openCsv(file, { encoding: 'utf-8', delimiter: undefined });
  const missing = columnsOf(mapping).filter((column) => !csv.columns.includes(column));
  if (missing.length > 0) throw new CommandRefused(`${file} has no column ${missing.map((column) => JSON.stringify(column)).join(', ')}`);
  const tickets = new Map<string, Ticket>();
  let passedOver = 0;
  for await (const row of readRows(csv, mapping)) {
    if (!row) {
      passedOver += 1;
      continue;
    }
    const ticket = tickets.get(row.id) ?? { id: row.id, opened: row.opened, rows: [] };
    tickets.set(row.id, ticket);
    ticket.rows.push(row);
  }
  const timed: Timed[] = [];
  const seen = new Map<string, Set<string>>();
  const days = new Map<string, { agent: string; first: number; last: number }>();
  for (const ticket of tickets.values()) {
    if (!addTicket(ticket, timed)) passedOver += ticket.rows.length;
    for (const row of ticket.rows) note(row, seen, days);
  }
  for (const { agent, first, last } of days.values()) {
    timed.push({ time: first, row: { ...NOTHING, event: 'available', agent } });
    // He is still there at the minute of his last row.
    timed.push({ time: last + 60_000, row: { ...NOTHING, event: 'away', agent } });
  }
  timed.sort((a, b) => a.time - b.time);
  const events = timed.map(({ time, row }) => ({ ...row, time: new Date(time).toISOString() }));
  const groups = new Set([...events.map((event) => event.group), ...[...seen.values()].flatMap((own) => [...own])].filter((group) => group !== ''));
  return { events, groups: [...groups].sort(), agents: seen, passedOver };
}

async function* readRows(csv: CsvFile, mapping: LogMapping): AsyncGenerator<(LogRow & { id: string; opened: number }) | undefined> {
  const at = new Map(csv.columns.map((column, index) => [column, index]));
  for await (const { cells } of csv.rows()) {
    const text = (column: string | undefined): string => (column === undefined ? '' : (cells[at.get(column) ?? -1] ?? ''));
    const known = (cell: LogMapping['agent']): string | undefined => readCell(cell, text(cell.column), mapping.unknown).value;
    const id = text(mapping.ticket);
    const opened = timeOf(text(mapping.opened), mapping);
    const time = timeOf(text(mapping.time), mapping);
    if (id === '' || opened === undefined || time === undefined) {
      yield undefined;
      continue;
    }
    const agent = known(mapping.agent);
    yield {
      id,
      opened,
      time: Math.max(opened, time),
      group: known(mapping.group),
      agent: agent === undefined ? undefined : agentIdOf(agent),
      priority: mapping.priority && known(mapping.priority),
      ended: mapping.endedStates.includes(text(mapping.state)),
    };
  }
}

/** The events of one ticket; false when no group of it is known. */
function addTicket(ticket: Ticket, timed: Timed[]): boolean {
  const first = ticket.rows.find((row) => row.group !== undefined);
  if (!first) return false;
  const about = { ...NOTHING, ticket: ticket.id };
  let group = first.group as string;
  let priority = ticket.rows.find((row) => row.priority !== undefined)?.priority ?? '';
  let ended = false;
  timed.push({ time: ticket.opened, row: { ...about, event: 'arrived', group, priority } });
  for (const row of ticket.rows) {
    if (ended && !row.ended) timed.push({ time: row.time, row: { ...about, event: 'reopened' } });
    const moves = row.group !== undefined && row.group !== group;
    const rises = row.priority !== undefined && row.priority !== priority;
    if (moves || rises) {
      group = row.group ?? group;
      priority = row.priority ?? priority;
      timed.push({ time: row.time, row: { ...about, event: 'changed', group: moves ? group : '', priority: rises ? priority : '' } });
    }
    if (row.ended && !ended) timed.push({ time: row.time, row: { ...about, event: 'ended' } });
    ended = row.ended;
  }
  return true;
}

function note({ time, agent, group }: LogRow, seen: Map<string, Set<string>>, days: Map<string, { agent: string; first: number; last: number }>): void {
  if (agent === undefined) return;
  const groups = seen.get(agent) ?? new Set();
  seen.set(agent, groups);
  if (group !== undefined) groups.add(group);
  const key = `${agent} ${Math.floor(time / 86_400_000)}`;
  const day = days.get(key);
  if (!day) days.set(key, { agent, first: time, last: time });
  else {
    day.first = Math.min(day.first, time);
    day.last = Math.max(day.last, time);
  }
}

/** A time of the log, in UTC; undefined where there is none. */
function timeOf(text: string, { timeForm, unknown }: LogMapping): number | undefined {
  if (text === '' || unknown.includes(text)) return undefined;
  const [, day, month, year, hour, minute] = /^(\d+)\/(\d+)\/(\d{4}) (\d+):(\d+)/.exec(text) ?? [];
  const time = timeForm === 'iso' ? Date.parse(text) : Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute));
  return Number.isNaN(time) ? undefined : time;
}
