import { create, type JsonObject, type MessageInitShape } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CreateTicketRequestSchema, TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import type { Intent } from '../../src/foundation/context.ts';
import { callGrpc, connectClient, grpcChannel } from '../support/edge/clients.ts';
import { startTestEdge, tokenOf } from '../support/edge/index.ts';

const token = tokenOf('service');
const groupId = '0190b6a5-1111-7000-8000-000000000001';
const requestId = '0190b6a5-4444-7000-8000-00000000000A';

/** Runs calls against handlers that only keep what they are told about the caller's intent. */
async function intentsOf(calls: (edge: Awaited<ReturnType<typeof startTestEdge>>) => Promise<unknown>): Promise<(Intent | undefined)[]> {
  const intents: (Intent | undefined)[] = [];
  const edge = await startTestEdge({
    tickets: {
      async createTicket(_, ctx) {
        intents.push(ctx.intent);
        return {};
      },
      async getTicket(_, ctx) {
        intents.push(ctx.intent);
        return {};
      },
    },
  });
  await calls(edge);
  await edge.close();
  return intents;
}

const sent: MessageInitShape<typeof CreateTicketRequestSchema> = {
  groupId,
  userId: 7n,
  requestId,
  reason: 'asked by phone',
  validateOnly: true,
  attributes: { b: { d: 1, c: [1, { z: 1, y: 2 }] }, a: 'x' },
};
const hashes = (intents: (Intent | undefined)[]) => new Set(intents.map((intent) => Buffer.from(intent?.bodyHash ?? []).toString('hex')));

describe('what a caller intends', () => {
  it('it reaches the handler: request id, reason, and whether it is only a check', async () => {
    const [intent] = await intentsOf((edge) => connectClient(edge.url, 'connect').createTicket(sent, { headers: { authorization: token } }));
    expect(intent).toMatchObject({ requestId: requestId.toLowerCase(), reason: 'asked by phone', validateOnly: true });
    expect(intent?.bodyHash).toHaveLength(32);
  });

  it('it has none when he only reads', async () => {
    expect(await intentsOf((edge) => connectClient(edge.url, 'connect').getTicket({ ticketId: 'KYC-1' }, { headers: { authorization: token } }))).toEqual([
      undefined,
    ]);
  });

  it('it is the same request whichever protocol, format, order of keys and request id it comes with', async () => {
    const intents = await intentsOf(async (edge) => {
      const channel = grpcChannel(edge.grpcAddress);
      await callGrpc(channel, TicketService.method.createTicket, sent, { token });
      await callGrpc(channel, TicketService.method.createTicket, { ...sent, requestId: '' }, { token });
      channel.close();
      await connectClient(edge.url, 'connect', { json: true }).createTicket(
        { ...sent, attributes: { a: 'x', b: { c: [1, { y: 2, z: 1 }], d: 1 } } },
        { headers: { authorization: token } },
      );
      await fetch(`${edge.url}/ticketing.v1.TicketService/CreateTicket`, {
        method: 'POST',
        headers: { authorization: token, 'content-type': 'application/json' },
        body: `{"attributes":{"a":"x","b":{"c":[1.0,{"y":2,"z":1}],"d":1e0}},"validate_only":true,"user_id":7,"groupId":"${groupId}","reason":"asked by phone","request_id":"${requestId.toLowerCase()}"}`,
      });
    });
    expect(intents).toHaveLength(4);
    expect(hashes(intents).size).toBe(1);
  });

  it('it is another request when anything else differs', async () => {
    const others: MessageInitShape<typeof CreateTicketRequestSchema>[] = [
      sent,
      { ...sent, userId: 8n },
      { ...sent, reason: 'asked by mail' },
      { ...sent, validateOnly: false },
      { ...sent, attributes: { ...(sent.attributes as JsonObject), a: 'y' } },
      { ...sent, attributes: { ...(sent.attributes as JsonObject), e: null } },
    ];
    const intents = await intentsOf(async (edge) => {
      for (const other of others) await connectClient(edge.url, 'connect').createTicket(other, { headers: { authorization: token } });
    });
    expect(hashes(intents).size).toBe(others.length);
  });

  it('it has one canonical form for any attributes', async () => {
    const { canonicalBytes } = await import('../../src/edge/rpc/canonical.ts');
    const shuffled = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(shuffled);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([key, inner]) => [key, shuffled(inner)]),
      );
    };
    const bytesOf = (attributes: unknown) =>
      Buffer.from(canonicalBytes(CreateTicketRequestSchema, create(CreateTicketRequestSchema, { groupId, attributes: attributes as JsonObject })));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (attributes) => {
        expect(bytesOf(shuffled(attributes)).equals(bytesOf(attributes))).toBe(true);
      }),
    );
  });
});
