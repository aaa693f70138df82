import type { DescMessage, DescMethodUnary, DescService, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { type CallOptions, type Client, createClient, createContextValues, type Transport } from '@connectrpc/connect';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { AssignmentService } from '../../gen/ticketing/v1/assignment_service_pb.ts';
import { AuditService } from '../../gen/ticketing/v1/audit_service_pb.ts';
import { FileService } from '../../gen/ticketing/v1/file_service_pb.ts';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { HistoryService } from '../../gen/ticketing/v1/history_service_pb.ts';
import { OperationService } from '../../gen/ticketing/v1/operation_service_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { type CallingOptions, callReason, patient } from './calling.ts';
import { isPaged, type Listing, listingOf, type Page } from './listing.ts';

/** What one call may say beside its request. `timeoutMs` is for all its attempts; for a list, for each page. */
export interface DocketCallOptions extends CallOptions {
  /** Why the change is made, where the request does not say: kept in the audit log. At most 1000 characters. */
  readonly reason?: string;
}

/** One service: a function for each RPC. Those that list answer a `Listing`. */
export type ServiceClient<Service extends DescService> = {
  [Name in keyof Service['method']]: Service['method'][Name] extends DescMethodUnary<infer Input, infer Output>
    ? (request: MessageInitShape<Input>, options?: DocketCallOptions) => Answer<Input, MessageShape<Output>>
    : Client<Service>[Name];
};

type Answer<Input extends DescMessage, Output> = Output extends Page
  ? MessageShape<Input> extends { readonly pageToken: string }
    ? Listing<Output>
    : Promise<Output>
  : Promise<Output>;

/** All services. Calls fail with a `ConnectError`. */
export interface DocketServices {
  readonly tickets: ServiceClient<typeof TicketService>;
  readonly agents: ServiceClient<typeof AgentService>;
  readonly groups: ServiceClient<typeof GroupService>;
  readonly audit: ServiceClient<typeof AuditService>;
  readonly assignment: ServiceClient<typeof AssignmentService>;
  readonly files: ServiceClient<typeof FileService>;
  readonly history: ServiceClient<typeof HistoryService>;
  readonly operations: ServiceClient<typeof OperationService>;
  /** What they call through, for any other code that takes a transport: it authenticates and repeats likewise. */
  readonly transport: Transport;
}

/** Clients of all services over a transport of Connect, such as one of connect-web in a browser. */
export function docketServicesOver(inner: Transport, options: CallingOptions): DocketServices {
  const transport = patient(inner, options);
  return {
    tickets: clientOf(TicketService, transport),
    agents: clientOf(AgentService, transport),
    groups: clientOf(GroupService, transport),
    audit: clientOf(AuditService, transport),
    assignment: clientOf(AssignmentService, transport),
    files: clientOf(FileService, transport),
    history: clientOf(HistoryService, transport),
    operations: clientOf(OperationService, transport),
    transport,
  };
}

type Call = (request: object, options: CallOptions) => Promise<Page>;

function clientOf<Service extends DescService>(service: Service, transport: Transport): ServiceClient<Service> {
  const client: Record<string, unknown> = createClient(service, transport);
  const calls = service.methods.map((method) => {
    const call = client[method.localName] as Call;
    if (method.methodKind !== 'unary') return [method.localName, call];
    return [
      method.localName,
      (request: object, { reason, ...options }: DocketCallOptions = {}) => {
        const contextValues = options.contextValues ?? createContextValues();
        if (reason !== undefined) contextValues.set(callReason, reason);
        const fetch = (more: object): Promise<Page> => call({ ...request, ...more }, { ...options, contextValues });
        return isPaged(method) ? listingOf(method, fetch({}), (pageToken) => fetch({ pageToken })) : call(request, { ...options, contextValues });
      },
    ];
  });
  return Object.fromEntries(calls) as ServiceClient<Service>;
}
