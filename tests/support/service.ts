import type { DescMessage, DescMethod, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { Client } from '@grpc/grpc-js';
import type { OAuth2Server } from 'oauth2-mock-server';
import pg from 'pg';
import { pino } from 'pino';
import { type App, startApp } from '../../src/app.ts';
import { type Author, createServiceToken, type NewServiceToken, revokeServiceToken } from '../../src/domain/access/index.ts';
import { routes } from '../../src/edge/rpc/routes.ts';
import { loadConfig } from '../../src/foundation/config/index.ts';
import type { Role } from '../../src/foundation/context.ts';
import { createTestDatabase } from './database/index.ts';
import { callGrpc, detailsOf, grpcChannel } from './edge/clients.ts';
import { bearer, issueToken, startIssuer } from './tokens.ts';

/** The whole service on a database of its own, as `docket serve` starts it, with an issuer that it trusts. */
export interface Service {
  readonly app: App;
  /** A grpc-js channel to the gRPC port. */
  readonly channel: Client;
  /** `http://127.0.0.1:…` of the Connect port. */
  readonly url: string;
  /** What was logged at `error` and above. */
  readonly faults: Record<string, unknown>[];
  /** SQL as the owner of the database, past Docket. */
  sql<Row extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** The header of a person with these roles, by a token of the issuer; `expiresIn` in seconds from now. */
  person(subject: string, roles: readonly Role[], expiresIn?: number): Promise<string>;
  /** The header of a service token; a revoked one when asked for. */
  program(wanted: NewServiceToken, revoked?: boolean): Promise<string>;
  /** One call over the gRPC port. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    token: string | undefined,
  ): Promise<MessageShape<O>>;
  /** A checksum of every table, and of the jobs that changes leave for later; sequences and what tells of refused calls aside. */
  checksums(): Promise<Record<string, string>>;
  close(): Promise<void>;
}

/** Every RPC of our own services. */
export const rpcs: readonly DescMethod[] = routes.flatMap(({ service }) => service.methods);

const author: Author = { actor: 'system', actorKind: 'SYSTEM', rpc: 'tests', reason: 'a token for a test' };

/** Starts it on free ports. `settings` are further environment variables. */
export async function startService(settings: Readonly<Record<string, string>> = {}): Promise<Service> {
  const database = await createTestDatabase();
  const issuer = await startIssuer();
  const faults: Record<string, unknown>[] = [];
  const log = pino({ level: 'error' }, { write: (line: string) => void faults.push(JSON.parse(line) as Record<string, unknown>) });
  const app = await startApp(loadConfig({ ...environmentOf(database.url, issuer), ...settings }), log);
  const owner = new pg.Pool({ connectionString: database.url, options: '-c search_path=docket -c timezone=UTC', max: 4 });
  owner.on('error', () => undefined);
  const sql: Service['sql'] = async (text, values = []) => (await owner.query(text, [...values])).rows;
  const channel = grpcChannel(`127.0.0.1:${app.server.grpcPort}`);
  const em = app.database.orm.em.fork();
  return {
    app,
    channel,
    url: `http://127.0.0.1:${app.server.connectPort}`,
    faults,
    sql,
    person: async (subject, roles, expiresIn) =>
      bearer(await issueToken(issuer, { claims: { sub: subject, roles }, ...(expiresIn === undefined ? {} : { expiresIn }) })),
    async program(wanted, revoked = false) {
      const { token, prefix } = await createServiceToken(em, author, wanted);
      if (revoked) await revokeServiceToken(em, author, prefix);
      return bearer(token);
    },
    call: (method, request, token) => callGrpc(channel, method, request, { token, deadlineMs: 20_000 }),
    checksums: () => checksums(sql),
    async close() {
      channel.close();
      await app.close();
      await owner.end();
      await issuer.stop();
      await database.drop();
    },
  };
}

function environmentOf(databaseUrl: string, issuer: OAuth2Server): Record<string, string> {
  return {
    DATABASE_URL: databaseUrl,
    DOCKET_GRPC_PORT: '0',
    DOCKET_CONNECT_PORT: '0',
    DOCKET_METRICS_PORT: '0',
    DOCKET_DATABASE_POOL_SIZE: '10',
    DOCKET_JWT_ISSUER: issuer.issuer.url ?? '',
    DOCKET_JWT_AUDIENCE: 'docket',
    DOCKET_JWT_JWKS_URL: new URL('/jwks', issuer.issuer.url).href,
  };
}

async function checksums(sql: Service['sql']): Promise<Record<string, string>> {
  const tables = await sql<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'docket'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND c.relname <> 'deployment_secrets' -- made by the first list of all
       AND c.relname NOT IN ('sealed_entries', 'audit_seals') -- written a moment after the change
       AND c.relname NOT LIKE 'reassignment\\_plan%' -- what a checked reassignment planned is kept for its caller
     ORDER BY 1`,
  );
  const sums: string[] = [];
  const sum = (name: string, from: string) =>
    sums.push(`SELECT '${name}' AS name, count(*) || ' ' || coalesce(md5(string_agg(t::text, E'\\n' ORDER BY t::text)), '') AS sum FROM ${from} t`);
  // A pool's sequence rises with every look under its lock, whatever comes of it.
  const pools = '(SELECT pool_id, business_day FROM docket.pools)';
  // That a call was refused is on record a moment later.
  const changes = `(SELECT * FROM docket.audit_entries WHERE operation <> 'REFUSE')`;
  for (const { name } of tables) sum(name, name === 'pools' ? pools : name === 'audit_entries' ? changes : `docket."${name}"`);
  sum('jobs', `(SELECT name, data, start_after FROM pgboss.job WHERE name IN ('end-availability', 'finish-leaving', 'finish-deleting-group'))`);
  const rows = await sql<{ name: string; sum: string }>(sums.join(' UNION ALL '));
  return Object.fromEntries(rows.map((row) => [row.name, row.sum]));
}

/** How a call ended: `ok`, or the reason of its failure. */
export async function outcomeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'ok';
  } catch (error) {
    return detailsOf(error).reason ?? `status ${(error as { code?: number }).code}: ${(error as Error).message}`;
  }
}
