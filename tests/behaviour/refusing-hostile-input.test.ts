import { randomUUID } from 'node:crypto';
import { create, type DescMethod, type DescMethodUnary, toBinary, toJson } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { assertDecent, byGrpc, byJson, type Sender } from '../support/endings.ts';
import { hostileJson, hostileMessage } from '../support/hostile.ts';
import { importsEnded } from '../support/imports.ts';
import { type Fields, makeRequests } from '../support/requests.ts';
import { outcomeOf, rpcs, type Service, startService } from '../support/service.ts';
import { makeTwoTeams, type TwoTeams } from '../support/two-teams.ts';

const methods = (rpcs as readonly DescMethodUnary[]).map((rpc) => [rpc.name, rpc] as const);
/** Those that plain JSON can call: a stream of requests has a form of its own. */
const unary = methods.filter(([, rpc]) => (rpc as DescMethod).methodKind === 'unary');
const { method: tickets } = TicketService;
const { method: agents } = AgentService;
const { method: groups } = GroupService;

let service: Service;
let teams: TwoTeams;
let requests: Readonly<Record<string, Fields>>;
let sender: Sender;
beforeAll(async () => {
  service = await startService();
  teams = await makeTwoTeams(service);
  sender = { service, token: teams.admin };
  const { group } = await service.call(groups.createGroup, { group: { key: 'SPARE' } }, teams.admin);
  await service.call(agents.createAgent, { agent: { agentId: 'spare' } }, teams.admin);
  // What is tried on the others must find them there.
  requests = { ...(await makeRequests(service, teams)), DeleteGroup: { groupId: group?.groupId, force: true }, DeleteAgent: { agentId: 'spare' } };
});
afterAll(() => service?.close());

// Whatever was sent: nothing counts as a fault of ours, and the service serves on.
afterEach(async () => {
  expect(service.faults.splice(0)).toEqual([]);
  expect(await outcomeOf(service.call(tickets.getTicket, { ticketId: teams.theirs.key }, teams.admin))).toBe('ok');
});

/** Every change of an audited thing has an entry, and every success a request: what is refused adds to neither. */
async function changesOnRecord() {
  await importsEnded(service);
  return service.sql(`SELECT (SELECT count(*) FROM audit_entries WHERE operation <> 'REFUSE') AS entries, (SELECT count(*) FROM requests) AS requests`);
}

/** Tries for each RPC and form. */
const numRuns = 12;

describe('any request of the right kind', () => {
  it.each(methods)('is answered or refused in good order by %s, and a refused one changes nothing', async (name, rpc) => {
    await fc.assert(
      fc.asyncProperty(hostileMessage(rpc.input, requests[name] ?? {}), async (message) => {
        const before = await changesOnRecord();
        const ending = await byGrpc(sender, rpc, toBinary(rpc.input, message));
        assertDecent(ending);
        if (ending.status !== 'OK') expect(await changesOnRecord()).toEqual(before);
      }),
      { numRuns },
    );
  });

  it.each(unary)('is read from JSON by %s as long as it is JSON of that kind', async (name, rpc) => {
    const good = toJson(rpc.input, create(rpc.input, requests[name] ?? {}));
    await fc.assert(
      fc.asyncProperty(hostileJson(good), async (body) => assertDecent(await byJson(sender, rpc, body))),
      { numRuns },
    );
  });

  it.each(methods)('is refused by %s when it is larger than a message may be', async (_, rpc) => {
    const huge = new Uint8Array(4 * 1024 * 1024 + 1);
    expect(await byGrpc(sender, rpc, huge)).toMatchObject({ status: 'RESOURCE_EXHAUSTED', reason: 'MESSAGE_TOO_LARGE' });
  });

  it.each(methods)('is refused by %s when its bytes are no message', async (_, rpc) => {
    for (const bytes of [Buffer.from('ffffffff', 'hex'), Buffer.from('0a7f41', 'hex'), Buffer.from('0a02c328', 'hex')]) {
      const ending = await byGrpc(sender, rpc, bytes);
      assertDecent(ending);
      expect(ending.status).toBe('INVALID_ARGUMENT');
    }
  });

  it.each(unary)('is refused by %s when it is no JSON of that kind', async (_, rpc) => {
    for (const body of ['', '[]', '{', '"x"', '{"no_such_field":1}', '{"a":'.repeat(5_000), 'null', Buffer.from('{"filter":"\xc3\x28"}', 'latin1')]) {
      const ending = await byJson(sender, rpc, body);
      assertDecent(ending);
    }
  });
});

describe('masks, etags and page tokens', () => {
  const update = (paths: string[], ticket: Fields = { title: 'x' }) =>
    outcomeOf(service.call(tickets.updateTicket, { ticket: { ticketId: teams.hers.ticketId, ...ticket }, updateMask: { paths } }, teams.admin));

  it('are refused when they name what is not there or cannot be changed', async () => {
    for (const paths of [
      ['nope'],
      ['title', 'key'],
      ['ticket_id'],
      ['title.x'],
      ['attributes.x'],
      ['*', 'nope'],
      [''],
      ['title '],
      ['__proto__'],
      ['create_time'],
    ]) {
      expect(['INVALID_FIELD', 'UPDATE_MASK_INVALID'], paths.join()).toContain(await update(paths));
    }
    expect(await update([], {})).toBe('NOTHING_TO_UPDATE');
    expect(await update(['title', 'title'])).toBe('ok');
  });

  it('are refused when they are not the ones that were given out', async () => {
    for (const etag of ['0', '-1', '1e0', ' 1', 'x'.repeat(64), '9'.repeat(40)]) {
      expect(await update(['title'], { title: 'y', etag })).toBe('ETAG_MISMATCH');
      expect(await outcomeOf(service.call(groups.updateGroup, { group: { groupId: teams.one.groupId, name: 'y', etag } }, teams.admin))).toBe('ETAG_MISMATCH');
      expect(await outcomeOf(service.call(agents.updateAgent, { agent: { agentId: 'ann', displayName: 'y', etag } }, teams.admin))).toBe('ETAG_MISMATCH');
    }
  });

  it('are refused when they were tampered with', async () => {
    const lists = methods.filter(([name]) => name.startsWith('List'));
    const { nextPageToken } = await service.call(tickets.listTickets, { pageSize: 1 }, teams.admin);
    const flipped = [...nextPageToken].map((letter, at) => (at === 10 ? (letter === 'A' ? 'B' : 'A') : letter)).join('');
    for (const pageToken of [flipped, nextPageToken.slice(1), `${nextPageToken}A`, nextPageToken.slice(0, 8), 'x', 'AAAA', '=', 'é', 'A'.repeat(4_096)]) {
      for (const [name, rpc] of lists) {
        expect(await outcomeOf(service.call(rpc, create(rpc.input, { ...requests[name], pageToken }), teams.admin)), `${name} ${pageToken}`).toBe(
          'PAGE_TOKEN_INVALID',
        );
      }
    }
    expect(await outcomeOf(service.call(agents.listAgents, { pageToken: nextPageToken }, teams.admin))).toBe('PAGE_TOKEN_INVALID');
    expect(await outcomeOf(service.call(tickets.listTickets, { pageToken: nextPageToken, unassigned: true }, teams.admin))).toBe('PAGE_TOKEN_INVALID');
    expect(await outcomeOf(service.call(tickets.listTickets, { pageToken: nextPageToken, orderBy: 'priority' }, teams.admin))).toBe('PAGE_TOKEN_INVALID');
  });
});

describe('what is at a limit', () => {
  const full = () => ({
    groupId: teams.one.groupId,
    userId: 9_223_372_036_854_775_807n,
    title: '𝔘'.repeat(200),
    description: 'é'.repeat(10_000),
    labels: Array.from({ length: 50 }, (_, at) => `${at}`.padEnd(64, '·')),
    externalReferences: Array.from({ length: 20 }, () => ({
      system: 's'.repeat(64),
      id: `${randomUUID()}`.padEnd(256, 'i'),
      url: `https://example.org/${'u'.repeat(2_000)}`,
    })),
    attributes: Object.fromEntries(Array.from({ length: 256 }, (_, at) => [`name-${at}`, 'x'.repeat(40)])),
  });
  const make = (more: Fields) => outcomeOf(service.call(tickets.createTicket, { ...full(), ...more }, teams.service));

  it('is taken, and one more is refused', async () => {
    expect(await make({})).toBe('ok');
    expect(await make({ title: 'x'.repeat(201) })).toBe('INVALID_FIELD');
    expect(await make({ description: 'x'.repeat(10_001) })).toBe('INVALID_FIELD');
    expect(await make({ labels: Array.from({ length: 51 }, (_, at) => `${at}`) })).toBe('INVALID_FIELD');
    expect(await make({ labels: ['same', 'same'] })).toBe('INVALID_FIELD');
    expect(await make({ attributes: Object.fromEntries(Array.from({ length: 257 }, (_, at) => [`${at}`, 1])) })).toBe('INVALID_FIELD');
    expect(await make({ attributes: { big: 'x'.repeat(16 * 1024) } })).toBe('ATTRIBUTES_TOO_LARGE');
    const twice = { system: 'twice', id: randomUUID() };
    expect(await make({ externalReferences: [twice, twice] })).toBe('EXTERNAL_REFERENCE_TAKEN');
    expect(
      await make({
        externalReferences: [
          { system: 'a\nb', id: 'c' },
          { system: 'a', id: 'b\nc' },
        ],
      }),
    ).toBe('ok');
  });

  it('is answered within what clients take, or refused before anything is made', async () => {
    const description = 'd'.repeat(3_900);
    const requestsOf = (count: number) => Array.from({ length: count }, () => ({ groupId: teams.one.groupId, userId: 1n, description }));
    const before = await service.checksums();
    expect(await outcomeOf(service.call(tickets.batchCreateTickets, { requests: requestsOf(1_000) }, teams.admin))).toBe('RESPONSE_TOO_LARGE');
    expect(await service.checksums()).toEqual(before);
    expect(await outcomeOf(service.call(tickets.batchCreateTickets, { requests: requestsOf(800) }, teams.admin))).toBe('ok');
  });

  it('of a thousand is refused at a thousand and one', async () => {
    const ids = Array.from({ length: 1_001 }, (_, at) => `ONE-${at + 1}`);
    const names = Array.from({ length: 1_001 }, (_, at) => `agent-${at}`);
    const calls = [
      service.call(tickets.batchGetTickets, { ticketIds: ids }, teams.admin),
      service.call(tickets.bulkUpdateTickets, { ticketIds: ids, patch: { title: 'x' } }, teams.admin),
      service.call(tickets.reassignTickets, { fromAgentIds: names }, teams.admin),
      service.call(groups.addGroupMembers, { groupId: teams.one.groupId, agentIds: names }, teams.admin),
      service.call(tickets.batchCreateTickets, { requests: ids.map(() => ({ groupId: teams.one.groupId, userId: 1n })) }, teams.admin),
    ];
    expect(await Promise.all(calls.map(outcomeOf))).toEqual(calls.map(() => 'INVALID_FIELD'));
  });

  it('is one ticket however often and however it is named', async () => {
    const { ticketId, key } = teams.hers;
    const ids = [ticketId, ticketId.toUpperCase(), key];
    const { updatedCount } = await service.call(tickets.bulkUpdateTickets, { ticketIds: ids, patch: { title: 'named thrice' } }, teams.admin);
    expect(updatedCount).toBe(1);
    expect((await service.call(tickets.batchGetTickets, { ticketIds: [...ids, key] }, teams.admin)).tickets).toHaveLength(4);
  });
});
