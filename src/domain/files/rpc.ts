import { create, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { AgentSchema } from '../../../gen/ticketing/v1/agent_pb.ts';
import { ListAgentsRequestSchema, ListAgentsResponseSchema } from '../../../gen/ticketing/v1/agent_service_pb.ts';
import { AuditEntrySchema } from '../../../gen/ticketing/v1/audit_entry_pb.ts';
import { ListAuditEntriesRequestSchema, ListAuditEntriesResponseSchema } from '../../../gen/ticketing/v1/audit_service_pb.ts';
import { type ExportListRequest, FileFormat, type FileService } from '../../../gen/ticketing/v1/file_service_pb.ts';
import { GroupMemberSchema } from '../../../gen/ticketing/v1/group_member_pb.ts';
import { GroupSchema } from '../../../gen/ticketing/v1/group_pb.ts';
import {
  ListGroupMembersRequestSchema,
  ListGroupMembersResponseSchema,
  ListGroupsRequestSchema,
  ListGroupsResponseSchema,
} from '../../../gen/ticketing/v1/group_service_pb.ts';
import { ListVersionsRequestSchema, ListVersionsResponseSchema, VersionSchema } from '../../../gen/ticketing/v1/history_service_pb.ts';
import { OperationSchema, OperationTicketSchema } from '../../../gen/ticketing/v1/operation_pb.ts';
import {
  ListOperationsRequestSchema,
  ListOperationsResponseSchema,
  ListOperationTicketsRequestSchema,
  ListOperationTicketsResponseSchema,
} from '../../../gen/ticketing/v1/operation_service_pb.ts';
import { TicketSchema } from '../../../gen/ticketing/v1/ticket_pb.ts';
import {
  ListTicketHistoryRequestSchema,
  ListTicketHistoryResponseSchema,
  ListTicketsRequestSchema,
  ListTicketsResponseSchema,
} from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import type { Context, Handlers } from '../../foundation/context.ts';
import { InvalidField } from '../../foundation/errors.ts';
import { exportList, type FileForm, type FilePiece } from '../../foundation/files/export.ts';
import { tableOf } from '../../foundation/files/table.ts';
import { agentHandlers, membershipHandlers } from '../agents/index.ts';
import { listAuditEntries } from '../audit/index.ts';
import { groupHandlers } from '../groups/index.ts';
import { historyHandlers } from '../history/index.ts';
import { operationHandlers } from '../operations/index.ts';
import { ticketHandlers } from '../tickets/index.ts';
import { failedRowsOf } from './failed-rows.ts';
import { importTickets } from './import.ts';

/** All of FileService. */
export const fileHandlers: Handlers<typeof FileService> = {
  async *exportList(request, ctx) {
    yield* piecesOf(request, ctx);
  },

  exportAuditEntries: ({ list, ...how }, ctx) =>
    pieces(how, ctx, {
      request: [ListAuditEntriesRequestSchema, list ?? create(ListAuditEntriesRequestSchema)],
      name: 'auditEntries',
      item: AuditEntrySchema,
      answer: [ListAuditEntriesResponseSchema, listAuditEntries],
      items: (page) => page.auditEntries,
    }),

  importTickets,

  async *exportImportFailures({ operationId, format, resumeToken }, ctx) {
    yield* exportList({ form: formOf(format), resumeToken, ...(await failedRowsOf(ctx, operationId)) });
  },
};

function piecesOf({ list, ...how }: ExportListRequest, ctx: Context): AsyncGenerator<FilePiece> {
  switch (list.case) {
    case 'tickets':
      return pieces(how, ctx, {
        request: [ListTicketsRequestSchema, list.value],
        name: list.case,
        item: TicketSchema,
        answer: [ListTicketsResponseSchema, ticketHandlers.listTickets],
        items: (page) => page.tickets,
      });
    case 'agents':
      return pieces(how, ctx, {
        request: [ListAgentsRequestSchema, list.value],
        name: list.case,
        item: AgentSchema,
        answer: [ListAgentsResponseSchema, agentHandlers.listAgents],
        items: (page) => page.agents,
      });
    case 'groups':
      return pieces(how, ctx, {
        request: [ListGroupsRequestSchema, list.value],
        name: list.case,
        item: GroupSchema,
        answer: [ListGroupsResponseSchema, groupHandlers.listGroups],
        items: (page) => page.groups,
      });
    case 'groupMembers':
      return pieces(how, ctx, {
        request: [ListGroupMembersRequestSchema, list.value],
        name: list.case,
        item: GroupMemberSchema,
        answer: [ListGroupMembersResponseSchema, membershipHandlers.listGroupMembers],
        items: (page) => page.members,
      });
    default:
      return recordPiecesOf(list, how, ctx);
  }
}

/** Lists of what happened, rather than of what is. */
function recordPiecesOf(list: ExportListRequest['list'], how: How, ctx: Context): AsyncGenerator<FilePiece> {
  switch (list.case) {
    case 'ticketHistory':
      return pieces(how, ctx, {
        request: [ListTicketHistoryRequestSchema, list.value],
        name: list.case,
        item: AuditEntrySchema,
        answer: [ListTicketHistoryResponseSchema, ticketHandlers.listTicketHistory],
        items: (page) => page.auditEntries,
      });
    case 'versions':
      return pieces(how, ctx, {
        request: [ListVersionsRequestSchema, list.value],
        name: list.case,
        item: VersionSchema,
        answer: [ListVersionsResponseSchema, historyHandlers.listVersions],
        items: (page) => page.versions,
      });
    case 'operations':
      return pieces(how, ctx, {
        request: [ListOperationsRequestSchema, list.value],
        name: list.case,
        item: OperationSchema,
        answer: [ListOperationsResponseSchema, operationHandlers.listOperations],
        items: (page) => page.operations,
      });
    case 'operationTickets':
      return pieces(how, ctx, {
        request: [ListOperationTicketsRequestSchema, list.value],
        name: list.case,
        item: OperationTicketSchema,
        answer: [ListOperationTicketsResponseSchema, operationHandlers.listOperationTickets],
        items: (page) => page.tickets,
      });
    default:
      throw new InvalidField('list', 'must say which list to export');
  }
}

type How = { readonly format: FileFormat; readonly resumeToken: string };

/** A list by its own handler. */
interface Source<Request extends DescMessage, Answer extends DescMessage, Item extends DescMessage> {
  readonly request: readonly [schema: Request, message: MessageShape<Request>];
  readonly name: string;
  readonly item: Item;
  readonly answer: readonly [schema: Answer, list: (request: MessageShape<Request>, ctx: Context) => Promise<MessageInitShape<Answer>>];
  readonly items: (page: MessageShape<Answer>) => readonly MessageShape<Item>[];
}

function pieces<Request extends DescMessage, Answer extends DescMessage, Item extends DescMessage>(
  { format, resumeToken }: How,
  ctx: Context,
  { request: [requestSchema, request], name, item, answer: [answerSchema, list], items }: Source<Request, Answer, Item>,
): AsyncGenerator<FilePiece> {
  return exportList({
    form: formOf(format),
    name,
    resumeToken,
    ...tableOf(item),
    async page(pageToken, pageSize) {
      const asked = create(requestSchema, { ...request, pageToken, pageSize } as MessageInitShape<Request>);
      const page = create(answerSchema, await list(asked, ctx)) as MessageShape<Answer> & { readonly nextPageToken: string };
      return { items: items(page), nextPageToken: page.nextPageToken };
    },
  });
}

function formOf(format: FileFormat): FileForm {
  if (format === FileFormat.XLSX) return 'xlsx';
  return format === FileFormat.NDJSON ? 'ndjson' : 'csv';
}
