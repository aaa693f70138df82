import { statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, resolve } from 'node:path';
import type { Config } from '../../../foundation/config/index.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';

/** Less than this is nearly nothing: PostgreSQL stops when it cannot write. */
const FEW_BYTES = 256 * 1024 ** 2;

/** Less than this will not last. */
const LITTLE_BYTES = 2 * 1024 ** 3;

/**
 * Whether a service can listen where it is told to, or listens there already. `isServed`: whether anybody is connected to the configured database; if not, a
 * service that is there belongs to another one. Undefined when that is not known.
 */
export async function examinePorts(config: Config, isServed: boolean | undefined): Promise<Finding[]> {
  const scheme = config.tlsCertFile === undefined ? 'http' : 'https';
  const host = ['0.0.0.0', '::'].includes(config.host) ? '127.0.0.1' : config.host;
  const serves = await answers(`http://${host}:${config.connectPort}/healthz`, scheme === 'https');
  const ports = [
    { name: 'DOCKET_GRPC_PORT', port: config.grpcPort, host: config.host },
    { name: 'DOCKET_CONNECT_PORT', port: config.connectPort, host: config.host },
    { name: 'DOCKET_METRICS_PORT', port: config.metricsPort, host: config.metricsHost },
  ];
  const findings = await Promise.all(ports.map((each) => portFinding(each, serves)));
  return serves && isServed === false ? [strange(config.connectPort), ...findings] : findings;
}

function strange(port: number): Finding {
  return wrong(
    'service',
    `the Docket that serves on port ${port} works on another database: nobody is connected to the one that is configured here`,
    'set DOCKET_DATA_DIRECTORY or DATABASE_URL to what that service has (the demo: DOCKET_DATA_DIRECTORY=.docket/demo), or give this one ports of its own',
  );
}

async function portFinding({ name, port, host }: { name: string; port: number; host: string }, serves: boolean): Promise<Finding> {
  const code = port === 0 ? undefined : await whyNot(host, port);
  if (code === undefined) return ok('ports', port === 0 ? `${name} takes any free port` : `${name} ${port} is free`);
  if (code === 'EADDRINUSE')
    return serves
      ? ok('ports', `${name} ${port} is in use, beside a Docket that serves`)
      : wrong('ports', `${name} ${port} is taken by another program`, `set ${name} to another port, or end that program`);
  if (code === 'EACCES') return wrong('ports', `${name} ${port} is for administrators`, `set ${name} to a port from 1024 on`);
  return wrong('ports', `nothing can listen on ${host}:${port} (${code})`, 'correct DOCKET_HOST or DOCKET_METRICS_HOST: it must be an address of this machine');
}

/** Why nothing can listen there; undefined when it can. */
function whyNot(host: string, port: number): Promise<string | undefined> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => done(undefined)));
  });
}

const PATIENCE_MS = 2_000;

async function answers(url: string, tls: boolean): Promise<boolean> {
  const { request } = tls ? await import('node:https') : await import('node:http');
  return new Promise((done) => {
    // Who it is does not matter here, only whether it is there: nothing is sent.
    const asked = request(tls ? url.replace('http:', 'https:') : url, { timeout: PATIENCE_MS, ...(tls && { rejectUnauthorized: false }) }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => done(response.statusCode === 200 && text.trim() === 'ok'));
    });
    asked.on('timeout', () => asked.destroy()).on('error', () => done(false));
    asked.end();
  });
}

/** How much room is left where the data is. */
export async function examineDisk(config: Config): Promise<Finding> {
  let folder = resolve(config.dataDirectory);
  for (;;) {
    try {
      const { bavail, bsize } = await statfs(folder);
      return diskFinding(folder, bavail * bsize);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || folder === dirname(folder))
        return wrong(
          'disk',
          `${folder} cannot be looked at (${(error as NodeJS.ErrnoException).code})`,
          'set DOCKET_DATA_DIRECTORY to a folder of the user who runs Docket',
        );
      folder = dirname(folder);
    }
  }
}

/** What so much room means. */
export function diskFinding(folder: string, freeBytes: number): Finding {
  const free = `${(freeBytes / 1024 ** 3).toFixed(1)} GiB are free for ${folder}`;
  if (freeBytes >= LITTLE_BYTES) return ok('disk', free);
  const cure = 'make room, or set DOCKET_DATA_DIRECTORY to a larger disk; months of the audit log can be dropped (docket audit drop-month)';
  return freeBytes >= FEW_BYTES ? warning('disk', `only ${free}`, cure) : wrong('disk', `only ${free}`, cure);
}
