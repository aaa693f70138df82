import { join, resolve } from 'node:path';
import { type DatabasePlace, type OpenDatabase, openDatabase, prepareDatabase } from './database.ts';
import { recordRefusedCalls } from './domain/audit/index.ts';
import { RESUME_OPERATIONS } from './domain/operations/index.ts';
import { measureTickets, ticketReactions } from './domain/tickets/index.ts';
import { ensureFirstAdministratorToken } from './edge/cli/first-administrator-token.ts';
import { certificateFilesOf } from './edge/rpc/certificates.ts';
import type { Route } from './edge/rpc/endpoints.ts';
import { type IdentityProvider, makeAuthenticate, makeAuthenticateInterceptor } from './edge/rpc/interceptors/authenticate.ts';
import { makeRefusals } from './edge/rpc/interceptors/refusals.ts';
import type { Rate } from './edge/rpc/rate-limit.ts';
import { RefusalLog } from './edge/rpc/refusal-log.ts';
import { makeRoutes } from './edge/rpc/routes.ts';
import { openSecure, type Secure } from './edge/rpc/secure.ts';
import { type RunningServer, startServer } from './edge/rpc/server.ts';
import { CheckpointFile } from './edge/sealing/checkpoint-file.ts';
import { openAuditKeys } from './edge/sealing/keys.ts';
import { startSealing } from './edge/sealing/run.ts';
import { JobsWhileWritable, jobs, startWorker } from './edge/worker/index.ts';
import { entities } from './entities.ts';
import type { EventHandler } from './foundation/commands/events.ts';
import { CommandQueue } from './foundation/commands/queue.ts';
import type { Config } from './foundation/config/index.ts';
import { sqlOf } from './foundation/database/sql.ts';
import { ReadOnly, watchWrites } from './foundation/database/writes.ts';
import { openBoss } from './foundation/jobs/boss.ts';
import { makeEnqueue } from './foundation/jobs/enqueue.ts';
import type { Logger } from './foundation/log.ts';
import { type Metrics, makeMetrics } from './foundation/metrics.ts';
import type { Tracing } from './foundation/tracing.ts';

/** How long stopping waits for running jobs, once the calls in flight have ended; in milliseconds. */
const WORKER_GRACE_MS = 1_000;

/** What acts in the same transaction when something happens elsewhere: the only list. */
export const reactions: readonly EventHandler[] = [...ticketReactions];

/** A service that answers. */
export interface App {
  readonly server: RunningServer;
  readonly database: OpenDatabase;
  /** The administrator token of the embedded default, if there is one that works. */
  readonly administratorToken: string | undefined;
  /** Whether that token was made just now: the time to show it. */
  readonly tokenIsNew: boolean;
  /** Stops within ten seconds: calls in flight finish, jobs stop, the database is closed. */
  close(): Promise<void>;
}

/** Puts the parts together and serves: all our services, or what the bench puts in their place. */
export async function startApp(config: Config, log: Logger, served?: readonly Route[]): Promise<App> {
  return startAppOn(await prepareDatabase(config, log), config, log, served);
}

/** The same on a database that is at the newest schema; closing the service closes it too. */
export async function startAppOn(place: DatabasePlace, config: Config, log: Logger, served?: readonly Route[]): Promise<App> {
  const metrics = await metricsOf(config);
  const [keys, secure, writes] = await Promise.all([
    openAuditKeys(config, place.embedded),
    openSecureOf(config, log, metrics),
    watchWrites({ url: place.url, readOnly: config.readOnly, log, metrics }),
  ]).catch(async (error: unknown) => {
    await place.close();
    throw error;
  });
  const database = await openDatabase(config, log, place, entities, true);
  const { orm } = database;
  const tracing = await tracingOf(config);
  const sql = sqlOf(orm.em.fork());
  const jobsWhileWritable = new JobsWhileWritable({
    writes,
    log,
    openBoss: () => openBoss({ url: database.url, log }),
    async startWorker(boss) {
      const worker = await startWorker(boss, jobs, { orm, queue, log, metrics, tracing });
      await makeEnqueue(boss)(sql, RESUME_OPERATIONS, { starting: true });
      return worker;
    },
  });
  const queue = new CommandQueue({ orm, tracing, handlers: reactions, enqueue: jobsWhileWritable.enqueue }, config, measureQueue(metrics));
  metrics
    .meter('queue')
    .createObservableGauge('docket_queue_waiting_commands', { description: 'Changes that wait for a unit of work' })
    .addCallback((result) => result.observe(queue.depth));
  measureTickets(metrics.meter('tickets'), sql);
  const checkpoints = new CheckpointFile(config);
  const sealing = await startSealing({ orm, log, metrics, config, keys, checkpoints, writes });
  await jobsWhileWritable.start();
  const authenticate = makeAuthenticate({ sql, identityProvider: identityProviderOf(config), log });
  const refusals = new RefusalLog({
    write: async (calls, signal) => {
      if (writes.closed !== undefined) throw new ReadOnly();
      await recordRefusedCalls(sqlOf(orm.em.fork(), signal), calls);
    },
    log,
    metrics,
  });
  const token =
    database.embedded && writes.closed === undefined
      ? await ensureFirstAdministratorToken(orm.em.fork(), join(resolve(config.dataDirectory), 'administrator-token'))
      : undefined;
  const server = await startServer({
    routes: served ?? makeRoutes({ keys: keys.trusted, checkpoints: () => checkpoints.read() }),
    orm,
    queue,
    authenticate: makeAuthenticateInterceptor(authenticate),
    refusals: makeRefusals((refusal) => refusals.note(refusal)),
    readiness: () => sql('SELECT 1'),
    secure,
    tracing,
    writes,
    log,
    metrics,
    config: { ...config, rate: rateOf(config) },
  });
  const close = async (): Promise<void> => {
    await server.close();
    await Promise.all([jobsWhileWritable.stop(WORKER_GRACE_MS), refusals.close()]);
    await queue.drain();
    await sealing.stop();
    await writes.stop();
    await tracing?.close();
    await metrics.close();
    await database.close();
  };
  const administratorToken = token && token.state !== 'revoked' ? token.token : undefined;
  return { server, database, administratorToken, tokenIsNew: token?.state === 'made', close };
}

/** TLS, if the configuration asks for it. */
async function openSecureOf(config: Config, log: Logger, metrics: Metrics): Promise<Secure | undefined> {
  const files = certificateFilesOf(config);
  return files && openSecure(files, { log, metrics });
}

/** Where a collector takes one kind of signal, and what it wants to be told with it; undefined without one. */
function collectorOf({ otlpEndpoint, otlpHeaders }: Config, signal: 'traces' | 'metrics', own: string | undefined) {
  const url = own ?? (otlpEndpoint && `${otlpEndpoint.replace(/\/$/, '')}/v1/${signal}`);
  const headers = Object.fromEntries(otlpHeaders.map((pair) => [pair.slice(0, pair.indexOf('=')), decodeURIComponent(pair.slice(pair.indexOf('=') + 1))]));
  return url === undefined ? undefined : { url, headers };
}

async function tracingOf(config: Config): Promise<Tracing | undefined> {
  const collector = collectorOf(config, 'traces', config.otlpTracesEndpoint);
  if (!collector) return undefined;
  const { startTracing } = await import('./foundation/trace-export.ts');
  return startTracing({ ...collector, serviceName: config.otelServiceName, ratio: config.traceRatio, delayMs: config.spanDelay });
}

async function metricsOf(config: Config): Promise<Metrics> {
  const collector = collectorOf(config, 'metrics', config.otlpMetricsEndpoint);
  if (!collector) return makeMetrics();
  const { makeMetricExport } = await import('./foundation/metric-export.ts');
  return makeMetrics({ reader: makeMetricExport({ ...collector, intervalMs: config.metricExportInterval }), serviceName: config.otelServiceName });
}

function rateOf({ rateLimitPerSecond: perSecond, rateLimitBurst: burst }: Config): Rate | undefined {
  return perSecond === undefined ? undefined : { perSecond, burst: burst ?? perSecond };
}

function identityProviderOf(config: Config): IdentityProvider | undefined {
  const { jwtIssuer, jwtAudience, jwtJwksUrl } = config;
  if (!jwtIssuer || !jwtAudience || !jwtJwksUrl) return undefined;
  return {
    issuer: jwtIssuer,
    audiences: jwtAudience,
    keySetUrl: new URL(jwtJwksUrl),
    algorithms: config.jwtAlgorithms,
    clockToleranceSeconds: 30,
    claims: { roles: config.jwtRolesClaim, agentId: config.jwtAgentClaim },
  };
}

function measureQueue(metrics: Metrics) {
  const meter = metrics.meter('queue');
  const size = meter.createHistogram('docket_batch_commands', {
    description: 'Changes that one commit carried',
    advice: { explicitBucketBoundaries: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] },
  });
  const units = meter.createCounter('docket_units_of_work_total', { description: 'Units of work that were committed' });
  return {
    batch(commands: number): void {
      size.record(commands);
      units.add(1);
    },
  };
}
