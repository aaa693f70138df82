import { setImmediate as letOthers } from 'node:timers/promises';
import type { Context } from '../../foundation/context.ts';
import { DomainError } from '../../foundation/errors.ts';
import type { CsvFile } from '../../foundation/files/reading/csv.ts';
import { newId } from '../../foundation/ids.ts';
import { GroupChangeDenied, listGroupNames } from '../groups/index.ts';
import { agentIdOf, faultText, GroupBook, type ImportRecord, type Mapping, type RowFault, readRecords, ticketMaker } from '../imports/index.ts';
import { findKnownAgents, type ImportRow, includesGroup, type Reach, reachOf, toNewTicket } from '../tickets/index.ts';

/** A row as it goes on its way, with all that is wrong with it. */
export interface CheckedRow {
  readonly row: ImportRow;
  readonly faults: readonly RowFault[];
}

/** A file to be read as tickets. */
interface Source {
  readonly table: CsvFile;
  readonly mapping: Mapping;
  readonly source: string;
  readonly uniquePerUser: boolean;
}

type AgentsOfRows = Awaited<ReturnType<typeof findKnownAgents>>;

/** Rows after which others get a turn. */
const ROWS_IN_ONE_GO = 50;
const RECORDS_IN_ONE_GO = 10;

/** Reads a file as the caller sees groups and agents: so many rows at a time, in their order, each with its ticket or its faults. */
export async function openChecker(ctx: Context, file: Source): Promise<(atOnce: number) => AsyncGenerator<readonly CheckedRow[]>> {
  const reach = await reachOf(ctx);
  const groups = new GroupBook<{ readonly groupId: string; readonly key: string; readonly name: string }>();
  for (const group of await listGroupNames(ctx)) groups.add(group, { real: true, named: !group.deleted });
  let agents: AgentsOfRows = await findKnownAgents(ctx.sql, []);
  const make = ticketMaker(
    {
      findGroup: (value) => groups.find(value),
      findAgent: (value) => (agents.knows(agentIdOf(value), reach) ? { agentId: agentIdOf(value) } : undefined),
      advice: { group: '', agent: '' },
    },
    file,
  );
  const check = async (records: readonly ImportRecord[]): Promise<CheckedRow[]> => {
    agents = await findKnownAgents(
      ctx.sql,
      records.flatMap(({ fields }) => (fields.agent_id?.value === undefined ? [] : [agentIdOf(fields.agent_id.value)])),
    );
    const checked: CheckedRow[] = [];
    for (const record of records) {
      checked.push(checkRow(make(record), reach));
      if (checked.length % ROWS_IN_ONE_GO === 0) await letOthers();
    }
    return checked;
  };
  return async function* (atOnce) {
    let records: ImportRecord[] = [];
    for await (const record of readRecords(file.table, file.mapping, file.source)) {
      records.push(record);
      // Patterns were held against its values.
      if (records.length % RECORDS_IN_ONE_GO === 0) await letOthers();
      if (records.length < atOnce) continue;
      yield await check(records);
      records = [];
    }
    if (records.length > 0) yield await check(records);
  };
}

function checkRow({ record, ticket, faults: found, group }: ReturnType<ReturnType<typeof ticketMaker>>, reach: Reach): CheckedRow {
  const { line, cells, referenceId: reference } = record;
  const faults = [...found];
  const fault = (field: string, { reason, message }: DomainError): void => {
    const reading = record.fields[field as keyof typeof record.fields];
    faults.push({ line, field, value: reading?.text ?? '', reason, message });
  };
  if (group && !includesGroup(reach.managed, ticket.groupId))
    fault('group', new GroupChangeDenied(ticket.groupId, 'only its supervisors and administrators create tickets in it'));
  try {
    const made = toNewTicket(ticket, '');
    if (faults.length === 0) return { row: { ticketId: made.ticketId, line, cells, reference, ticket: made }, faults };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    fault('attributes', error);
  }
  const [first, ...others] = faults;
  // The rule may quote what it refuses.
  const message = [first?.message ?? '', ...others.map((other) => faultText([other]))].join('; ').replaceAll('\0', '\uFFFD');
  const whole = { field: first?.field ?? '', reason: first?.reason ?? '', message };
  return { row: { ticketId: newId(), line, cells, reference, fault: whole }, faults };
}
