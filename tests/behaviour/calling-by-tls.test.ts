import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { curlLines } from '../../src/edge/cli/serve.ts';
import { certificateFilesOf, securedOf } from '../../src/edge/rpc/certificates.ts';
import { openSecure } from '../../src/edge/rpc/secure.ts';
import { loadConfig } from '../../src/foundation/config/index.ts';
import { makeMetrics } from '../../src/foundation/metrics.ts';
import { type Authority, type KeptCertificates, keepCertificates, makeAuthority } from '../support/certificates.ts';
import { createTestDatabase, type TestDatabase } from '../support/database/index.ts';
import { makeToken, startProcess } from '../support/fleet/process.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const PATIENCE = { timeout: 60_000, interval: 50 };
const WORKERS = 2;

let authority: Authority;
let files: KeptCertificates;
beforeEach(async () => {
  authority = await makeAuthority('Test Root');
  files = await keepCertificates(await authority.issue('docket'));
});
afterEach(() => files.remove());

/** Runs a command as somebody at the terminal would. */
function docket(args: readonly string[], settings: Readonly<Record<string, string>>): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN, ...args], { env: { ...process.env, ...settings } }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, text: stdout + stderr }),
    );
  });
}

describe('a service of several processes with TLS', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(() => database.drop());

  /** Starts it; answers the port for gRPC and what commands of this machine are set to. */
  async function start(more: Readonly<Record<string, string>> = {}) {
    const token = (await makeToken(database.url)).replace('Bearer ', '');
    const tls = { DOCKET_TLS_CERT_FILE: files.certFile, DOCKET_TLS_KEY_FILE: files.keyFile, ...more };
    const service = await startProcess(database.url, { ...tls, DOCKET_WORKERS: String(WORKERS), DOCKET_DATABASE_POOL_SIZE: '6' });
    onTestFinished(async () => {
      service.signal('SIGTERM');
      expect(await service.ended).toBe(0);
    });
    const port = await vi.waitFor(() => {
      const line = service.lines.find((each) => each.includes('"msg":"all workers serve"'));
      return (JSON.parse(line ?? '') as { grpc_port: number }).grpc_port;
    }, PATIENCE);
    return { port, own: { ...tls, DOCKET_GRPC_PORT: String(port), DOCKET_TOKEN: token }, token };
  }

  it('it can be called by the commands: on this machine as they are, from elsewhere with its authority', async () => {
    const { port, own, token } = await start();
    const csv = await files.write('waiting.csv', 'user_id,group\n7,KYC\n');
    const call = ['import', csv, '--create-groups'];
    expect(await docket(call, own)).toMatchObject({ code: 0, text: expect.stringContaining('1 ticket created') });
    const ca = await files.write('root.crt', authority.pem);
    const far = [...call, '--address', `https://localhost:${port}`, '--token', token];
    expect(await docket([...far, '--ca', ca], {})).toMatchObject({ code: 0, text: expect.stringContaining('1 there already') });
    expect(await docket(far, { DOCKET_CA_FILE: ca })).toMatchObject({ code: 0 });
    expect(await docket(far, {})).toMatchObject({ code: 3, text: expect.stringMatching(/unable to verify the first certificate.*--ca or DOCKET_CA_FILE/) });
    expect(await docket([...far, '--ca', `${ca}.nowhere`], {})).toMatchObject({ code: 3, text: expect.stringContaining('there is no file') });
  }, 120_000);

  it('it is recognised on this machine by nothing but its own certificate', async () => {
    const { own } = await start();
    const csv = await files.write('waiting.csv', 'user_id,group\n7,KYC\n');
    // Signed by the same authority, which even stands in the file.
    const { cert, key, expireTimeMs } = await authority.issue('docket');
    const elsewhere = await keepCertificates({ cert: `${cert}\n${authority.pem}`, key, expireTimeMs });
    onTestFinished(() => elsewhere.remove());
    const mistaken = { ...own, DOCKET_TLS_CERT_FILE: elsewhere.certFile, DOCKET_TLS_KEY_FILE: elsewhere.keyFile };
    expect(await docket(['import', csv, '--create-groups'], mistaken)).toMatchObject({
      code: 3,
      text: expect.stringContaining('the certificate is not the one in'),
    });
  }, 120_000);

  it('it asks commands for a certificate too, if it asks callers', async () => {
    const clients = await makeAuthority('Callers');
    const { own } = await start({ DOCKET_TLS_CLIENT_CA_FILE: await files.write('clients.crt', clients.pem) });
    const csv = await files.write('waiting.csv', 'user_id,group\n7,KYC\n');
    const call = ['import', csv, '--create-groups'];
    expect(await docket(call, own)).toMatchObject({ code: 3 });
    const { cert, key } = await clients.issue('desk');
    const shown = { DOCKET_CLIENT_CERT_FILE: await files.write('desk.crt', cert), DOCKET_CLIENT_KEY_FILE: await files.write('desk.key', key) };
    expect(await docket(call, { ...own, ...shown })).toMatchObject({ code: 0, text: expect.stringContaining('1 ticket created') });
  }, 120_000);

  it('it takes new certificates in every process', async () => {
    const { port } = await start();
    const shown = async (): Promise<string> => {
      const socket = connectTls({ port, host: '127.0.0.1', ca: authority.pem, ALPNProtocols: ['h2'] });
      await once(socket, 'secureConnect');
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const before = await shown();
    await files.put(await authority.issue('next'));
    // Connections are dealt out in turn, so as many in a row reach every process.
    await vi.waitFor(async () => {
      for (let turn = 0; turn < WORKERS; turn += 1) expect(await shown()).not.toBe(before);
    }, PATIENCE);
  }, 120_000);
});

describe('the configuration of TLS', () => {
  const log = pino({ level: 'silent' });
  const open = async (settings: Readonly<Record<string, string>>) => {
    const found = certificateFilesOf(loadConfig(settings));
    const secure = found && (await openSecure(found, { log, metrics: makeMetrics() }));
    secure?.stop();
    return secure;
  };
  const set = () => ({ DOCKET_TLS_CERT_FILE: files.certFile, DOCKET_TLS_KEY_FILE: files.keyFile });

  it('says which of two settings is missing', () => {
    const { DOCKET_TLS_CERT_FILE, DOCKET_TLS_KEY_FILE } = set();
    expect(() => loadConfig({ DOCKET_TLS_CERT_FILE })).toThrow('DOCKET_TLS_KEY_FILE must be set too');
    expect(() => loadConfig({ DOCKET_TLS_KEY_FILE })).toThrow('DOCKET_TLS_CERT_FILE must be set too');
    expect(() => loadConfig({ DOCKET_TLS_CLIENT_CA_FILE: 'x' })).toThrow('DOCKET_TLS_CLIENT_CA_FILE needs DOCKET_TLS_CERT_FILE');
    expect(() => loadConfig({ DOCKET_CLIENT_CERT_FILE: 'x' })).toThrow('DOCKET_CLIENT_KEY_FILE must be set too');
  });

  it('names every fault of the files at once, and shows nothing of a key', async () => {
    await files.put({ key: (await authority.issue('other')).key });
    const clientCa = await files.write('clients.crt', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    const failure = await open({ ...set(), DOCKET_TLS_CLIENT_CA_FILE: clientCa }).catch((error: Error) => error.message);
    expect(failure).toContain(`DOCKET_TLS_KEY_FILE: ${files.keyFile} is not the key of the certificate in ${files.certFile}`);
    expect(failure).toContain(`DOCKET_TLS_CLIENT_CA_FILE: ${clientCa} holds a certificate that cannot be read, at place 1`);
    const absent = await open({ DOCKET_TLS_CERT_FILE: `${files.certFile}.no`, DOCKET_TLS_KEY_FILE: `${files.keyFile}.no` }).catch(
      (error: Error) => error.message,
    );
    expect(absent).toContain(`DOCKET_TLS_CERT_FILE: ${files.certFile}.no cannot be read: there is no such file`);
    expect(absent).toContain(`DOCKET_TLS_KEY_FILE: ${files.keyFile}.no cannot be read: there is no such file`);
  });

  it.each([
    ['an encrypted key', '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n', 'is encrypted'],
    ['a key that is none', 'secret', 'holds no private key in PEM'],
  ])('refuses %s', async (_, key, told) => {
    await files.put({ key });
    const failure = await open(set()).catch((error: Error) => error.message);
    expect(failure).toContain(told);
    expect(failure).not.toContain('AAAA');
    expect(failure).not.toContain('secret');
  });

  it('takes a certificate and its key as one, though one file is written before the other, and complains of nothing', async () => {
    vi.useFakeTimers({ toFake: ['setInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const lines: string[] = [];
    const secure = await openSecure(files, { log: pino({}, { write: (line: string) => void lines.push(line) }), metrics: makeMetrics() });
    onTestFinished(() => secure.stop());
    const next = await authority.issue('next');
    await files.put({ cert: next.cert });
    await vi.advanceTimersToNextTimerAsync();
    // It has read the files by the time that we have, again and again.
    for (let time = 0; time < 50; time += 1) await readFile(files.certFile);
    await files.put({ key: next.key });
    await vi.advanceTimersToNextTimerAsync();
    await vi.waitFor(() => expect(lines.join('')).toContain('new TLS certificates serve from now on'), PATIENCE);
    expect(lines.join('')).not.toContain('cannot be used');
  });

  it('serves with an expired certificate at start, and warns of it', async () => {
    await files.put(await authority.issue('late', -1));
    const lines: string[] = [];
    const secure = await openSecure(files, { log: pino({}, { write: (line: string) => void lines.push(line) }), metrics: makeMetrics() });
    secure.stop();
    expect(lines.join('')).toContain('the TLS certificate has expired: callers will refuse it');
  });

  it('is in the lines to paste: a name of the certificate, and its authority if no machine can know it', async () => {
    const lines = async () => curlLines(8080, 'T', { secured: await securedOf(loadConfig(set())) }).join('\n');
    expect(await lines()).toContain('https://localhost:8080/');
    expect(await lines()).not.toContain('--http2-prior-knowledge');
    expect(await lines()).not.toContain('--cacert');
    const issued = await authority.issue('docket');
    await files.put({ cert: `${issued.cert}\n${authority.pem}`, key: issued.key });
    expect(await lines()).toContain(`--cacert '${files.certFile}'`);
  });
});
