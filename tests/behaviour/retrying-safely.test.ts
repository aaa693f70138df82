import { randomUUID } from 'node:crypto';
import { create, type DescMethodUnary, equals, type Message } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Availability } from '../../gen/ticketing/v1/agent_pb.ts';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { OperationState } from '../../gen/ticketing/v1/operation_pb.ts';
import { OperationService } from '../../gen/ticketing/v1/operation_service_pb.ts';
import { TicketStatus } from '../../gen/ticketing/v1/ticket_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { isRead } from '../contract/contract.ts';
import { importsEnded, PLAIN, sheet } from '../support/imports.ts';
import { insertOperation } from '../support/operations.ts';
import type { Fields } from '../support/requests.ts';
import { outcomeOf, rpcs, type Service, startService } from '../support/service.ts';

const { method: tickets } = TicketService;
const { method: agents } = AgentService;
const { method: groups } = GroupService;
const mutations = (rpcs as readonly DescMethodUnary[]).filter((rpc) => !isRead(rpc)).map((rpc) => [rpc.name, rpc] as const);

let service: Service;
let admin: string;
beforeAll(async () => {
  service = await startService();
  admin = await service.person('root', ['admin']);
});
afterAll(() => service?.close());

const call = async (rpc: DescMethodUnary, fields: Fields, token = admin): Promise<Message> => {
  const answer = await service.call(rpc, create(rpc.input, fields), token);
  if (rpc.name === 'ImportTickets') await importsEnded(service);
  return answer;
};

/** For each mutation a request that changes something, about things made for it alone. */
let made = 0;
async function makeScene(): Promise<Readonly<Record<string, Fields>>> {
  made += 1;
  const run = made;
  const name = (role: string) => `${role}-${run}`;
  const makeGroup = async (key: string) => (await service.call(groups.createGroup, { group: { key } }, admin)).group?.groupId ?? '';
  const makeAgent = (role: string, groupIds: string[]) => service.call(agents.createAgent, { agent: { agentId: name(role), groupIds } }, admin);
  const [groupId, goneId] = await Promise.all([makeGroup(`G${run}`), makeGroup(`D${run}`)]);
  const gone = makeAgent('gone', []).then(() => service.call(agents.deleteAgent, { agentId: name('gone') }, admin));
  await Promise.all([
    service.call(groups.deleteGroup, { groupId: goneId }, admin),
    gone,
    makeAgent('new', []),
    makeAgent('ann', [groupId]),
    makeAgent('amy', [groupId]),
  ]);
  const requests = Array.from({ length: 4 }, (_, at) => ({ groupId, userId: BigInt(at + 1) }));
  const ticketIds = (await service.call(tickets.batchCreateTickets, { requests }, admin)).tickets.map(({ ticketId }) => ticketId);
  await service.call(tickets.updateTicket, { ticket: { ticketId: ticketIds[3] ?? '', title: 'changed' } }, admin);
  return {
    CreateTicket: { groupId, userId: 7n, attributes: { b: 1, a: [{ z: null }] }, externalReferences: [{ system: 'erp', id: `${run}` }] },
    BatchCreateTickets: {
      requests: [
        { groupId, userId: 7n, uniquePerUser: true },
        { groupId, userId: 8n, agentId: name('ann') },
      ],
    },
    UpdateTicket: { ticket: { ticketId: ticketIds[0], status: TicketStatus.RESOLVED, etag: '1' } },
    BulkUpdateTickets: { ticketIds, patch: { status: TicketStatus.ON_HOLD, labels: ['later'] } },
    ReassignTickets: { fromAgentIds: [name('ann')] },
    CancelOperation: { operationId: await insertOperation(service.sql, 'root', ticketIds[0] ?? '') },
    ImportTickets: { settings: { source: name('file'), mapping: PLAIN }, chunk: Buffer.from(sheet(`7,G${run},imported`)) },
    RedactTicket: { ticketId: ticketIds[0] },
    RestoreTicket: { ticketId: ticketIds[3], version: 1n },
    CreateAgent: { agent: { agentId: name('extra'), groupIds: [groupId] } },
    UpdateAgent: { agent: { agentId: name('ann'), active: false } },
    DeleteAgent: { agentId: name('ann') },
    UndeleteAgent: { agentId: name('gone') },
    SetAvailability: { agentId: name('ann'), availability: Availability.AWAY, reassignPending: true, until: { seconds: 4_102_444_800n, nanos: 0 } },
    CreateGroup: { group: { key: `N${run}`, supervisorIds: ['sue'] } },
    UpdateGroup: { group: { groupId, name: 'Renamed', assignmentPolicy: { maxOpenPerAgent: 5 } } },
    DeleteGroup: { groupId, force: true },
    UndeleteGroup: { groupId: goneId },
    AddGroupMembers: { groupId, agentIds: [name('new')] },
    RemoveGroupMembers: { groupId, agentIds: [name('ann')] },
  };
}

/** The changes that the audit log holds of a request id: each kind of thing and change, and how many. */
async function effectsOf(requestId: string): Promise<Record<string, number>> {
  const rows = await service.sql<{ what: string; count: number }>(
    `SELECT entity_type || ' ' || operation AS what, count(*)::int AS count FROM audit_entries WHERE request_id = $1 AND operation <> 'REFUSE' GROUP BY 1 ORDER BY 1`,
    [requestId],
  );
  return Object.fromEntries(rows.map(({ what, count }) => [what, count]));
}

describe('a change with a request id', () => {
  it.each(mutations)('%s is made once, however often and however close together it is asked for', async (name, rpc) => {
    const [alone, often] = [randomUUID(), randomUUID()];
    await call(rpc, { ...(await makeScene())[name], requestId: alone });
    const once = await effectsOf(alone);
    expect(Object.keys(once)).not.toEqual([]);

    const request = { ...(await makeScene())[name], requestId: often };
    const answers = await Promise.all(Array.from({ length: 8 }, () => call(rpc, request)));
    for (const answer of answers) expect(equals(rpc.output, answer, answers[0] as Message)).toBe(true);
    expect(await effectsOf(often)).toEqual(once);

    const before = await service.checksums();
    const [again, shouted] = [await call(rpc, request), await call(rpc, { ...request, requestId: often.toUpperCase() })];
    expect([again, shouted]).toEqual([answers[0], answers[0]]);
    expect(await outcomeOf(call(rpc, { ...request, reason: 'another request' }))).toBe('REQUEST_ID_REUSED');
    expect(await outcomeOf(call(rpc, { ...request, validateOnly: true }))).toBe('REQUEST_ID_REUSED');
    expect(await service.checksums()).toEqual(before);
  });

  it('is its caller’s own: another may use the same id', async () => {
    const { CreateTicket } = await makeScene();
    const request = { ...CreateTicket, externalReferences: [], requestId: randomUUID() };
    const other = await service.program({ name: 'other', roles: ['service'] });
    const [mine, his] = [await call(tickets.createTicket, request), await call(tickets.createTicket, request, other)];
    expect(his).not.toEqual(mine);
    expect(await call(tickets.createTicket, request, other)).toEqual(his);
  });

  it('takes no other meaning when two different ones come at once', async () => {
    const scene = await makeScene();
    const requestId = randomUUID();
    const both: readonly [DescMethodUnary, string][] = [
      [tickets.createTicket, 'CreateTicket'],
      [groups.createGroup, 'CreateGroup'],
      [agents.createAgent, 'CreateAgent'],
      [groups.undeleteGroup, 'UndeleteGroup'],
    ];
    const outcomes = await Promise.all(both.map(([rpc, name]) => outcomeOf(call(rpc, { ...scene[name], requestId }))));
    expect(outcomes.sort()).toEqual(['REQUEST_ID_REUSED', 'REQUEST_ID_REUSED', 'REQUEST_ID_REUSED', 'ok']);
    expect(await service.sql('SELECT 1 FROM requests WHERE request_id = $1', [requestId])).toHaveLength(1);
  });

  it('that failed may be tried again under its id, corrected', async () => {
    const { UpdateTicket } = await makeScene();
    const requestId = randomUUID();
    const ticket = UpdateTicket?.ticket as Fields;
    expect(await outcomeOf(call(tickets.updateTicket, { ticket: { ...ticket, etag: '9' }, requestId }))).toBe('ETAG_MISMATCH');
    expect(await outcomeOf(call(tickets.updateTicket, { ticket, requestId }))).toBe('ok');
  });

  it('of many tickets, whose answer is made while they are written, gets that answer again, and refusals alike', async () => {
    const { group } = await service.call(groups.createGroup, { group: { key: 'MANY' } }, admin);
    const requests = Array.from({ length: 100 }, (_, at) => ({ groupId: group?.groupId ?? '', userId: BigInt(at + 1), uniquePerUser: true }));
    const batch = { requests, requestId: randomUUID() };
    const [first, again] = await Promise.all([1, 2].map(() => service.call(tickets.batchCreateTickets, batch, admin)));
    expect(first?.tickets.map(({ key }) => key)).toEqual(requests.map((_, at) => `MANY-${at + 1}`));
    expect(again).toEqual(first);
    expect(await service.call(tickets.batchCreateTickets, batch, admin)).toEqual(first);
    const refused = await outcomeOf(call(tickets.batchCreateTickets, { requests, requestId: randomUUID() }));
    expect(refused).toMatch(/ALREADY_PENDING/);
    const unnamed = await service.call(tickets.batchCreateTickets, { requests: requests.map((one) => ({ ...one, uniquePerUser: false })) }, admin);
    expect(unnamed.tickets).toHaveLength(100);
  });

  it('is answered from the record even when what it selects has become too much', async () => {
    const { CreateTicket } = await makeScene();
    const { groupId } = CreateTicket as { groupId: string };
    const many = { filter: `group_id == "${groupId}"`, requestId: randomUUID() };
    const bulk = { ...many, patch: { title: 'one of many' } };
    const deal = { ...many, requestId: randomUUID() };
    const [changed, dealt] = [await call(tickets.bulkUpdateTickets, bulk), await call(tickets.reassignTickets, deal)];
    await call(tickets.batchCreateTickets, { requests: Array.from({ length: 1000 }, () => ({ groupId, userId: 3n })) });
    const { operationId } = await service.call(tickets.bulkUpdateTickets, { ...bulk, requestId: '' }, admin);
    const waited = await service.call(OperationService.method.waitOperation, { operationId }, admin);
    expect(waited.operation?.state).toBe(OperationState.SUCCEEDED);
    expect(await call(tickets.bulkUpdateTickets, bulk)).toEqual(changed);
    expect(await call(tickets.reassignTickets, deal)).toEqual(dealt);
    expect(await outcomeOf(call(tickets.bulkUpdateTickets, { ...bulk, reason: 'other' }))).toBe('REQUEST_ID_REUSED');
  });
});

/** What must be refused, and why: the same whether it is only checked or not. */
const refusals: Readonly<Record<string, readonly [Fields, reason: string]>> = {
  CreateTicket: [{ groupId: randomUUID(), userId: 1n }, 'GROUP_NOT_FOUND'],
  BatchCreateTickets: [{ requests: [{ groupId: randomUUID(), userId: 1n }] }, 'GROUP_NOT_FOUND'],
  UpdateTicket: [{ ticket: { ticketId: 'NONE-1', title: 'x' } }, 'TICKET_NOT_FOUND'],
  BulkUpdateTickets: [{ ticketIds: ['NONE-1'], patch: { title: 'x' } }, 'TICKET_NOT_FOUND'],
  ReassignTickets: [{ fromAgentIds: ['none'] }, 'AGENT_NOT_FOUND'],
  CancelOperation: [{ operationId: randomUUID() }, 'OPERATION_NOT_FOUND'],
  ImportTickets: [{ settings: { source: 'nothing', mapping: PLAIN } }, 'FILE_UNREADABLE'],
  RedactTicket: [{ ticketId: randomUUID() }, 'TICKET_NOT_FOUND'],
  RestoreTicket: [{ ticketId: randomUUID(), version: 1n }, 'TICKET_NOT_FOUND'],
  CreateAgent: [{ agent: { agentId: 'x', timeZone: 'Nowhere' } }, 'TIME_ZONE_UNKNOWN'],
  UpdateAgent: [{ agent: { agentId: 'none', displayName: 'x' } }, 'AGENT_NOT_FOUND'],
  DeleteAgent: [{ agentId: 'none' }, 'AGENT_NOT_FOUND'],
  UndeleteAgent: [{ agentId: 'none' }, 'AGENT_NOT_FOUND'],
  SetAvailability: [{ agentId: 'none', availability: Availability.AWAY }, 'AGENT_NOT_FOUND'],
  CreateGroup: [{ group: { key: 'X', timeZone: 'Nowhere' } }, 'TIME_ZONE_UNKNOWN'],
  UpdateGroup: [{ group: { groupId: randomUUID(), name: 'x' } }, 'GROUP_NOT_FOUND'],
  DeleteGroup: [{ groupId: randomUUID() }, 'GROUP_NOT_FOUND'],
  UndeleteGroup: [{ groupId: randomUUID() }, 'GROUP_NOT_FOUND'],
  AddGroupMembers: [{ groupId: randomUUID(), agentIds: ['none'] }, 'GROUP_NOT_FOUND'],
  RemoveGroupMembers: [{ groupId: randomUUID(), agentIds: ['none'] }, 'GROUP_NOT_FOUND'],
};

describe('a change that is only checked', () => {
  it.each(mutations)('%s is answered, has no effect, and leaves its request id free', async (name, rpc) => {
    const request = { ...(await makeScene())[name], requestId: randomUUID() };
    const before = await service.checksums();
    expect(await outcomeOf(call(rpc, { ...request, validateOnly: true }))).toBe('ok');
    expect(await outcomeOf(call(rpc, { ...request, requestId: '', validateOnly: true }))).toBe('ok');
    expect(await service.checksums()).toEqual(before);
    expect(await outcomeOf(call(rpc, request))).toBe('ok');
    expect(await service.checksums()).not.toEqual(before);
  });

  it.each(mutations)('%s is refused for what it would be refused for in earnest', async (name, rpc) => {
    const [fields, reason] = refusals[name] ?? [{}, 'not in the table'];
    const before = await service.checksums();
    expect([await outcomeOf(call(rpc, { ...fields, validateOnly: true })), await outcomeOf(call(rpc, fields))]).toEqual([reason, reason]);
    expect(await service.checksums()).toEqual(before);
  });
});
