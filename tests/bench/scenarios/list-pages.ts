import type { MessageInitShape } from '@bufbuild/protobuf';
import { type ListTicketsRequestSchema, TicketService } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import { type Bench, STOCK_STAFF } from '../bench.ts';
import type { ListTicketsParameters } from '../load/subjects/list-tickets.ts';
import type { Contender } from '../measure/turns.ts';
import { type BarOutcome, costsAtMost } from '../outcome.ts';
import type { Scenario } from '../scenario.ts';
import { openCaller, type Site } from '../site.ts';

const IN_FLIGHT = 8;
const PAGE_SIZE = 50;
const LATE_PAGE = 1_000;
const FEW = 10_000;

type ListRequest = MessageInitShape<typeof ListTicketsRequestSchema>;

/** Lists of tickets that users ask for, and how large a part of all tickets each is. */
const lists = (site: Site): readonly { readonly name: string; readonly request: ListRequest; readonly share: number }[] => [
  { name: 'all tickets', request: {}, share: 1 },
  { name: "a group's", request: { groupId: site.groupIds[0] as string }, share: 1 / STOCK_STAFF.groups },
  { name: "an agent's", request: { agentId: 'agent-1' }, share: 1 / (STOCK_STAFF.groups * STOCK_STAFF.agentsPerGroup) },
];

/** A late page costs what the first one costs, and a page of millions what a page of thousands costs. */
export const listPages: Scenario = {
  name: 'list-pages',
  title: `ListTickets, pages of ${PAGE_SIZE}, newest first, ${IN_FLIGHT} in flight, with ten million tickets and with ${FEW}`,
  async run(bench) {
    const { largest, pace } = bench.options;
    const many = await bench.openStockedSite(largest);
    const few = await bench.openStockedSite(FEW);
    const contenders: Contender[] = [];
    const bars: ((rows: Parameters<typeof costsAtMost>[0]) => BarOutcome)[] = [];
    for (const [at, { name, request, share }] of lists(many).entries()) {
      const page = Math.min(LATE_PAGE, Math.floor((largest * share) / PAGE_SIZE));
      const pageToken = await tokenOfPage(many, request, page);
      const [first, late, small] = [`${name}, page 1`, `${name}, page ${page}`, `${name}, page 1 of ${FEW}`];
      contenders.push(
        await lister(bench, many, first, request),
        await lister(bench, many, late, { ...request, pageToken }),
        await lister(bench, few, small, lists(few)[at]?.request ?? {}),
      );
      bars.push(
        (rows) => costsAtMost(rows, late, first, 1.2),
        (rows) => costsAtMost(rows, first, small, 1.3),
      );
    }
    // Many contenders, each a plain read: half a turn is enough.
    const rows = await bench.compare(contenders, { ...pace, seconds: pace.seconds / 2, warmUpSeconds: pace.warmUpSeconds / 2 });
    return { rows, bars: bars.map((bar) => bar(rows)), notes: [] };
  },
};

async function lister(bench: Bench, site: Site, name: string, request: ListRequest): Promise<Contender & { readonly databaseUrl: string }> {
  const parameters: ListTicketsParameters = {
    client: bench.options.client,
    port: site.ports[0] as number,
    token: site.token,
    request: { ...request, pageSize: PAGE_SIZE },
    expected: PAGE_SIZE,
  };
  const load = await bench.startLoad({ subject: 'list-tickets', parameters, inFlight: IN_FLIGHT });
  return { name, unit: 'call', unitsPerCall: 1, inFlight: IN_FLIGHT, load, processes: site.processes, databaseUrl: site.databaseUrl };
}

/** Walks to a page as a caller must: there is no other way to its token. */
async function tokenOfPage(site: Site, request: ListRequest, page: number): Promise<string> {
  const call = openCaller(site.ports[0] as number, site.token);
  let pageToken = '';
  for (let at = 1; at < page; at++) {
    const answer = await call.unary(TicketService.method.listTickets, { ...request, pageSize: PAGE_SIZE, pageToken });
    pageToken = answer.nextPageToken;
  }
  call.close();
  return pageToken;
}
