import type { MessageInitShape } from '@bufbuild/protobuf';
import { ImportTicketsResponseSchema } from '../../../gen/ticketing/v1/file_service_pb.ts';
import type { CommandKind, Unit } from '../../foundation/commands/command.ts';
import type { Caller } from '../../foundation/context.ts';
import { DomainError } from '../../foundation/errors.ts';
import { findPools } from '../groups/index.ts';
import { acceptOperation, CHUNK_TICKETS, type OperationKind, type TicketResult } from '../operations/index.ts';
import { assertCreatable, createTicket, type NewTicket, type Obstacles } from './create.ts';
import { acceptImport, type ImportRow, keepFailedRows, readImportRows } from './import-rows.ts';
import { findKnownAgents, type KnownAgents } from './known-agents.ts';
import { findObstacles } from './load.ts';
import { type Reach, reachOf } from './reach.ts';
import { assertGroupsPooled, openTicketWork, type TicketWork } from './work.ts';
import { writeTickets } from './write.ts';

/** A file whose rows were set down, to be imported. */
export interface Import {
  /** Under which they were set down; that of the operation to be. */
  readonly operationId: string;
  readonly rowCount: number;
  /** The heading of the file. */
  readonly columns: readonly string[];
  readonly caller: Caller;
  readonly answer: MessageInitShape<typeof ImportTicketsResponseSchema>;
}

/** What an import keeps for whoever asks for its failed rows. */
export interface ImportInput {
  readonly columns: readonly string[];
}

/** Leaves rows that were set down to an operation. */
export const importTicketsCommand: CommandKind<Import, typeof ImportTicketsResponseSchema> = {
  name: 'ImportTickets',
  answer: ImportTicketsResponseSchema,
  together: 1,
  pools: async (_sql, inputs) => inputs.map(() => []),
  async plan(unit, [command]) {
    if (!command) throw new Error('nothing to plan');
    const { operationId, rowCount, columns, caller, answer } = command.input;
    return {
      outcomes: [{ answer }],
      async write() {
        if (!(await acceptImport(unit.sql, operationId))) throw new Error(`the rows of the import ${operationId} are gone`);
        const input: ImportInput = { columns };
        const chunks = { text: 'SELECT chunk, ticket_ids, lines FROM import_rows WHERE operation_id = $1', values: [operationId] };
        const accepted = await acceptOperation(unit, command, { kind: 'IMPORT_TICKETS', caller, input, tickets: { operationId, chunks } });
        if (accepted.ticketCount !== rowCount) throw new Error(`${accepted.ticketCount} of ${rowCount} rows of the import ${operationId} are there`);
        return [{ ...answer, operationId }];
      },
    };
  },
};

/** Creates a ticket for each row of a file, in its order; each succeeds or fails by itself. */
export const importOperation: OperationKind = {
  name: 'IMPORT_TICKETS',
  roles: ['admin', 'supervisor', 'service'],
  async pools(sql, { operation_id: operationId }, { numbers }) {
    const [pools = []] = await findPools(sql, [{ groupIds: groupsOf(ticketsOf(await readImportRows(sql, operationId, numbers))) }]);
    return pools;
  },
  async plan(unit, { operation_id: operationId }, { ticketIds, numbers, caller, requestKey }) {
    const rows = await readImportRows(unit.sql, operationId, numbers);
    const creation = await openCreation(unit, ticketsOf(rows), await reachOf({ sql: unit.sql, caller }));
    const results = new Map<string, TicketResult>();
    const failed = new Map<number, (ImportRow | null)[]>();
    for (const [at, row] of rows.entries()) {
      const chunk = numbers[Math.floor(at / CHUNK_TICKETS)] ?? 0;
      const result = row ? importRow(creation, row, requestKey) : undefined;
      const kept = failed.get(chunk) ?? [];
      failed.set(chunk, kept);
      kept.push(row && result?.outcome === 'FAILED' ? withoutTicket(row) : null);
      if (result) results.set(ticketIds[at] ?? '', result);
    }
    return {
      results,
      async write() {
        await keepFailedRows(unit.sql, operationId, failed);
        await writeTickets(creation.work);
      },
    };
  },
};

/** What creating tickets in one unit of work needs to know. */
interface Creation {
  readonly work: TicketWork;
  readonly reach: Reach;
  readonly agents: KnownAgents;
  readonly obstacles: Obstacles;
}

const ticketsOf = (rows: readonly (ImportRow | null)[]): NewTicket[] => rows.flatMap((row) => row?.ticket ?? []);
const groupsOf = (tickets: readonly NewTicket[]): string[] => [...new Set(tickets.map((ticket) => ticket.groupId))];

async function openCreation(unit: Unit, tickets: readonly NewTicket[], reach: Reach): Promise<Creation> {
  const work = await openTicketWork(unit, tickets.length, []);
  await assertGroupsPooled(work, groupsOf(tickets));
  const agents = await findKnownAgents(
    unit.sql,
    tickets.flatMap((ticket) => ticket.agentId ?? []),
  );
  return { work, reach, agents, obstacles: await findObstacles(unit.sql, tickets) };
}

function importRow({ work, reach, agents, obstacles }: Creation, { ticket, fault }: ImportRow, requestKey: string): TicketResult {
  if (!ticket) return { outcome: 'FAILED', ...fault };
  try {
    assertCreatable(work, [ticket], reach, obstacles, agents);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    if (THERE.has(error.reason)) return { outcome: 'UNCHANGED', reason: error.reason, message: error.message, foundId: error.facts['ticket_id'] };
    return { outcome: 'FAILED', reason: error.reason, message: error.message, field: fieldOf(error) };
  }
  createTicket(work, ticket, obstacles, requestKey);
  return { outcome: 'CHANGED' };
}

/** Refusals that mean that the row has its ticket. */
const THERE: ReadonlySet<string> = new Set(['EXTERNAL_REFERENCE_TAKEN', 'TICKET_ALREADY_PENDING_FOR_USER']);

/** The refusals of a creation are about the agent or the group. */
const fieldOf = ({ reason }: DomainError): string => (reason.startsWith('AGENT_') ? 'agent_id' : 'group');

const withoutTicket = ({ ticket: _ticket, ...row }: ImportRow): ImportRow => row;
