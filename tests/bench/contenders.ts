import type { Bench } from './bench.ts';
import { L64_TICKETS, makeHandWrittenTables } from './competitors/hand-written.ts';
import { makeLeastTables, makeThinTables } from './competitors/least/tables.ts';
import { startServer } from './competitors/start-server.ts';
import type { CreateTicketParameters } from './load/subjects/create-ticket.ts';
import type { EmptyCallParameters } from './load/subjects/empty-call.ts';
import type { Contender } from './measure/turns.ts';
import type { Site } from './site.ts';

/** A contender whose statements can be counted. */
export type CountedContender = Contender & { readonly databaseUrl: string };

/** How a site is driven. */
export interface Drive {
  readonly name: string;
  readonly inFlight: number;
  /** What is driven; CreateTicket into any group of the site if absent. */
  readonly subject?: 'create-resolve' | 'batch-create';
  /** Only the first process of the site, though it has several. */
  readonly oneProcess?: boolean;
  /** Tickets in one call of BatchCreateTickets. */
  readonly tickets?: number;
}

/** Docket: calls that create tickets at a site, over gRPC. */
export async function docket(bench: Bench, site: Site, { name, inFlight, subject, oneProcess, tickets }: Drive): Promise<CountedContender> {
  const processes = oneProcess ? site.processes.slice(0, 1) : site.processes;
  const ports = processes.map(({ grpcPort }) => grpcPort);
  const parameters: CreateTicketParameters = { client: bench.options.client, ports, token: site.token, groupIds: site.groupIds };
  return {
    name,
    unit: subject === 'create-resolve' ? 'call' : 'ticket',
    unitsPerCall: tickets ?? 1,
    inFlight,
    load: await bench.startLoad({ subject: subject ?? 'create-ticket', parameters: { ...parameters, ...(tickets ? { tickets } : {}) }, inFlight }),
    processes,
    databaseUrl: site.databaseUrl,
    acknowledged: (made) => {
      site.acknowledged += made;
    },
  };
}

/** L1, L1x or L64, each on a database of its own with so many agents. */
export async function handWritten(bench: Bench, subject: 'l1' | 'l1x' | 'l64', agents: number, inFlight: number): Promise<CountedContender> {
  const databaseUrl = await bench.createDatabase(subject);
  await makeHandWrittenTables(databaseUrl, agents);
  return {
    name: { l1: 'L1', l1x: 'L1x', l64: 'L64' }[subject],
    unit: 'ticket',
    unitsPerCall: subject === 'l64' ? L64_TICKETS : 1,
    inFlight,
    load: await bench.startLoad({ subject, parameters: { databaseUrl }, inFlight }),
    processes: [],
    databaseUrl,
  };
}

/** Least: tickets created, one or so many a call, by the least program that leaves the same rows behind, on a database of its own. */
export async function least(bench: Bench, agents: number, drive: Pick<Drive, 'inFlight' | 'tickets'>): Promise<CountedContender> {
  const databaseUrl = await bench.createDatabase('least');
  return leastProgram(bench, { name: 'Least', databaseUrl, groupId: await makeLeastTables(databaseUrl, agents), agents }, drive);
}

/** Thin: the program of Least on tables that hold a ticket, its audit row, its decision and its request, and nothing else. */
export async function thin(bench: Bench, agents: number, inFlight: number): Promise<CountedContender> {
  const databaseUrl = await bench.createDatabase('thin');
  return leastProgram(bench, { name: 'Thin', databaseUrl, groupId: await makeThinTables(databaseUrl, agents), agents }, { inFlight });
}

async function leastProgram(
  bench: Bench,
  { name, databaseUrl, groupId, agents }: { readonly name: string; readonly databaseUrl: string; readonly groupId: string; readonly agents: number },
  { inFlight, tickets }: Pick<Drive, 'inFlight' | 'tickets'>,
): Promise<CountedContender> {
  const server = await startServer('./least/server.ts', [databaseUrl, groupId, String(agents)]);
  bench.atEnd(() => server.stop());
  const parameters = { client: bench.options.client, ports: [server.port], token: '', groupIds: [groupId], ...(tickets ? { tickets } : {}) };
  const load = await bench.startLoad({ subject: tickets ? 'batch-create' : 'create-ticket', parameters, inFlight });
  return { name, unit: 'ticket', unitsPerCall: tickets ?? 1, inFlight, load, processes: [server], databaseUrl };
}

/** A job queue that takes in and completes a job for each ticket, on a database of its own. */
export async function jobQueue(bench: Bench, subject: 'pg-boss' | 'graphile-worker', inFlight: number): Promise<CountedContender> {
  const databaseUrl = await bench.createDatabase(subject.replace('-', '_'));
  const load = await bench.startLoad({ subject, parameters: { databaseUrl }, inFlight });
  return { name: subject, unit: 'job', unitsPerCall: 1, inFlight, load, processes: [], databaseUrl };
}

/** F0: an empty unary call of bare grpc-js. */
export async function emptyCall(bench: Bench, inFlight: number): Promise<Contender> {
  const server = await startServer('./empty-server.ts');
  bench.atEnd(() => server.stop());
  const parameters: EmptyCallParameters = { client: bench.options.client, port: server.port };
  const load = await bench.startLoad({ subject: 'empty-call', parameters, inFlight });
  return { name: 'F0', unit: 'call', unitsPerCall: 1, inFlight, load, processes: [server] };
}
