import { TicketService } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import type { Bench } from '../bench.ts';
import { DEALT_TITLE, makeDealtTickets } from '../competitors/reassign.ts';
import { type CountedContender, docket } from '../contenders.ts';
import type { ReassignParameters } from '../load/subjects/reassign.ts';
import { percentileOf } from '../measure/statistics.ts';
import { atLeast, rowOf } from '../outcome.ts';
import type { Scenario } from '../scenario.ts';
import { openCaller, type Site } from '../site.ts';

const AGENTS = 1_000;
const TICKETS = 100_000;
const QUICK_TICKETS = 10_000;
const PER_CALL = 1_000;
const IN_FLIGHT = 64;
/** A load that ends so soon makes one call of each worker. */
const ONCE_SECONDS = 0.01;

/** An operation as against one statement for all tickets, and what those notice of it who create tickets in the same pool meanwhile. */
export const reassign100000: Scenario = {
  name: 'reassign-100000',
  title: `ReassignTickets, 100,000 tickets over ${AGENTS} agents of one group, by an operation; CreateTicket beside it, ${IN_FLIGHT} in flight`,
  async run(bench) {
    const tickets = bench.options.quick ? QUICK_TICKETS : TICKETS;
    const site = await bench.openSite({ groups: 1, agentsPerGroup: AGENTS });
    await createDealt(site, tickets);
    await bench.server.sql(site.databaseUrl, 'VACUUM ANALYZE');
    const operation = await reassigning(bench, site, tickets);
    const rows = await bench.compare([operation, await byHand(bench, tickets)]);
    const alone = await docket(bench, site, { name: 'CreateTicket alone', inFlight: IN_FLIGHT });
    const beside: CountedContender = {
      ...alone,
      name: 'CreateTicket beside it',
      load: { ...alone.load, run: (seconds) => runBeside(alone, operation, seconds) },
    };
    rows.push(...(await bench.compare([alone, beside].map(({ databaseUrl: _, ...contender }) => contender))));
    const p99s = (name: string): number[] => rowOf(rows, name).turns.map((turn) => percentileOf(turn.samplesMs, 0.99));
    const p99sAlone = p99s(alone.name);
    return {
      rows,
      bars: [
        atLeast(rows, operation.name, 'One statement', 0.5),
        {
          says: 'p99 of CreateTicket beside it / alone',
          values: p99s(beside.name).map((p99, at) => p99 / (p99sAlone[at] as number)),
          limit: { atMost: 3 },
        },
      ],
      notes: [await bench.hotUpdates(site)],
    };
  },
};

/** Tickets that only the deal is about, by the public RPC. */
async function createDealt(site: Site, tickets: number): Promise<void> {
  const caller = openCaller(site.ports[0] as number, site.token);
  const groupId = site.groupIds[0] as string;
  for (let made = 0; made < tickets; made += PER_CALL) {
    const requests = Array.from({ length: PER_CALL }, (_, at) => ({ groupId, userId: BigInt(made + at + 1), title: DEALT_TITLE }));
    await caller.unary(TicketService.method.batchCreateTickets, { requests });
  }
  site.acknowledged += tickets;
  caller.close();
}

async function reassigning(bench: Bench, site: Site, tickets: number): Promise<CountedContender> {
  const { ports, token, groupIds, processes, databaseUrl } = site;
  const parameters: ReassignParameters = { client: bench.options.client, ports, token, groupIds, title: DEALT_TITLE, tickets };
  const load = await bench.startLoad({ subject: 'reassign', parameters, inFlight: 1 });
  return { name: 'Docket', unit: 'ticket', unitsPerCall: tickets, inFlight: 1, load, processes, databaseUrl };
}

async function byHand(bench: Bench, tickets: number): Promise<CountedContender> {
  const databaseUrl = await bench.createDatabase('by_hand');
  await makeDealtTickets(databaseUrl, AGENTS, tickets);
  const load = await bench.startLoad({ subject: 'reassign-by-hand', parameters: { databaseUrl }, inFlight: 1 });
  return { name: 'One statement', unit: 'ticket', unitsPerCall: tickets, inFlight: 1, load, processes: [], databaseUrl };
}

/** Creates tickets while an operation goes on, which outlasts them; answers for the tickets alone. */
async function runBeside(create: CountedContender, operation: CountedContender, seconds: number) {
  const going = operation.load.run(ONCE_SECONDS);
  const [run] = await Promise.all([create.load.run(seconds), going]);
  return run;
}
