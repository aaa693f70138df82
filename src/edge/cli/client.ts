import { randomUUID } from 'node:crypto';
import type { SecureClientSessionOptions } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import { clone, create, type DescMessage, type Message, type MessageInitShape } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { type Client, Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from '../../../gen/google/rpc/error_details_pb.ts';
import { AgentService } from '../../../gen/ticketing/v1/agent_service_pb.ts';
import { AssignmentService } from '../../../gen/ticketing/v1/assignment_service_pb.ts';
import { AuditService } from '../../../gen/ticketing/v1/audit_service_pb.ts';
import { GroupService } from '../../../gen/ticketing/v1/group_service_pb.ts';
import { TicketService } from '../../../gen/ticketing/v1/ticket_service_pb.ts';

/** How to reach a running service. */
export interface ClientOptions {
  /** `host:port` of either RPC port, or a URL; `https://…` for TLS. */
  readonly address: string;
  readonly token: string;
  /** Certificates of a connection by TLS: whom to believe, and one's own. */
  readonly secure?: SecureClientSessionOptions;
  /** Ends whatever is under way. */
  readonly signal?: AbortSignal;
  /** How long one call is tried again while the service is away or overloaded, in milliseconds. Default 60,000; 0 never. */
  readonly patienceMs?: number;
  /** Told before each wait. */
  readonly onWait?: (failure: ConnectError, waitMs: number) => void;
}

/** The services, as typed clients over gRPC. */
export interface DocketClient {
  readonly tickets: Client<typeof TicketService>;
  readonly agents: Client<typeof AgentService>;
  readonly groups: Client<typeof GroupService>;
  readonly audit: Client<typeof AuditService>;
  /** Its streams are not repeated. */
  readonly assignment: Client<typeof AssignmentService>;
  /** Closes the connection. */
  close(): void;
}

/** The address cannot be one of a service; the message says what to write. */
export class AddressInvalid extends Error {
  override readonly name = 'AddressInvalid';
}

const DEADLINE_MS = 60_000;
const PATIENCE_MS = 60_000;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;

/**
 * Clients of a running service. Each call has a deadline of a minute. A call that failed because the service
 * was away, overloaded or too slow is repeated with the same request id (one is made where the caller gave none),
 * after the delay that the service asked for: so it takes effect once. Other failures are thrown as `ConnectError`.
 * @throws AddressInvalid
 */
export function openClient(options: ClientOptions): DocketClient {
  const baseUrl = urlOf(options.address);
  const sessions = new Http2SessionManager(baseUrl, {}, options.secure);
  const transport = createGrpcTransport({
    baseUrl,
    sessionManager: sessions,
    interceptors: [
      (next) => (request) => {
        request.header.set('authorization', `Bearer ${options.token}`);
        return next(request);
      },
    ],
  });
  const patient = retrying(transport, options);
  return {
    tickets: createClient(TicketService, patient),
    agents: createClient(AgentService, patient),
    groups: createClient(GroupService, patient),
    audit: createClient(AuditService, patient),
    assignment: createClient(AssignmentService, patient),
    close: () => sessions.abort(),
  };
}

/** The reason that the service gave for a failure, such as `GROUP_NOT_FOUND`; undefined when the service gave none. */
export function reasonOf(error: unknown): string | undefined {
  return detailOf(error, ErrorInfoSchema)?.reason;
}

/** The fields that the service found wrong. */
export function violationsOf(error: unknown): readonly { readonly field: string; readonly description: string }[] {
  return detailOf(error, BadRequestSchema)?.fieldViolations ?? [];
}

/** What to print when the service refused: its words, and the fields that they do not name yet. */
export function tellFailure(failure: ConnectError): string {
  const fields = violationsOf(failure)
    .filter(({ field }) => field !== '' && !failure.rawMessage.startsWith(field))
    .map(({ field, description }) => `  ${field}: ${description}`);
  return [`The service refused: ${failure.rawMessage}.`, ...fields].join('\n');
}

function detailOf<Detail extends DescMessage>(error: unknown, schema: Detail) {
  return error instanceof ConnectError ? error.findDetails(schema)[0] : undefined;
}

function urlOf(address: string): string {
  const url = /^https?:\/\//.test(address) ? address : `http://${address}`;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.pathname !== '/' || parsed.search !== '')
    throw new AddressInvalid(`${JSON.stringify(address)} is no address; write 127.0.0.1:50051 or https://docket.example.org`);
  return parsed.origin;
}

function retrying(inner: Transport, options: ClientOptions): Transport {
  const patienceMs = options.patienceMs ?? PATIENCE_MS;
  return {
    stream: (...args) => inner.stream(...args),
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const message = withRequestId(method.input, input);
      const giveUpAt = performance.now() + patienceMs;
      const ended = AbortSignal.any([signal, options.signal].filter((each) => each !== undefined));
      for (let attempt = 0; ; attempt += 1) {
        try {
          return await inner.unary(method, ended, timeoutMs ?? DEADLINE_MS, header, message as MessageInitShape<typeof method.input>, contextValues);
        } catch (error) {
          const failure = ConnectError.from(error);
          const waitMs = waitBefore(attempt, failure);
          if (ended.aborted || waitMs === undefined || performance.now() + waitMs > giveUpAt) throw failure;
          options.onWait?.(failure, waitMs);
          await delay(waitMs, undefined, { signal: ended });
        }
      }
    },
  };
}

/** The wait before the next attempt; undefined when another would end the same. */
function waitBefore(attempt: number, failure: ConnectError): number | undefined {
  const asked = detailOf(failure, RetryInfoSchema)?.retryDelay;
  const growing = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
  const waitMs = asked ? Number(asked.seconds) * 1000 + asked.nanos / 1e6 : growing;
  const jittered = waitMs * (1 + Math.random() / 4);
  if (failure.code === Code.Unavailable || failure.code === Code.DeadlineExceeded) return jittered;
  if (asked && (failure.code === Code.ResourceExhausted || failure.code === Code.Aborted)) return jittered;
  // What the service did not say itself comes from a connection that broke.
  const broken = [Code.Aborted, Code.Canceled, Code.Internal, Code.Unknown].includes(failure.code) && reasonOf(failure) === undefined;
  return broken ? jittered : undefined;
}

/** The same message in every attempt, with an id that makes it one change. */
function withRequestId(schema: DescMessage, input: MessageInitShape<DescMessage>): Message {
  const message = create(schema, input);
  const field = schema.fields.find(({ name }) => name === 'request_id');
  if (field?.fieldKind !== 'scalar' || reflect(schema, message).get(field) !== '') return message;
  const copy = clone(schema, message);
  reflect(schema, copy).set(field, randomUUID());
  return copy;
}
