import { create, type DescField, type DescMessage, type DescMethodUnary, type JsonObject, ScalarType, toBinary, toJson } from '@bufbuild/protobuf';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { detailsOf, pathOf } from '../support/edge/clients.ts';
import { assertDecent, byGrpc, byJson, type Sender } from '../support/endings.ts';
import { hostileTexts } from '../support/hostile.ts';
import { type Fields, makeRequests } from '../support/requests.ts';
import { outcomeOf, rpcs, type Service, startService } from '../support/service.ts';
import { makeTwoTeams, type TwoTeams } from '../support/two-teams.ts';

const methods = (rpcs as readonly DescMethodUnary[]).map((rpc) => [rpc.name, rpc] as const);
const { method: tickets } = TicketService;
const { method: agents } = AgentService;

let service: Service;
let teams: TwoTeams;
let requests: Readonly<Record<string, Fields>>;
let sender: Sender;
beforeAll(async () => {
  service = await startService();
  teams = await makeTwoTeams(service);
  sender = { service, token: teams.admin };
  requests = await makeRequests(service, teams);
});
afterAll(() => service?.close());

// Whatever was sent: nothing counts as a fault of ours, and the service serves on.
afterEach(async () => {
  expect(service.faults.splice(0)).toEqual([]);
  expect(await outcomeOf(service.call(tickets.getTicket, { ticketId: teams.theirs.key }, teams.admin))).toBe('ok');
});

/** Every text field at the top of a message. */
function textFields(message: DescMessage): readonly DescField[] {
  return message.fields.filter((field) => field.fieldKind === 'scalar' && field.scalar === ScalarType.STRING);
}

describe('texts that mean something elsewhere', () => {
  it.each(methods)('are but texts to %s', async (name, rpc) => {
    for (const field of textFields(rpc.input)) {
      for (const text of hostileTexts) {
        const json = { ...(toJson(rpc.input, create(rpc.input, requests[name] ?? {})) as object), [field.jsonName]: text, validateOnly: true };
        if (!('validateOnly' in rpc.input.field)) delete (json as { validateOnly?: boolean }).validateOnly;
        const ending = await byJson(sender, rpc, JSON.stringify(json));
        assertDecent(ending);
        if (ending.status === 'INVALID_ARGUMENT' && ending.reason !== 'REQUEST_MALFORMED')
          expect(`${ending.fields.join()} ${ending.text}`, JSON.stringify(text)).toContain(field.name);
      }
    }
  });

  it('are refused when they hold half a character', async () => {
    const wanted = { groupId: teams.one.groupId, userId: '1' };
    for (const [rpc, body] of [
      [tickets.createTicket, { ...wanted, title: 'x\ud800' }],
      [tickets.createTicket, { ...wanted, labels: ['x\ud800'] }],
      [tickets.createTicket, { ...wanted, reason: '\udc00' }],
      [tickets.listTickets, { filter: 'title == "\ud800"' }],
      [agents.updateAgent, { agent: { agentId: 'ann', displayName: '\ud800' } }],
    ] as const) {
      const ending = await byJson(sender, rpc as DescMethodUnary, JSON.stringify(body));
      assertDecent(ending);
      expect(ending.status, ending.text).toBe('INVALID_ARGUMENT');
    }
  });

  it('come back as they went in', async () => {
    const kept = hostileTexts.filter((text) => !text.includes('\0') && text.isWellFormed());
    for (const text of kept) {
      const title = [...text].slice(0, 200).join('');
      const request = {
        groupId: teams.one.groupId,
        userId: 4n,
        title,
        description: text,
        attributes: { [text]: [text, { deep: text }] },
        labels: [`x${[...text].slice(0, 60).join('')}`],
      };
      const { ticket } = await service.call(tickets.createTicket, request, teams.service);
      const { ticket: read } = await service.call(tickets.getTicket, { ticketId: ticket?.ticketId ?? '' }, teams.service);
      expect(read).toMatchObject({ title, description: text, attributes: { [text]: [text, { deep: text }] }, labels: request.labels });
    }
  });
});

describe('names that objects of the language have of their own', () => {
  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('%s is an attribute and a skill like any other', async (name) => {
    const json = `{"groupId":"${teams.one.groupId}","userId":"6","attributes":{"${name}":{"${name}":1}}}`;
    const response = await fetch(`${service.url}${pathOf(tickets.createTicket)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: teams.admin },
      body: json,
    });
    const text = await response.text();
    expect(text).toContain(`{"${name}":{"${name}":1}}`);
    const agentId = `skilled-${name}`;
    const headers = { 'content-type': 'application/json', authorization: teams.admin };
    const made = await fetch(`${service.url}${pathOf(agents.createAgent)}`, {
      method: 'POST',
      headers,
      body: `{"agent":{"agentId":"${agentId}","skills":{"${name}":3}}}`,
    });
    expect(await made.text()).toContain(`{"${name}":3}`);
  });
});

describe('attributes', () => {
  const bytesOf = (attributes: JsonObject) =>
    toBinary(tickets.createTicket.input, create(tickets.createTicket.input, { groupId: teams.one.groupId, userId: 4n, attributes }));
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
  const field = (number: number, content: Uint8Array): Buffer =>
    Buffer.concat([Buffer.from([(number << 3) | 2]), Buffer.from(varint(content.length)), content]);
  /** A request whose attributes nest so deep, written byte by byte: our own writer would give up. */
  const deepBytes = (depth: number): Uint8Array => {
    let struct: Buffer = Buffer.alloc(0);
    for (let level = 1; level < depth; level++) struct = field(1, Buffer.concat([field(1, Buffer.from('a')), field(2, field(5, struct))]));
    return Buffer.concat([bytesOf({}).subarray(0, -2), field(6, struct)]);
  };

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('may not hold %d, which JSON does not know', async (number) => {
    const bytes = Buffer.from(bytesOf({ a: 1.625 }));
    const [usual, odd] = [Buffer.alloc(8), Buffer.alloc(8)];
    usual.writeDoubleLE(1.625);
    odd.writeDoubleLE(number);
    odd.copy(bytes, bytes.indexOf(usual));
    const ending = await byGrpc(sender, tickets.createTicket, bytes);
    assertDecent(ending);
    expect(ending.status).toBe('INVALID_ARGUMENT');
  });

  it.each([20, 21, 40, 200, 3_000, 9_000])('may nest twenty deep and no deeper: %d', async (depth) => {
    const deep = `${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`;
    const endings = [
      await byGrpc(sender, tickets.createTicket, deepBytes(depth)),
      await byJson(sender, tickets.createTicket, `{"groupId":"${teams.one.groupId}","userId":"1","attributes":${deep}}`),
    ];
    endings.forEach(assertDecent);
    expect(endings.map((ending) => ending.status)).toEqual(depth <= 20 ? ['OK', 'OK'] : ['INVALID_ARGUMENT', 'INVALID_ARGUMENT']);
  });

  it.each(['"\\ud800"', '"x\\udc00y"', '{"\\ud800":1}', '"\\u0000"', '{"\\u0000":1}', '1e999'])('may not hold %s', async (value) => {
    const ending = await byJson(sender, tickets.createTicket, `{"groupId":"${teams.one.groupId}","userId":"1","attributes":{"a":[${value}]}}`);
    assertDecent(ending);
    expect(ending.status).toBe('INVALID_ARGUMENT');
  });
});

describe('conditions in CEL', () => {
  const list = (filter: string) => outcomeOf(service.call(tickets.listTickets, { filter }, teams.admin));
  it.each([
    ['deep brackets', `${'('.repeat(1_500)}true${')'.repeat(1_500)}`],
    ['many negations', `${'!'.repeat(4_000)}true`],
    ['long sums', `user_id == ${'1+'.repeat(2_000)}1`],
    ['deep lists', `${'['.repeat(2_000)}1${']'.repeat(2_000)} == []`],
    ['deep choices', `${'true?'.repeat(300)}true${':false'.repeat(300)}`],
    ['an integer too large', 'user_id == 99999999999999999999'],
    ['an overflow', 'user_id + 9223372036854775807 > 0'],
    ['a division by zero', 'user_id / 0 == 1'],
    ['a time far away', 'create_time > timestamp("99999-01-01T00:00:00Z")'],
    ['a duration far too long', 'create_time > timestamp("2026-01-01T00:00:00Z") + duration("99999999999999h")'],
    ['a regular expression', 'title.matches("(a+)+$")'],
    ['SQL', `title == 'x'; DROP TABLE tickets; --'`],
    ['a name of the language', '__proto__ == 1'],
    ['an attribute path', `attributes${'.a'.repeat(1_500)} == 1`],
    ['half a character', '"\\ud800" == title'],
    ['a NUL in escapes', 'title == "\\x00"'],
    ['a comprehension', 'labels.exists(l, labels.exists(m, labels.exists(n, l == m && m == n)))'],
    ['a not a number', 'double("NaN") == 1.0'],
  ])('with %s are answered or refused with the position', async (_, filter) => {
    const outcome = await list(filter);
    expect(['ok', 'FILTER_INVALID']).toContain(outcome);
    if (outcome === 'ok') return;
    const error = await service.call(tickets.listTickets, { filter }, teams.admin).catch((thrown: unknown) => thrown);
    expect(detailsOf(error).violations.map(({ field }) => field)).toEqual(['filter']);
  });
});
