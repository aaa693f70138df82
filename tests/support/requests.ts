import { vi } from 'vitest';
import { Availability } from '../../gen/ticketing/v1/agent_pb.ts';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { PLAIN, sheet } from './imports.ts';
import { insertOperation } from './operations.ts';
import type { Service } from './service.ts';
import type { TwoTeams } from './two-teams.ts';

/** Field values of a request, as `create` takes them. */
export type Fields = Readonly<Record<string, unknown>>;

/**
 * For each RPC, by name, a request that succeeds on the things of group ONE, whoever of them may be meant.
 * Makes the deleted things that it needs.
 */
export async function makeRequests(service: Service, teams: TwoTeams): Promise<Readonly<Record<string, Fields>>> {
  const { admin, one, hers } = teams;
  await service.call(AgentService.method.createAgent, { agent: { agentId: 'gone', groupIds: [one.groupId] } }, admin);
  await service.call(AgentService.method.deleteAgent, { agentId: 'gone' }, admin);
  const { group } = await service.call(GroupService.method.createGroup, { group: { key: 'GONE' } }, admin);
  const goneId = group?.groupId ?? '';
  await service.call(GroupService.method.deleteGroup, { groupId: goneId }, admin);
  const [entry] = await service.sql<{ entry_id: string }>('SELECT entry_id FROM audit_entries ORDER BY entry_id LIMIT 1');
  // Proofs are of entries that are sealed, a moment after the change.
  await vi.waitFor(async () => {
    const [sealed] = await service.sql('SELECT FROM sealed_entries WHERE entry_id = $1', [entry?.entry_id]);
    if (!sealed) throw new Error('the first entry is not sealed');
  }, 10_000);
  const { groupId } = one;
  const { ticketId } = hers;
  const operationId = await insertOperation(service.sql, 'service:intake', ticketId);
  const importId = await insertOperation(service.sql, 'service:intake', ticketId, ['IMPORT_TICKETS', { columns: ['User ID', 'Group', 'Title'] }]);
  return {
    CreateTicket: { groupId, userId: 9n },
    BatchCreateTickets: {
      requests: [
        { groupId, userId: 9n },
        { groupId, userId: 10n },
      ],
    },
    GetTicket: { ticketId },
    BatchGetTickets: { ticketIds: [ticketId, teams.waiting.key] },
    ListTickets: { groupId },
    UpdateTicket: { ticket: { ticketId, title: 'another title' } },
    BulkUpdateTickets: { ticketIds: [ticketId], patch: { title: 'of many' } },
    ReassignTickets: { ticketIds: [ticketId] },
    ExplainAssignment: { ticketId },
    RedactTicket: { ticketId },
    RestoreTicket: { ticketId, version: 1n },
    ListVersions: { entityType: 'ticket', entityId: ticketId },
    DiffVersions: { entityType: 'ticket', entityId: ticketId, fromVersion: 1n, toVersion: 1n },
    ListTicketHistory: { ticketId },
    CreateAgent: { agent: { agentId: 'new', groupIds: [groupId] } },
    GetAgent: { agentId: 'ann' },
    ListAgents: { groupId },
    UpdateAgent: { agent: { agentId: 'ann', displayName: 'Ann' } },
    DeleteAgent: { agentId: 'ann' },
    UndeleteAgent: { agentId: 'gone' },
    SetAvailability: { agentId: 'ann', availability: Availability.AWAY, reassignPending: true },
    GetWorkload: { agentId: 'ann' },
    CreateGroup: { group: { key: 'THREE' } },
    GetGroup: { groupId },
    ListGroups: { filter: 'key == "ONE"' },
    UpdateGroup: { group: { groupId, name: 'The first' } },
    DeleteGroup: { groupId, force: true },
    UndeleteGroup: { groupId: goneId },
    AddGroupMembers: { groupId, agentIds: ['ann'] },
    RemoveGroupMembers: { groupId, agentIds: ['ann'] },
    ListGroupMembers: { groupId },
    ListAuditEntries: { entityType: 'group' },
    GetAuditEntry: { entryId: entry?.entry_id ?? '' },
    VerifyAuditLog: {},
    GetInclusionProof: { entryId: entry?.entry_id ?? '' },
    ExportAuditLog: {},
    GetOperation: { operationId },
    ListOperations: {},
    ListOperationTickets: { operationId },
    WaitOperation: { operationId, timeout: { seconds: 0n, nanos: 0 } },
    CancelOperation: { operationId },
    ExportList: { list: { case: 'tickets', value: { groupId } } },
    ExportAuditEntries: {},
    ImportTickets: { settings: { source: 'requests', mapping: PLAIN }, chunk: Buffer.from(sheet('9,ONE,imported')) },
    ExportImportFailures: { operationId: importId },
    SimulatePolicy: { message: { case: 'setup', value: { source: { case: 'history', value: { groupIds: [groupId], lastDays: 1 } } } } },
  };
}
