import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestEdge, type TestEdge } from '../support/edge/index.ts';

const desk = 'https://desk.example.org';
let some: TestEdge;
let all: TestEdge;
let none: TestEdge;

beforeAll(async () => {
  [some, all, none] = await Promise.all([startTestEdge({ corsOrigins: [desk] }), startTestEdge({ corsOrigins: ['*'] }), startTestEdge()]);
});
afterAll(() => Promise.all([some.close(), all.close(), none.close()]));

const path = '/ticketing.v1.TicketService/CreateTicket';
const preflight = (edge: TestEdge, origin: string) =>
  fetch(edge.url + path, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,connect-protocol-version' },
  });
const call = (edge: TestEdge, origin: string) =>
  fetch(edge.url + path, { method: 'POST', headers: { origin, 'content-type': 'application/json' }, body: '{}' });

describe('pages of other origins', () => {
  it('it lets those call that the configuration names, and lets browsers remember it', async () => {
    const response = await preflight(some, desk);
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe(desk);
    expect(response.headers.get('access-control-allow-headers')?.toLowerCase()).toMatch(/connect-protocol-version.*authorization/);
    expect(response.headers.get('access-control-allow-methods')).toBe('POST, GET');
    expect(response.headers.get('access-control-max-age')).toBe('7200');
    expect(response.headers.get('vary')).toBe('origin');
  });

  it('it shows them statuses and details, of failures too', async () => {
    const response = await call(some, desk);
    expect(response.status).toBe(401);
    expect(response.headers.get('access-control-allow-origin')).toBe(desk);
    expect(response.headers.get('access-control-expose-headers')?.toLowerCase()).toMatch(/grpc-status.*grpc-status-details-bin/);
  });

  it('it refuses all others', async () => {
    const response = await preflight(some, 'https://evil.example.org');
    expect(response.status).toBe(403);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    expect((await call(some, 'https://evil.example.org')).headers.get('access-control-allow-origin')).toBeNull();
  });

  it('it lets all call where the configuration says *', async () => {
    expect((await preflight(all, 'https://anybody.example.org')).headers.get('access-control-allow-origin')).toBe('*');
    expect((await preflight(all, 'https://anybody.example.org')).headers.get('access-control-allow-credentials')).toBeNull();
  });

  it('it lets none call where the configuration says nothing', async () => {
    expect((await preflight(none, desk)).status).toBe(403);
    expect((await call(none, desk)).headers.get('access-control-allow-origin')).toBeNull();
  });
});
