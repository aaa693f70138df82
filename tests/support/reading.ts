import { ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import type { MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';
import { pino } from 'pino';
import { BadRequestSchema, ErrorInfoSchema } from '../../gen/google/rpc/error_details_pb.ts';
import { AuditService } from '../../gen/ticketing/v1/audit_service_pb.ts';
import { FileService } from '../../gen/ticketing/v1/file_service_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { makeAuditHandlers, NO_TRUST } from '../../src/domain/audit/index.ts';
import { fileHandlers } from '../../src/domain/files/index.ts';
import { ticketReadHandlers } from '../../src/domain/tickets/read-rpc.ts';
import { route } from '../../src/edge/rpc/endpoints.ts';
import { codeName } from '../../src/edge/rpc/error-map.ts';
import { makeAuthenticateInterceptor } from '../../src/edge/rpc/interceptors/authenticate.ts';
import { startServer } from '../../src/edge/rpc/server.ts';
import { CommandQueue } from '../../src/foundation/commands/queue.ts';
import type { Caller, Role } from '../../src/foundation/context.ts';
import { openOrm } from '../../src/foundation/database/orm.ts';
import { newId } from '../../src/foundation/ids.ts';
import { makeMetrics } from '../../src/foundation/metrics.ts';
import { createTestDatabase } from './database/index.ts';
import { ticketRoute } from './edge/index.ts';

/** A database of its own, the reading RPCs over a socket on it, and the database's owner. */
export interface Reading {
  readonly url: string;
  readonly orm: MikroORM;
  /** SQL as the owner of the database, past Docket. */
  sql<Row extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** One session of the owner, for transactions and settings. */
  session<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result>;
  /** Clients of a caller with this role; an agent, or a supervisor who is one, goes by the name given. */
  as(role: Role, name?: string): Clients;
  close(): Promise<void>;
}

/** Clients of the services that read. */
export interface Clients {
  readonly tickets: ReturnType<typeof createClient<typeof TicketService>>;
  readonly audit: ReturnType<typeof createClient<typeof AuditService>>;
  readonly files: ReturnType<typeof createClient<typeof FileService>>;
}

/** Starts it all on free ports. */
export async function startReading(): Promise<Reading> {
  const database = await createTestDatabase();
  const owner = new pg.Pool({ connectionString: database.url, options: '-c search_path=docket -c timezone=UTC', max: 4 });
  owner.on('error', () => undefined);
  const orm = await openOrm({ url: database.url, poolSize: 4, statementTimeoutMs: 20_000, lockTimeoutMs: 5_000, entities: [] });
  const metrics = makeMetrics();
  const log = pino({ level: 'silent' });
  const queue = new CommandQueue({ orm, handlers: [], enqueue: async () => undefined }, { lanes: 1, queueBound: 10 });
  const config = {
    host: '127.0.0.1',
    grpcPort: 0,
    connectPort: 0,
    metricsHost: '127.0.0.1',
    metricsPort: 0,
    corsOrigins: [],
    defaultDeadlineMs: 30_000,
    rate: undefined,
  };
  const server = await startServer({
    routes: [route(AuditService, makeAuditHandlers(NO_TRUST)), ticketRoute(ticketReadHandlers), route(FileService, fileHandlers)],
    orm,
    queue,
    authenticate: makeAuthenticateInterceptor(async (header) => callerOf(header ?? '')),
    refusals: (_, next) => next(),
    readiness: async () => undefined,
    secure: undefined,
    tracing: undefined,
    writes: { closed: undefined },
    log,
    metrics,
    config,
  });
  const clients = (token: string): Clients => {
    const transport = createConnectTransport({
      baseUrl: `http://127.0.0.1:${server.connectPort}`,
      httpVersion: '1.1',
      interceptors: [
        (next) => (request) => {
          request.header.set('authorization', token);
          return next(request);
        },
      ],
    });
    return { tickets: createClient(TicketService, transport), audit: createClient(AuditService, transport), files: createClient(FileService, transport) };
  };
  const session: Reading['session'] = async (work) => {
    const client = await owner.connect();
    try {
      return await work(client);
    } finally {
      client.release(true);
    }
  };
  return {
    url: database.url,
    orm,
    session,
    sql: async (text, values = []) => (await owner.query(text, [...values])).rows,
    as: (role, name = `some-${role}`) => clients(`Bearer ${role} ${name}`),
    close: async () => {
      await server.close();
      await metrics.close();
      await orm.close(true);
      await owner.end();
      await database.drop();
    },
  };
}

function callerOf(header: string): Caller {
  const [, role, name] = header.split(' ') as [string, Role, string];
  const named = role === 'agent' || role === 'supervisor';
  return { actor: name, actorKind: 'USER', roles: new Set([role]), agentId: named ? name : undefined };
}

/** Inserts a group, past Docket; answers its id. */
export async function insertGroup(reading: Pick<Reading, 'sql'>, key: string, more: { readonly supervisorIds?: readonly string[] } = {}): Promise<string> {
  const groupId = newId();
  await reading.sql('INSERT INTO groups (group_id, key, name, supervisor_ids, create_time, update_time) VALUES ($1, $2, $2, $3, docket_now(), docket_now())', [
    groupId,
    key,
    more.supervisorIds ?? [],
  ]);
  return groupId;
}

/** Inserts an agent who is a member of groups, past Docket. */
export async function insertAgent(reading: Reading, agentId: string, groupIds: readonly string[] = []): Promise<void> {
  await reading.sql('INSERT INTO agents (agent_id, create_time, update_time) VALUES ($1, docket_now(), docket_now())', [agentId]);
  await reading.sql('INSERT INTO memberships (group_id, agent_id, create_time, update_time) SELECT unnest($1::uuid[]), $2, docket_now(), docket_now()', [
    groupIds,
    agentId,
  ]);
}

/** A ticket to insert; what is left out is usual. Later ones in a list are created later. */
export interface PlainTicket {
  readonly key: string;
  readonly groupId: string;
  readonly userId?: number | string;
  readonly agentId?: string;
  readonly status?: number;
  readonly priority?: number;
  readonly title?: string;
  readonly description?: string;
  readonly attributes?: unknown;
  readonly labels?: readonly string[];
  readonly createTime?: string;
}

/** Inserts tickets, past Docket; answers their ids in order. */
export async function insertTickets(reading: Pick<Reading, 'sql'>, tickets: readonly PlainTicket[]): Promise<string[]> {
  const rows = tickets.map((ticket, index) => ({
    ticket_id: newId(),
    key: ticket.key,
    group_id: ticket.groupId,
    user_id: String(ticket.userId ?? 7),
    agent_id: ticket.agentId ?? null,
    status: ticket.status ?? 1,
    priority: ticket.priority ?? 2,
    title: ticket.title ?? '',
    description: ticket.description ?? '',
    attributes: ticket.attributes ?? {},
    labels: ticket.labels ?? [],
    create_time: ticket.createTime ?? new Date(Date.UTC(2026, 0, 1) + index * 1000).toISOString(),
  }));
  const shape =
    'ticket_id uuid, key text, group_id uuid, user_id bigint, agent_id text, status smallint, priority smallint, title text, description text, attributes jsonb, labels text[], create_time timestamptz';
  const columns = shape.replaceAll(/ [a-z[\]]+(,|$)/g, '$1');
  await reading.sql(`INSERT INTO tickets (${columns}, update_time) SELECT ${columns}, create_time FROM jsonb_to_recordset($1::jsonb) AS new(${shape})`, [
    JSON.stringify(rows),
  ]);
  return rows.map((row) => row.ticket_id);
}

/** Who makes a change, as its request says. */
export interface Author {
  readonly actor: string;
  readonly rpc: string;
  readonly actorKind?: 'USER' | 'SERVICE' | 'SYSTEM';
  readonly requestId?: string;
  readonly reason?: string;
}

/** Changes things in one transaction of the owner's, under the name of a recorded request. */
export function changeAs(reading: Reading, author: Author, statements: readonly string[]): Promise<void> {
  return reading.session(async (client) => {
    const key = newId();
    await client.query('BEGIN');
    await client.query('INSERT INTO requests (request_key, actor, actor_kind, rpc, request_id, reason, body_hash) VALUES ($1, $2, $3, $4, $5, $6, $7)', [
      key,
      author.actor,
      author.actorKind ?? 'USER',
      author.rpc,
      author.requestId ?? null,
      author.reason ?? '',
      Buffer.alloc(32),
    ]);
    await client.query(`SELECT set_config('docket.request', $1, true)`, [key]);
    for (const statement of statements) await client.query(statement);
    await client.query('COMMIT');
  });
}

/** What a failed call told: `NOT_FOUND TICKET_NOT_FOUND`, its facts, and the fields it names. */
export interface Told {
  readonly status: string;
  readonly reason: string;
  readonly facts: Readonly<Record<string, string>>;
  readonly fields: readonly string[];
}

/** The failure of a call that must fail. */
export async function failureOf(call: Promise<unknown>): Promise<Told> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => ConnectError.from(thrown),
  );
  if (!error) throw new Error('the call was expected to fail');
  const [info] = error.findDetails(ErrorInfoSchema);
  const [bad] = error.findDetails(BadRequestSchema);
  return {
    status: codeName(error.code),
    reason: info?.reason ?? '',
    facts: info?.metadata ?? {},
    fields: (bad?.fieldViolations ?? []).map((violation) => violation.field),
  };
}
