import { prepared } from '../../foundation/database/prepared.ts';
import { writeAssignments, writeTicketNumbers } from '../assignment/index.ts';
import { setRelaxationsOf } from './relaxation.ts';
import type { TicketRow } from './row.ts';
import type { TicketWork } from './work.ts';

const RECORD = `ticket_id uuid, key text, group_id uuid, user_id bigint, agent_id text, status smallint, priority smallint, title text,
  description text, attributes jsonb, labels text[], external_references jsonb, reopen_count integer, version bigint, create_time timestamptz,
  update_time timestamptz, assign_time timestamptz, wait_start_time timestamptz, resolve_time timestamptz, close_time timestamptz, last_request uuid`;
const COLUMNS = RECORD.split(',').map((column) => column.trim().split(' ')[0] as string);
const MUTABLE = COLUMNS.filter((column) => !['ticket_id', 'key', 'user_id', 'external_references', 'version', 'create_time'].includes(column));

const INSERT_TICKETS = prepared(`INSERT INTO tickets (${COLUMNS.join(', ')}) SELECT ${COLUMNS.join(', ')} FROM jsonb_to_recordset($1) AS new(${RECORD})`);
const UPDATE_TICKETS = prepared(
  `UPDATE tickets t SET ${MUTABLE.map((column) => `${column} = new.${column}`).join(', ')}
   FROM jsonb_to_recordset($1) AS new(${RECORD}) WHERE t.ticket_id = new.ticket_id`,
);
const INSERT_REFERENCE_KEYS = prepared(
  'INSERT INTO external_reference_keys (system, external_id, ticket_id) SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[])',
);

/** Writes a plan: the same few statements, however many tickets it created and changed. */
export async function writeTickets(work: TicketWork): Promise<void> {
  const { unit, created, changed } = work;
  if (created.size > 0) insertTickets(work);
  if (changed.size > 0) {
    unit.send(UPDATE_TICKETS, [JSON.stringify([...changed])]);
  }
  writeAssignments(unit, work.assignments);
  await setRelaxationsOf(work);
}

function insertTickets({ unit, created, roster }: TicketWork): void {
  const rows = [...created];
  unit.send(INSERT_TICKETS, [JSON.stringify(rows)]);
  insertReferenceKeys(unit, rows);
  const counted = new Set(rows.flatMap((row) => roster.groups.get(row.group_id) ?? []));
  writeTicketNumbers(unit, counted);
}

function insertReferenceKeys(unit: TicketWork['unit'], rows: readonly TicketRow[]): void {
  const keys = rows.flatMap((row) => row.external_references.map((reference) => ({ ...reference, ticketId: row.ticket_id })));
  if (keys.length === 0) return;
  unit.send(INSERT_REFERENCE_KEYS, [keys.map((key) => key.system), keys.map((key) => key.id), keys.map((key) => key.ticketId)]);
}
