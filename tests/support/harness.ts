import {
  create,
  type DescMethodClientStreaming,
  type DescMethodUnary,
  type DescService,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import type { MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';
import { pino } from 'pino';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { AssignmentService } from '../../gen/ticketing/v1/assignment_service_pb.ts';
import { AuditService } from '../../gen/ticketing/v1/audit_service_pb.ts';
import { FileService } from '../../gen/ticketing/v1/file_service_pb.ts';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { HistoryService } from '../../gen/ticketing/v1/history_service_pb.ts';
import { OperationService } from '../../gen/ticketing/v1/operation_service_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { ticketReactions } from '../../src/domain/tickets/index.ts';
import { Call, type Endpoint, type Interceptor } from '../../src/edge/rpc/call.ts';
import { endpointsOf } from '../../src/edge/rpc/endpoints.ts';
import { audit } from '../../src/edge/rpc/interceptors/audit.ts';
import { authorize } from '../../src/edge/rpc/interceptors/authorize.ts';
import { makeContext } from '../../src/edge/rpc/interceptors/context.ts';
import { makeValidate } from '../../src/edge/rpc/interceptors/validate.ts';
import { routes } from '../../src/edge/rpc/routes.ts';
import { entities } from '../../src/entities.ts';
import { microsOf } from '../../src/foundation/clock.ts';
import type { EventHandler } from '../../src/foundation/commands/events.ts';
import { CommandQueue } from '../../src/foundation/commands/queue.ts';
import type { Caller, Role } from '../../src/foundation/context.ts';
import { openOrm } from '../../src/foundation/database/orm.ts';
import { DomainError } from '../../src/foundation/errors.ts';
import type { Job } from '../../src/foundation/jobs/job.ts';
import { makeMetrics } from '../../src/foundation/metrics.ts';
import { createTestDatabase, moveClock } from './database/index.ts';

/** A job that a change left for later. */
export interface LeftJob {
  readonly name: string;
  readonly data: object;
  readonly startAfter: string | undefined;
}

/** The service on a database of its own, called without a transport: through permissions, validation and the command queue. */
export interface Harness {
  readonly url: string;
  readonly orm: MikroORM;
  readonly queue: CommandQueue;
  /** Jobs left for later, in their order; `runJobs` runs and forgets them. */
  readonly jobs: LeftJob[];
  /** SQL as the owner of the database, past Docket. */
  sql<Row extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Clients of a caller with this role, or with these; through another queue, as if in another process, when one is given. */
  callAs(who: Role | (Partial<Omit<Caller, 'roles'>> & { readonly roles: readonly Role[] }), through?: CommandQueue): Clients;
  /** Runs what was left for later and whose time has come with these jobs, in order, and what that leaves too. */
  runJobs(jobs: readonly Job[]): Promise<void>;
  /** Moves the database's clock on. */
  moveClock(interval: string): Promise<void>;
  close(): Promise<void>;
}

/** Clients of all services. */
export interface Clients {
  readonly groups: Client<typeof GroupService>;
  readonly agents: Client<typeof AgentService>;
  readonly tickets: Client<typeof TicketService>;
  readonly audit: Client<typeof AuditService>;
  readonly assignment: Client<typeof AssignmentService>;
  readonly history: Client<typeof HistoryService>;
  readonly operations: Client<typeof OperationService>;
  readonly files: Client<typeof FileService>;
}

type Client<Service extends DescService> = {
  [Name in keyof Service['method']]: Service['method'][Name] extends DescMethodUnary<infer Input, infer Output>
    ? (request: MessageInitShape<Input>) => Promise<MessageShape<Output>>
    : Service['method'][Name] extends DescMethodClientStreaming<infer Input, infer Output>
      ? (...requests: MessageInitShape<Input>[]) => Promise<MessageShape<Output>>
      : never;
};

const log = pino({ level: 'silent' });

/** Starts it. `reactions` act in the transaction of what happens; by default all that the service has. */
export async function createHarness(options: { readonly reactions?: readonly EventHandler[] } = {}): Promise<Harness> {
  const database = await createTestDatabase();
  const owner = new pg.Pool({ connectionString: database.url, options: '-c search_path=docket -c timezone=UTC', max: 4 });
  owner.on('error', () => undefined);
  const orm = await openOrm({ url: database.url, poolSize: 6, statementTimeoutMs: 20_000, lockTimeoutMs: 5_000, entities });
  const jobs: LeftJob[] = [];
  const enqueue = async (_sql: unknown, name: string, data: object, more: { readonly startAfter?: string } = {}): Promise<void> => {
    jobs.push({ name, data: JSON.parse(JSON.stringify(data)) as object, startAfter: more.startAfter });
  };
  const queue = new CommandQueue({ orm, handlers: options.reactions ?? ticketReactions, enqueue }, { lanes: 4, queueBound: 10_000 });
  const serve = makeServe({ orm, queue, log });
  return {
    url: database.url,
    orm,
    queue,
    jobs,
    sql: async (text, values = []) => (await owner.query(text, values as unknown[])).rows,
    callAs: (who, through) => clientsOf(through ? makeServe({ orm, queue: through, log }) : serve, callerOf(who)),
    async runJobs(known) {
      const deps = { orm, queue, log, metrics: makeMetrics(), signal: new AbortController().signal };
      for (let left = await takeDue(jobs, owner); left; left = await takeDue(jobs, owner)) {
        const { name, data } = left;
        const job = known.find((candidate) => candidate.name === name);
        if (!job) throw new Error(`nobody runs the job ${name}`);
        const outcome = await job.run(data, deps);
        if (outcome.kind === 'give_up') throw new Error(`the job ${name} gave up: ${outcome.reason}`);
        if (outcome.kind === 'again') jobs.push({ name, data: outcome.data ?? data, startAfter: await laterBy(outcome.afterMs, owner) });
      }
    },
    moveClock: async (interval) => void (await moveClock(database.url, interval)),
    async close() {
      await queue.drain();
      await orm.close(true);
      await owner.end();
      await database.drop();
    },
  };
}

async function laterBy(afterMs: number, owner: pg.Pool): Promise<string> {
  const { rows } = await owner.query<{ later: string }>(`SELECT (docket_now() + $1 * interval '1 millisecond')::text AS later`, [afterMs]);
  return rows[0]?.later ?? '';
}

/** The first job whose time has come, by the database's clock. */
async function takeDue(jobs: LeftJob[], owner: pg.Pool): Promise<LeftJob | undefined> {
  const now = microsOf(await laterBy(0, owner));
  const at = jobs.findIndex((job) => job.startAfter === undefined || microsOf(job.startAfter) <= now);
  return at < 0 ? undefined : jobs.splice(at, 1)[0];
}

/** What a call failed with: kind, reason and facts in one, as `not_found GROUP_NOT_FOUND`. Fails when it did not fail, or not by a domain error. */
export async function failureOf(
  call: Promise<unknown>,
): Promise<{ readonly kind: string; readonly reason: string; readonly facts: Readonly<Record<string, string>>; readonly message: string }> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error === undefined) throw new Error('the call did not fail');
  if (!(error instanceof DomainError)) throw error;
  return { kind: error.kind, reason: error.reason, facts: error.facts, message: error.message };
}

function callerOf(who: Parameters<Harness['callAs']>[0]): Caller {
  if (typeof who === 'string') return { actor: `the-${who}`, actorKind: 'USER', roles: new Set([who]), agentId: undefined };
  return { actor: who.actor ?? who.agentId ?? 'somebody', actorKind: who.actorKind ?? 'USER', roles: new Set(who.roles), agentId: who.agentId };
}

type Serve = (endpoint: Endpoint, caller: Caller, requests: readonly Message[]) => Promise<Message>;

function makeServe(deps: Parameters<typeof makeContext>[0]): { readonly endpoints: readonly Endpoint[]; readonly serve: Serve } {
  const endpoints = endpointsOf(routes);
  const layers: readonly Interceptor[] = [authorize, audit, makeValidate(endpoints), makeContext(deps)];
  return {
    endpoints,
    async serve(endpoint, caller, requests) {
      const call = new LocalCall(endpoint, caller, requests);
      const run = layers.reduceRight<() => Promise<void>>(
        (next, layer) => () => layer(call, next),
        () => endpoint.handle(call),
      );
      await run();
      if (!call.answer) throw new Error(`${endpoint.rpc} did not answer`);
      return call.answer;
    },
  };
}

function clientsOf(server: ReturnType<typeof makeServe>, caller: Caller): Clients {
  const client = <Service extends DescService>(service: Service): Client<Service> => {
    const methods = server.endpoints
      .filter((endpoint) => endpoint.method.parent.typeName === service.typeName)
      .map(
        (endpoint) =>
          [
            endpoint.method.localName,
            (...requests: Record<string, unknown>[]) =>
              server.serve(
                endpoint,
                caller,
                requests.map((request) => create(endpoint.method.input, request)),
              ),
          ] as const,
      );
    return Object.fromEntries(methods) as Client<Service>;
  };
  return {
    groups: client(GroupService),
    agents: client(AgentService),
    tickets: client(TicketService),
    audit: client(AuditService),
    assignment: client(AssignmentService),
    history: client(HistoryService),
    operations: client(OperationService),
    files: client(FileService),
  };
}

/** A call that came by no transport. */
class LocalCall extends Call {
  readonly transport = 'grpc';
  readonly #messages: readonly Message[];
  answer: Message | undefined;

  constructor(endpoint: Endpoint, caller: Caller, messages: readonly Message[]) {
    super(endpoint, undefined);
    this.caller = caller;
    this.#messages = messages;
  }

  header(): undefined {
    return undefined;
  }

  async receive(): Promise<Message> {
    const [message] = this.#messages;
    if (!message) throw new Error('a call without a request');
    return message;
  }

  async *receiveAll(): AsyncIterable<Message> {
    yield* this.#messages;
  }

  async send(message: Message): Promise<void> {
    this.answer = message;
  }
}
