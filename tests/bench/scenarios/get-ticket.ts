import { docket, emptyCall } from '../contenders.ts';
import type { GetTicketParameters } from '../load/subjects/get-ticket.ts';
import { type Turn, takeTurn } from '../measure/turns.ts';
import { rowOf } from '../outcome.ts';
import type { Scenario } from '../scenario.ts';

const IN_FLIGHT = 64;

/** A read by id: what the service adds to the transport below it, and to the database behind it. */
export const getTicket: Scenario = {
  name: 'get-ticket',
  title: `GetTicket by id, ${IN_FLIGHT} in flight, some thousands of tickets, against an empty call and a raw SELECT`,
  async run(bench) {
    const site = await bench.openSite({ groups: 10, agentsPerGroup: 10 });
    const filling = await docket(bench, site, { name: 'filling', inFlight: 2, subject: 'batch-create', tickets: 1000 });
    await takeTurn(bench.server, filling, 2 * bench.options.pace.seconds);
    await bench.server.sql(site.databaseUrl, 'VACUUM ANALYZE docket.tickets');
    const found = await bench.server.sql<{ ticket_id: string }>(site.databaseUrl, 'SELECT ticket_id FROM docket.tickets');
    const ticketIds = found.map((row) => row.ticket_id);
    const { client } = bench.options;
    const reading: GetTicketParameters = { client, port: site.ports[0] as number, token: site.token, ticketIds };
    const common = { unit: 'call', unitsPerCall: 1, inFlight: IN_FLIGHT, databaseUrl: site.databaseUrl } as const;
    const rows = await bench.compare([
      {
        ...common,
        name: 'GetTicket',
        load: await bench.startLoad({ subject: 'get-ticket', parameters: reading, inFlight: IN_FLIGHT }),
        processes: site.processes,
      },
      await emptyCall(bench, IN_FLIGHT),
      {
        ...common,
        name: 'SELECT',
        load: await bench.startLoad({ subject: 'select', parameters: { databaseUrl: site.databaseUrl, ticketIds }, inFlight: IN_FLIGHT }),
        processes: [],
      },
    ]);
    const [f0, select] = [rowOf(rows, 'F0').turns, rowOf(rows, 'SELECT').turns];
    const slower = (at: number): number => Math.min((f0[at] as Turn).perSecond, (select[at] as Turn).perSecond);
    const values = rowOf(rows, 'GetTicket').turns.map((turn, at) => turn.perSecond / slower(at));
    return { rows, bars: [{ says: 'GetTicket / the slower of F0 and SELECT', values, limit: { atLeast: 0.5 } }], notes: [`${ticketIds.length} tickets`] };
  },
};
