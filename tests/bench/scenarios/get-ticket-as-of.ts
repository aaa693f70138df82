import type { GetTicketParameters } from '../load/subjects/get-ticket.ts';
import type { GetTicketAsOfParameters } from '../load/subjects/get-ticket-as-of.ts';
import { percentileOf } from '../measure/statistics.ts';
import type { Turn } from '../measure/turns.ts';
import { rowOf } from '../outcome.ts';
import type { Scenario } from '../scenario.ts';

const IN_FLIGHT = 64;
/** Tickets that are read, and changes that each of them gets besides. */
const READ = 20_000;
const CHANGES = 4;

/** A read of the past finds one entry among all that there are. */
export const getTicketAsOf: Scenario = {
  name: 'get-ticket-as-of',
  title: `GetTicket as of an instant of the last year, ${IN_FLIGHT} in flight, against GetTicket as it is, with up to ten million audit entries`,
  async run(bench) {
    const site = await bench.openStockedSite(bench.options.largest);
    const { server, options } = bench;
    await server.sql(
      site.databaseUrl,
      `CREATE TABLE docket.read_by_bench AS SELECT ticket_id, create_time FROM docket.tickets ORDER BY hashtext(ticket_id::text) LIMIT ${READ}`,
    );
    for (let change = 1; change <= CHANGES; change += 1)
      await server.sql(site.databaseUrl, `UPDATE docket.tickets t SET title = 'Change ${change}' FROM docket.read_by_bench r WHERE r.ticket_id = t.ticket_id`);
    const tickets = await server.sql<{ ticketId: string; createMs: number }>(
      site.databaseUrl,
      `SELECT ticket_id AS "ticketId", (extract(epoch FROM create_time) * 1000)::float8 AS "createMs" FROM docket.read_by_bench`,
    );
    await server.sql(site.databaseUrl, 'DROP TABLE docket.read_by_bench');
    await server.sql(site.databaseUrl, 'VACUUM ANALYZE docket.tickets, docket.audit_entries');
    const [stock] = await server.sql<{ entries: string; ms: number }>(
      site.databaseUrl,
      'SELECT count(*) AS entries, (extract(epoch FROM docket.docket_now()) * 1000)::float8 AS ms FROM docket.audit_entries',
    );
    const where = { client: options.client, port: site.ports[0] as number, token: site.token };
    const present: GetTicketParameters = { ...where, ticketIds: tickets.map(({ ticketId }) => ticketId) };
    const past: GetTicketAsOfParameters = { ...where, tickets, untilMs: stock?.ms ?? 0 };
    const common = { unit: 'call', unitsPerCall: 1, inFlight: IN_FLIGHT, databaseUrl: site.databaseUrl, processes: site.processes } as const;
    const rows = await bench.compare([
      { ...common, name: 'as of', load: await bench.startLoad({ subject: 'get-ticket-as-of', parameters: past, inFlight: IN_FLIGHT }) },
      { ...common, name: 'as it is', load: await bench.startLoad({ subject: 'get-ticket', parameters: present, inFlight: IN_FLIGHT }) },
    ]);
    const p99 = (turn: Turn): number => percentileOf(turn.samplesMs, 0.99);
    const now = rowOf(rows, 'as it is').turns;
    const values = rowOf(rows, 'as of').turns.map((turn, at) => p99(turn) / p99(now[at] as Turn));
    return { rows, bars: [{ says: 'p99 of as of / as it is', values, limit: { atMost: 2 } }], notes: [`${stock?.entries} audit entries`] };
  },
};
