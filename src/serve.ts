import { join, resolve } from 'node:path';
import { findDatabase, openDatabase, prepareDatabase } from './database.ts';
import { curlLines, untilToldToStop } from './edge/cli/serve.ts';
import { leavePrimary, tellPrimary, thisWorker } from './edge/processes/worker.ts';
import { type Config, fileVariableOf } from './foundation/config/index.ts';
import { adoptConsole, type Logger } from './foundation/log.ts';

/** Serves until the process is told to stop: alone, by workers, or as one of them. */
export async function serve(config: Config, log: Logger): Promise<void> {
  // Listened for from now on: told to stop while it starts, the service starts, and stops in order.
  const told = untilToldToStop();
  const worker = thisWorker();
  if (worker !== undefined) return serveAsWorker(config, log.child({ worker }), told);
  adoptConsole(log);
  if (config.workers > 1) return serveByWorkers(config, log, told);
  const { startApp } = await import('./app.ts');
  const app = await startApp(config, log);
  if (app.tokenIsNew && app.administratorToken) await showToken(config, app.server.connectPort, app.administratorToken);
  await told;
  await app.close();
}

/** What is done once for all is done here: the database, its schema, its first token. Requests are served by the workers. */
async function serveByWorkers(config: Config, log: Logger, told: Promise<unknown>): Promise<void> {
  const place = await prepareDatabase(config, log);
  try {
    const token = place.embedded && !config.readOnly ? await firstToken(config, log, place.url) : undefined;
    const auditKey = place.embedded ? await ensureAuditKey(config) : {};
    const { startWorkers } = await import('./edge/processes/supervise.ts');
    let isTold = false;
    void told.then(() => {
      isTold = true;
    });
    const starting = startWorkers({
      count: config.workers,
      environmentOf: (at) => ({
        ...auditKey,
        DATABASE_URL: place.url,
        [fileVariableOf('DATABASE_URL')]: '',
        DOCKET_METRICS_PORT: String(config.metricsPort && config.metricsPort + at),
      }),
      log,
    });
    // Ctrl-C reaches the workers too, and ends those that have barely begun: that is no failure.
    const workers = await starting.catch((error: unknown) => (isTold ? undefined : Promise.reject(error)));
    if (!workers) return;
    const [{ grpcPort, connectPort }] = workers.ports as [(typeof workers.ports)[number]];
    const metricsPorts = workers.ports.map((each) => each.metricsPort);
    log.info({ workers: config.workers, grpc_port: grpcPort, connect_port: connectPort, metrics_ports: metricsPorts }, 'all workers serve');
    if (token?.state === 'made') await showToken(config, connectPort, token.token);
    await told;
    await workers.stop();
    log.info('all workers stopped');
  } finally {
    await place.close();
  }
}

/** To workers the embedded database is one like others: its key is named to them. */
async function ensureAuditKey(config: Config): Promise<Record<string, string>> {
  const { openAuditKeys, ownKeyFile } = await import('./edge/sealing/keys.ts');
  await openAuditKeys(config, true);
  return { DOCKET_AUDIT_KEY_FILE: config.auditKeyFile ?? ownKeyFile(config) };
}

/** The administrator's token of the embedded database. */
async function firstToken(config: Config, log: Logger, url: string) {
  const { ServiceToken } = await import('./domain/access/index.ts');
  const { ensureFirstAdministratorToken } = await import('./edge/cli/first-administrator-token.ts');
  const database = await openDatabase(config, log, { url, embedded: true, close: async () => undefined }, [ServiceToken]);
  try {
    return await ensureFirstAdministratorToken(database.orm.em.fork(), join(resolve(config.dataDirectory), 'administrator-token'));
  } finally {
    await database.close();
  }
}

/** The database was prepared by the process that started this one, which also says where it is. */
async function serveAsWorker(config: Config, log: Logger, told: Promise<unknown>): Promise<void> {
  adoptConsole(log);
  try {
    const { startAppOn } = await import('./app.ts');
    const app = await startAppOn(await findDatabase(config, log), config, log);
    const { grpcPort, connectPort, metricsPort } = app.server;
    await tellPrimary({ serving: { grpcPort, connectPort, metricsPort } });
    await told;
    await app.close();
    leavePrimary();
  } catch (error) {
    await tellPrimary({ failed: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}

async function showToken(config: Config, connectPort: number, token: string): Promise<void> {
  const { securedOf } = await import('./edge/rpc/certificates.ts');
  const lines = curlLines(connectPort, token, { secured: await securedOf(config) });
  process.stderr.write(`\nAn administrator token was made; it is kept in ${config.dataDirectory}/administrator-token. Try:\n\n${lines.join('\n')}\n\n`);
}
