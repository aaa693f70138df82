import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { type Client, credentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { type Authority, type KeptCertificates, keepCertificates, makeAuthority } from '../support/certificates.ts';
import { callGrpc, failureOf, grpcChannel } from '../support/edge/clients.ts';
import { startTestEdge, type TestEdge, type TestEdgeOptions, tokenOf } from '../support/edge/index.ts';

const run = promisify(execFile);
const token = tokenOf('service');
const request = { groupId: '0190b6a5-1111-7000-8000-000000000001', userId: 7n, title: 'hello' };
const PATIENCE = { timeout: 30_000, interval: 50 };

let authority: Authority;
let files: KeptCertificates;
let edge: TestEdge;

const tickets: NonNullable<TestEdgeOptions['tickets']> = {
  createTicket: async ({ title }, ctx) => ({ ticket: { title: `${title} by ${ctx.caller.actor}` } }),
};

/** Starts the edge with a certificate for this machine; with `clientCa` callers must show one too. */
async function start(clientCa?: string, more: TestEdgeOptions = {}): Promise<void> {
  authority = await makeAuthority('Test Root');
  files = await keepCertificates(await authority.issue('first'), clientCa);
  edge = await startTestEdge({ tickets, tls: files, ...more });
}

afterEach(async () => {
  await edge.close();
  await files.remove();
});

/** A client of our own with a certificate. */
interface Shown {
  readonly cert: string;
  readonly key: string;
}

function secureChannel(address: string, ca: string, shown?: Shown): Client {
  const mine = shown && { key: Buffer.from(shown.key), cert: Buffer.from(shown.cert) };
  return grpcChannel(address, {}, credentials.createSsl(Buffer.from(ca), mine?.key, mine?.cert));
}

async function createOver(channel: Client): Promise<string | undefined> {
  return (await callGrpc(channel, TicketService.method.createTicket, request, { token, deadlineMs: 20_000 })).ticket?.title;
}

async function createOnce(address: string, ca: string, shown?: Shown): Promise<string | undefined> {
  const channel = secureChannel(address, ca, shown);
  try {
    return await createOver(channel);
  } finally {
    channel.close();
  }
}

type Protocol = 'connect' | 'grpc' | 'grpc-web';

async function createByConnect(protocol: Protocol, httpVersion: '1.1' | '2', shown?: Shown): Promise<string | undefined> {
  const options = { baseUrl: edge.url, nodeOptions: { ca: authority.pem, ...shown } };
  const transport =
    protocol === 'grpc'
      ? createGrpcTransport(options)
      : protocol === 'grpc-web'
        ? createGrpcWebTransport({ ...options, httpVersion })
        : createConnectTransport({ ...options, httpVersion });
  return (await createClient(TicketService, transport).createTicket(request, { headers: { authorization: token } })).ticket?.title;
}

async function createByBuf(protocol: string, port: number, more: readonly string[] = []): Promise<string> {
  const ca = await files.write('root.crt', authority.pem);
  const reflect = protocol === 'connect' ? ['--schema', '.'] : ['--reflect', '--reflect-header', `authorization: ${token}`];
  const body = JSON.stringify({ group_id: request.groupId, user_id: 7, title: 'hello' });
  const url = `https://127.0.0.1:${port}/ticketing.v1.TicketService/CreateTicket`;
  const args = ['curl', '--protocol', protocol, '--cacert', ca, ...more, ...reflect, '--header', `authorization: ${token}`, '--data', body, url];
  const { stdout } = await run('node_modules/.bin/buf', args);
  return (JSON.parse(stdout) as { ticket: { title: string } }).ticket.title;
}

/** The serial number of the certificate that a port shows to whoever comes now. */
async function shownBy(port: number): Promise<string> {
  const socket = connectTls({ port, host: '127.0.0.1', ca: authority.pem, ALPNProtocols: ['h2'] });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

async function figure(name: string): Promise<number | undefined> {
  const text = await (await fetch(`http://127.0.0.1:${edge.metricsPort}/metrics`)).text();
  const value = text
    .split('\n')
    .find((line) => line.startsWith(name))
    ?.split(' ')
    .at(-1);
  return value === undefined ? undefined : Number(value);
}

describe('with TLS', () => {
  beforeEach(() => start());

  it.each([
    ['grpc-js → gRPC port', () => createOnce(edge.grpcAddress, authority.pem)],
    ['grpc-js → Connect port', () => createOnce(`127.0.0.1:${edge.connectPort}`, authority.pem)],
    ['connect-node by Connect over HTTP/1.1', () => createByConnect('connect', '1.1')],
    ['connect-node by Connect over HTTP/2', () => createByConnect('connect', '2')],
    ['connect-node by gRPC-Web over HTTP/1.1', () => createByConnect('grpc-web', '1.1')],
    ['connect-node by gRPC', () => createByConnect('grpc', '2')],
    ['buf curl by gRPC → gRPC port', () => createByBuf('grpc', edge.grpcPort)],
    ['buf curl by gRPC → Connect port', () => createByBuf('grpc', edge.connectPort)],
    ['buf curl by Connect → Connect port', () => createByBuf('connect', edge.connectPort)],
  ])('it creates a ticket: %s', async (_, create) => {
    expect(await create()).toBe('hello by test-service');
  });

  it('it agrees on HTTP/2 where the caller knows it, and on HTTP/1.1 where he does not', async () => {
    const agreed = async (port: number, protocols: string[]): Promise<string | false | null> => {
      const socket = connectTls({ port, host: '127.0.0.1', ca: authority.pem, ALPNProtocols: protocols });
      await once(socket, 'secureConnect');
      socket.destroy();
      return socket.alpnProtocol;
    };
    expect(await agreed(edge.connectPort, ['http/1.1', 'h2'])).toBe('h2');
    expect(await agreed(edge.connectPort, ['http/1.1'])).toBe('http/1.1');
    expect(await agreed(edge.grpcPort, ['h2'])).toBe('h2');
    await expect(agreed(edge.grpcPort, ['http/1.1'])).rejects.toThrow(/alert no application protocol/);
  });

  it('it serves nothing to callers without TLS, or who do not believe the certificate', async () => {
    const stranger = await makeAuthority('Another Root');
    expect(await failureOf(createOnce(edge.grpcAddress, stranger.pem))).toMatchObject({ code: 14 });
    const plain = grpcChannel(edge.grpcAddress);
    expect(await failureOf(createOver(plain))).toMatchObject({ code: 14 });
    plain.close();
    await expect(fetch(edge.url.replace('https', 'http'))).rejects.toThrow();
    await vi.waitFor(async () => expect(await figure('docket_tls_failed_handshakes_total')).toBeGreaterThanOrEqual(3), PATIENCE);
  });

  it('it tells when the certificate expires', async () => {
    const next = await authority.issue('next', 5);
    await files.put(next);
    await vi.waitFor(async () => expect(await figure('docket_tls_certificate_expiry_timestamp_seconds')).toBe(next.expireTimeMs / 1000), PATIENCE);
  });

  it('it takes new certificates for new connections while not one call fails and the open ones stay', async () => {
    const held = secureChannel(edge.grpcAddress, authority.pem);
    expect(await createOver(held)).toBe('hello by test-service');
    const swapping = new AbortController();
    const failures: unknown[] = [];
    let answered = 0;
    const call = async (create: () => Promise<unknown>): Promise<void> => {
      while (!swapping.signal.aborted) {
        try {
          await create();
          answered += 1;
        } catch (error) {
          failures.push(error);
        }
      }
    };
    const callers = [
      call(() => createOver(held)),
      call(() => createOnce(edge.grpcAddress, authority.pem)),
      call(() => createByConnect('connect', '1.1')),
      call(() => createByConnect('connect', '2')),
    ];
    const serials = new Set<string>();
    for (let swap = 1; swap <= 3; swap += 1) {
      const before = await shownBy(edge.grpcPort);
      serials.add(before);
      await files.put(await authority.issue(`swap ${swap}`));
      const sofar = answered;
      await vi.waitFor(async () => {
        expect(await shownBy(edge.grpcPort)).not.toBe(before);
        expect(await shownBy(edge.connectPort)).not.toBe(before);
        expect(answered).toBeGreaterThan(sofar + 50);
      }, PATIENCE);
    }
    swapping.abort();
    await Promise.all(callers);
    held.close();
    expect(failures).toEqual([]);
    expect(serials.size).toBe(3);
    expect(await figure('docket_tls_reloads_total{outcome="taken"}')).toBe(3);
    expect(edge.lines.filter(({ level }) => Number(level) >= 40)).toEqual([]);
  }, 60_000);

  it.each([
    ['a certificate that is none', async () => ({ cert: 'nothing' }), 'holds no certificate in PEM'],
    ['a key that does not fit', async () => ({ key: (await authority.issue('other')).key }), 'is not the key of the certificate'],
    ['a certificate without its key', async () => ({ cert: (await authority.issue('other')).cert }), 'is not the key of the certificate'],
    ['a certificate that has expired', async () => authority.issue('late', -1), 'the certificate has expired'],
  ])('it keeps serving with the old one when the new file holds %s, and says so once', async (_, make, told) => {
    const before = await shownBy(edge.grpcPort);
    await files.put(await make());
    const complaints = () => edge.lines.filter(({ msg }) => msg === 'the new TLS certificates cannot be used; the old ones serve on');
    await vi.waitFor(() => expect(complaints()).toHaveLength(1), PATIENCE);
    expect(JSON.stringify(complaints())).toContain(told);
    expect(await figure('docket_tls_reloads_total{outcome="refused"}')).toBe(1);
    expect(await shownBy(edge.grpcPort)).toBe(before);
    expect(await createOnce(edge.grpcAddress, authority.pem)).toBe('hello by test-service');
    // A good one is taken again, and the bad one was complained of once.
    await files.put(await authority.issue('good again'));
    await vi.waitFor(async () => expect(await shownBy(edge.grpcPort)).not.toBe(before), PATIENCE);
    expect(complaints()).toHaveLength(1);
    expect(JSON.stringify(edge.lines)).not.toContain('PRIVATE KEY');
  });
});

describe('with the authorities of callers', () => {
  let clients: Authority;
  beforeEach(async () => {
    clients = await makeAuthority('Callers');
    await start(clients.pem);
  });

  it('it serves whoever shows a certificate of theirs, on both ports', async () => {
    const shown = await clients.issue('desk');
    expect(await createOnce(edge.grpcAddress, authority.pem, shown)).toBe('hello by test-service');
    expect(await createByConnect('connect', '1.1', shown)).toBe('hello by test-service');
    expect(await createByConnect('connect', '2', shown)).toBe('hello by test-service');
    const [cert, key] = [await files.write('desk.crt', shown.cert), await files.write('desk.key', shown.key)];
    expect(await createByBuf('grpc', edge.connectPort, ['--cert', cert, '--key', key])).toBe('hello by test-service');
  });

  it('it refuses whoever shows none, one of somebody else, or one that has expired', async () => {
    const foreign = await authority.issue('desk');
    const late = await clients.issue('desk', -1);
    for (const shown of [undefined, foreign, late]) {
      expect(await failureOf(createOnce(edge.grpcAddress, authority.pem, shown))).toMatchObject({ code: 14 });
      await expect(createByConnect('connect', '1.1', shown)).rejects.toThrow();
      await expect(createByConnect('connect', '2', shown)).rejects.toThrow();
    }
    expect(edge.lines.filter(({ msg }) => msg === 'rpc')).toEqual([]);
  });

  it('it still asks for a token', async () => {
    const channel = secureChannel(edge.grpcAddress, authority.pem, await clients.issue('desk'));
    onTestFinished(() => channel.close());
    expect(await failureOf(callGrpc(channel, TicketService.method.createTicket, request, {}))).toMatchObject({ code: 16 });
  });

  it('it believes other authorities once their file says so, and the former no longer, not even in a resumed session', async () => {
    const shown = await clients.issue('desk');
    const session = Promise.withResolvers<Buffer>();
    const secure = { port: edge.connectPort, host: '127.0.0.1', ca: authority.pem, cert: shown.cert, key: shown.key, ALPNProtocols: ['http/1.1'] };
    const first = connectTls(secure);
    first.once('session', session.resolve);
    first.write(`GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n`);
    expect(String((await once(first, 'data'))[0])).toContain('200 OK');
    const ticket = await session.promise;
    first.destroy();

    const others = await makeAuthority('Other Callers');
    await files.write('clients.crt', others.pem);
    const welcome = await others.issue('desk');
    await vi.waitFor(async () => expect(await createOnce(edge.grpcAddress, authority.pem, welcome)).toBe('hello by test-service'), PATIENCE);
    expect(await failureOf(createOnce(edge.grpcAddress, authority.pem, shown))).toMatchObject({ code: 14 });

    const again = connectTls({ ...secure, session: ticket });
    again.on('error', () => undefined);
    again.write(`GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n`);
    const heard: Buffer[] = [];
    again.on('data', (chunk: Buffer) => heard.push(chunk));
    await new Promise((resolve) => again.once('close', resolve));
    expect(Buffer.concat(heard).toString()).toBe('');
  });
});
