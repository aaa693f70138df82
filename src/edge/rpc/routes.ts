import { AgentService } from '../../../gen/ticketing/v1/agent_service_pb.ts';
import { AssignmentService } from '../../../gen/ticketing/v1/assignment_service_pb.ts';
import { AuditService } from '../../../gen/ticketing/v1/audit_service_pb.ts';
import { FileService } from '../../../gen/ticketing/v1/file_service_pb.ts';
import { GroupService } from '../../../gen/ticketing/v1/group_service_pb.ts';
import { HistoryService } from '../../../gen/ticketing/v1/history_service_pb.ts';
import { OperationService } from '../../../gen/ticketing/v1/operation_service_pb.ts';
import { TicketService } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import { agentHandlers, membershipHandlers } from '../../domain/agents/index.ts';
import { makeAuditHandlers, NO_TRUST, type Trust } from '../../domain/audit/index.ts';
import { fileHandlers } from '../../domain/files/index.ts';
import { groupHandlers } from '../../domain/groups/index.ts';
import { historyHandlers } from '../../domain/history/index.ts';
import { operationHandlers } from '../../domain/operations/index.ts';
import { assignmentHandlers } from '../../domain/simulation/index.ts';
import { ticketHandlers } from '../../domain/tickets/index.ts';
import { type Route, route } from './endpoints.ts';

/** Every service of ours that is served, with its handlers. Health and reflection come by themselves. */
export const makeRoutes = (trust: Trust): readonly Route[] => [
  route(TicketService, ticketHandlers),
  route(AgentService, agentHandlers),
  route(GroupService, { ...groupHandlers, ...membershipHandlers }),
  route(AuditService, makeAuditHandlers(trust)),
  route(HistoryService, historyHandlers),
  route(AssignmentService, assignmentHandlers),
  route(OperationService, operationHandlers),
  route(FileService, fileHandlers),
];

/** The same without keys that could verify signatures. */
export const routes = makeRoutes(NO_TRUST);
