import type { DescService } from '@bufbuild/protobuf';
import type { MikroORM } from '@mikro-orm/postgresql';
import { type Logger, pino } from 'pino';
import { TicketService } from '../../../gen/ticketing/v1/ticket_service_pb.ts';
import type { CertificateFiles } from '../../../src/edge/rpc/certificates.ts';
import { type Route, route } from '../../../src/edge/rpc/endpoints.ts';
import { makeAuthenticateInterceptor } from '../../../src/edge/rpc/interceptors/authenticate.ts';
import { openSecure } from '../../../src/edge/rpc/secure.ts';
import { type RunningServer, type ServerDeps, startServer } from '../../../src/edge/rpc/server.ts';
import { CommandQueue } from '../../../src/foundation/commands/queue.ts';
import type { Caller, Handlers, Role } from '../../../src/foundation/context.ts';
import { DomainError } from '../../../src/foundation/errors.ts';
import { makeMetrics } from '../../../src/foundation/metrics.ts';

/** Handlers of the tickets' service; a test writes the ones that it calls. */
export type TicketHandlers = Handlers<typeof TicketService>;

/** A served edge with handlers of the test's own behind it. */
export interface TestEdge extends RunningServer {
  /** Lines that were logged so far. */
  readonly lines: Record<string, unknown>[];
  /** `http://127.0.0.1:…` of the Connect port; https with TLS. */
  readonly url: string;
  /** `127.0.0.1:…` of the gRPC port. */
  readonly grpcAddress: string;
  /** What it was started with. */
  readonly deps: ServerDeps;
}

/** Anybody who sends `Bearer <role>` holds that role. */
export const tokenOf = (role: Role): string => `Bearer ${role}`;

export interface TestEdgeOptions {
  readonly tickets?: Partial<TicketHandlers>;
  readonly routes?: readonly Route[];
  readonly orm?: MikroORM;
  readonly readiness?: () => Promise<unknown>;
  readonly corsOrigins?: readonly string[];
  readonly defaultDeadlineMs?: number;
  readonly rate?: ServerDeps['config']['rate'];
  /** Why nothing may be changed; absent: it may. */
  readonly closed?: ServerDeps['writes']['closed'];
  /** Both RPC ports speak TLS with these. */
  readonly tls?: CertificateFiles;
  /** Without one, nothing is noted of calls that are refused. */
  readonly refusals?: ServerDeps['refusals'];
}

/** Starts the real edge on free ports; only the handlers are the test's. */
export async function startTestEdge(options: TestEdgeOptions = {}): Promise<TestEdge> {
  const lines: Record<string, unknown>[] = [];
  const log: Logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const metrics = makeMetrics();
  const orm = options.orm ?? (undefined as unknown as MikroORM);
  const deps: ServerDeps = {
    routes: options.routes ?? [ticketRoute(options.tickets ?? {})],
    orm,
    queue: new CommandQueue({ orm } as ConstructorParameters<typeof CommandQueue>[0], { lanes: 1, queueBound: 10 }),
    authenticate: makeAuthenticateInterceptor(callerOf),
    refusals: options.refusals ?? ((_, next) => next()),
    readiness: options.readiness ?? (async () => {}),
    tracing: undefined,
    writes: { closed: options.closed },
    secure: options.tls && (await openSecure(options.tls, { log, metrics })),
    log,
    metrics,
    config: {
      host: '127.0.0.1',
      grpcPort: 0,
      connectPort: 0,
      metricsHost: '127.0.0.1',
      metricsPort: 0,
      corsOrigins: options.corsOrigins ?? [],
      defaultDeadlineMs: options.defaultDeadlineMs ?? 30_000,
      rate: options.rate,
    },
  };
  const server = await startServer(deps);
  return {
    ...server,
    deps,
    lines,
    url: `${options.tls ? 'https' : 'http'}://127.0.0.1:${server.connectPort}`,
    grpcAddress: `127.0.0.1:${server.grpcPort}`,
    close: async () => {
      await server.close();
      await metrics.close();
    },
  };
}

/** The tickets' service with some of its handlers; the others fail. */
export const ticketRoute = (given: Partial<TicketHandlers>): Route => routeWith(TicketService, given);

/** A service with some of its handlers; the others fail. */
export function routeWith<Service extends DescService>(service: Service, given: Partial<Handlers<Service>>): Route {
  const handlers = Object.fromEntries(service.methods.map(({ localName }) => [localName, notInThisTest]));
  return route(service, { ...handlers, ...given } as Handlers<Service>);
}

async function notInThisTest(): Promise<never> {
  throw new Error('this test does not call that');
}

function callerOf(header: string | undefined): Caller {
  const role = /^Bearer (admin|supervisor|agent|service|auditor)$/.exec(header ?? '')?.[1];
  if (header === undefined) throw new DomainError('unauthenticated', 'TOKEN_MISSING', 'the call has no bearer token');
  if (!role) throw new DomainError('unauthenticated', 'TOKEN_INVALID', 'the token is not known');
  return { actor: `test-${role}`, actorKind: 'USER', roles: new Set([role as Role]), agentId: undefined };
}
