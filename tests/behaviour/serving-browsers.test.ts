import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DomainError } from '../../src/foundation/errors.ts';
import { startBrowser, startSite, type TestBrowser, type TestSite } from '../support/edge/browser.ts';
import { startTestEdge, type TestEdge, tokenOf } from '../support/edge/index.ts';

/** What a page does; it leaves behind `call`, which the tests use from outside. */
const script = `
  import { createClient, ConnectError } from '@connectrpc/connect';
  import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-web';
  import { TicketService } from '/gen/ticketing/v1/ticket_service_pb.ts';
  import { ErrorInfoSchema } from '/gen/google/rpc/error_details_pb.ts';
  const transports = {
    'Connect with JSON': (baseUrl) => createConnectTransport({ baseUrl }),
    'Connect in binary': (baseUrl) => createConnectTransport({ baseUrl, useBinaryFormat: true }),
    'Connect by GET': (baseUrl) => createConnectTransport({ baseUrl, useHttpGet: true }),
    'gRPC-Web': (baseUrl) => createGrpcWebTransport({ baseUrl }),
  };
  window.call = async (protocol, baseUrl, method, request, authorization) => {
    try {
      const client = createClient(TicketService, transports[protocol](baseUrl));
      const answer = await client[method](request, { headers: { authorization }, timeoutMs: 5000 });
      return { title: answer.ticket.title };
    } catch (caught) {
      const error = ConnectError.from(caught);
      return { code: error.code, message: error.rawMessage, reason: error.findDetails(ErrorInfoSchema)[0]?.reason };
    }
  };
`;

type Outcome = { readonly title?: string; readonly code?: number; readonly message?: string; readonly reason?: string };

const protocols = ['Connect with JSON', 'Connect in binary', 'Connect by GET', 'gRPC-Web'];
const groupId = '0190b6a5-1111-7000-8000-000000000001';

let site: TestSite;
let edge: TestEdge;
let closed: TestEdge;
let chromium: TestBrowser;
let call: (protocol: string, url: string, method: string, request: object, token?: string) => Promise<Outcome>;

beforeAll(async () => {
  site = await startSite(script);
  const tickets: Parameters<typeof startTestEdge>[0] = {
    tickets: {
      createTicket: async ({ title }, ctx) => ({ ticket: { title: `${title} by ${ctx.caller.actor}` } }),
      async getTicket({ ticketId }) {
        if (ticketId === 'KYC-404') throw new DomainError('not_found', 'TICKET_NOT_FOUND', 'there is no such ticket');
        return { ticket: { title: ticketId } };
      },
    },
  };
  [edge, closed, chromium] = await Promise.all([
    startTestEdge({ ...tickets, corsOrigins: [site.origin] }),
    startTestEdge({ ...tickets, corsOrigins: ['https://desk.example.org'] }),
    startBrowser(),
  ]);
  const page = await chromium.browser.newPage();
  await page.goto(site.origin);
  await page.waitForFunction('window.call !== undefined');
  call = (protocol, url, method, request, token = tokenOf('service')) =>
    page.evaluate(`window.call(${[protocol, url, method, request, token].map((each) => JSON.stringify(each)).join(', ')})`);
});
afterAll(async () => {
  await Promise.all([edge.close(), closed.close(), chromium.close(), site.close()]);
});

describe.each(protocols)('a page in a browser, by %s', (protocol) => {
  it('it creates a ticket', async () => {
    expect(await call(protocol, edge.url, 'createTicket', { groupId, userId: '7', title: 'hello' })).toEqual({ title: 'hello by test-service' });
  });

  it('it reads a ticket', async () => {
    expect(await call(protocol, edge.url, 'getTicket', { ticketId: 'KYC-7' })).toEqual({ title: 'KYC-7' });
  });

  it('it is told what went wrong, and why', async () => {
    expect(await call(protocol, edge.url, 'getTicket', { ticketId: 'KYC-404' })).toEqual({
      code: 5,
      message: 'there is no such ticket',
      reason: 'TICKET_NOT_FOUND',
    });
  });

  it('it is told that its token is not good', async () => {
    expect(await call(protocol, edge.url, 'getTicket', { ticketId: 'KYC-7' }, 'Bearer nonsense')).toMatchObject({ code: 16, reason: 'TOKEN_INVALID' });
  });

  it('it is kept out by the browser when its origin is not named', async () => {
    const outcome = await call(protocol, closed.url, 'createTicket', { groupId, userId: '7', title: 'hello' });
    expect(outcome.title).toBeUndefined();
    expect(outcome.message).toContain('fetch');
    expect(closed.lines.some(({ rpc }) => rpc === 'ticketing.v1.TicketService/CreateTicket')).toBe(false);
  });
});
