import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { exportFile } from '../../src/edge/cli/export/command.ts';
import { docket } from '../support/command.ts';
import { sheetOf } from '../support/file-reading.ts';
import { insertOperation } from '../support/operations.ts';
import { insertGroup, insertTickets } from '../support/reading.ts';
import { type Service, startService } from '../support/service.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const TICKETS = 4_000;

describe('docket export', { timeout: 60_000 }, () => {
  let service: Service;
  let folder: string;
  let token: string;
  beforeAll(async () => {
    service = await startService();
    folder = await mkdtemp(join(tmpdir(), 'docket-exporting-'));
    token = (await service.program({ name: 'exporter', roles: ['admin'] })).replace('Bearer ', '');
    const groups = [await insertGroup(service, 'KYC'), await insertGroup(service, 'RISK')];
    await insertTickets(
      service,
      Array.from({ length: TICKETS }, (_, at) => ({ key: `T-${at}`, groupId: groups[at % 2] ?? '', title: `=1+${at}`, description: String(at).repeat(200) })),
    );
  });
  afterAll(async () => {
    await service.close();
    await rm(folder, { recursive: true, force: true });
  });

  const path = (name: string): string => join(folder, name);
  const direct = (): string => `127.0.0.1:${service.app.server.grpcPort}`;
  const run = async (args: readonly string[], address = direct()) => {
    const printed: string[] = [];
    const code = await exportFile(
      args,
      { address, token, tokenFile: path('none') },
      (line) => printed.push(line),
      () => undefined,
    );
    return { code, text: printed.join('\n') };
  };
  const whole = async (form: string): Promise<Buffer> => {
    const file = path(`whole.${form}`);
    expect(await run(['tickets', '--output', file, '--replace'])).toMatchObject({ code: 0 });
    return readFile(file);
  };

  /** A way to the service on which a connection is cut, or falls silent, after so many bytes have come back. */
  async function openWay(limit: (connection: number) => number, then: 'cut' | 'silence') {
    const open = new Set<Socket>();
    let connections = 0;
    const server = createServer((near) => {
      const far = connect(service.app.server.grpcPort, '127.0.0.1');
      let left = limit(connections++);
      for (const socket of [near, far]) {
        open.add(socket);
        socket
          .on('error', () => undefined)
          .on('close', () => {
            near.destroy();
            far.destroy();
          });
      }
      near.pipe(far);
      far.on('data', (bytes: Buffer) => {
        left -= bytes.length;
        if (left > 0) near.write(bytes);
        else if (then === 'cut') near.destroy();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, connections: () => connections };
  }

  it.each(['csv', 'xlsx', 'ndjson'])('goes on after every cut of the connection, and the file (%s) is that of one go', async (form) => {
    const expected = await whole(form);
    const limit = Math.floor(form === 'xlsx' ? expected.length / 3 : expected.length / 4);
    const way = await openWay((connection) => (connection < 6 ? limit : Number.POSITIVE_INFINITY), 'cut');
    const file = path(`cut.${form}`);
    const { code, text } = await run(['tickets', '--output', file], way.address);
    expect(text).toContain('going on as soon as the service answers');
    expect(code).toBe(0);
    expect(way.connections()).toBeGreaterThan(3);
    expect((await readFile(file)).equals(expected)).toBe(true);
  });

  it('goes on where it was killed', async () => {
    const expected = await whole('csv');
    const file = path('killed.csv');
    const sizes: number[] = [];
    for (const share of [0.4, 0.6]) {
      const way = await openWay(() => Math.floor(expected.length * share), 'silence');
      const command: ChildProcess = spawn(process.execPath, [MAIN, 'export', 'tickets', '--output', file, '--address', way.address, '--token', token], {
        stdio: 'ignore',
      });
      const ended = once(command, 'exit');
      const atLeast = (sizes.at(-1) ?? 0) + 1;
      await vi.waitFor(async () => expect((await stat(`${file}.part`)).size).toBeGreaterThan(atLeast), 30_000);
      command.kill('SIGKILL');
      await ended;
      sizes.push((await stat(`${file}.part`)).size);
      // As if a piece had been half written.
      await writeFile(`${file}.part`, 'half', { flag: 'a' });
    }
    const { code, text } = await run(['tickets', '--output', file]);
    expect(text).toMatch(/Going on with .*\.part after [\d,]+ bytes/);
    expect(code).toBe(0);
    expect((await readFile(file)).equals(expected)).toBe(true);
    expect((await readdir(folder)).filter((name) => name.includes('.part'))).toEqual([]);
  });

  it('begins anew when what is there belongs to another request', async () => {
    const file = path('other.ndjson');
    await writeFile(`${file}.part`, 'something else');
    await writeFile(`${file}.part.json`, JSON.stringify({ request: 'another', resumeToken: 'ndjson.tickets.x', bytes: 5 }));
    expect(await run(['tickets', '--output', file, '--group', 'RISK'])).toMatchObject({ code: 0 });
    expect((await readFile(file, 'utf8')).trimEnd().split('\n')).toHaveLength(TICKETS / 2);
  });

  it('exports every list, with its conditions', async () => {
    const rows = async (...args: string[]) => {
      const file = path('list.csv');
      expect(await run([...args, '--output', file, '--replace'])).toMatchObject({ code: 0 });
      return parse(await readFile(file, 'utf8'), { columns: true }) as Record<string, string>[];
    };
    expect((await rows('groups', '--order-by', 'key desc')).map((row) => row['key'])).toEqual(['RISK', 'KYC']);
    expect((await rows('tickets', '--filter', 'key == "T-7"')).map((row) => row['title'])).toEqual(["'=1+7"]);
    expect(await rows('agents', '--show-deleted')).toEqual([]);
    expect((await rows('audit', '--filter', 'entity_type == "group"')).map((row) => row['operation'])).toEqual(['CREATE', 'CREATE']);
    const ticket = ['--ticket', 'T-7'];
    await service.call(TicketService.method.updateTicket, { ticket: { ticketId: 'T-7', labels: ['late'] } }, `Bearer ${token}`);
    expect((await rows('history', ...ticket)).map((row) => row['operation'])).toEqual(['UPDATE', 'CREATE']);
    expect((await rows('versions', ...ticket)).map((row) => row['summary'])).toEqual(['labels: +late', '']);
    expect((await rows('versions', '--group', 'KYC')).map((row) => row['version'])).toEqual(['1']);
    const { ticket_id: ticketId = '' } = (await rows('tickets', '--filter', 'key == "T-7"'))[0] ?? {};
    const operationId = await insertOperation(service.sql, 'service:exporter', ticketId);
    expect((await rows('operations', '--state', 'running,paused')).map((row) => row['operation_id'])).toEqual([operationId]);
    expect(await rows('operations', '--state', 'failed')).toEqual([]);
    const tickets = await rows('operation-tickets', '--operation', operationId);
    expect(tickets.map((row) => [row['ticket_id'], row['outcome']])).toEqual([[ticketId, 'PENDING']]);
    expect(await rows('operation-tickets', '--operation', operationId, '--outcome', 'failed')).toEqual([]);
    const book = path('groups.xlsx');
    expect(await run(['groups', '--output', book])).toMatchObject({ code: 0 });
    expect(sheetOf(await readFile(book))).toContain('>KYC<');
  });

  it.each<[string[], string, number?]>([
    [['ticket'], 'name one list: tickets, agents, groups, members, history, versions, operations, operation-tickets, audit'],
    [['groups', '--agent', 'ann'], '--agent says nothing about groups'],
    [['tickets', '--format', 'pdf'], '"pdf" is no format'],
    [['tickets', '--filters', 'x'], "Unknown option '--filters'"],
    [['members'], 'say whose members, by --group'],
    [['history'], 'say whose history, by --ticket'],
    [['versions', '--ticket', 'T-7', '--group', 'KYC'], 'say whose versions, by one of --ticket, --agent, --group'],
    [['operation-tickets', '--state', 'failed', '--operation', 'x'], '--state says nothing about operation-tickets'],
    [['history', '--ticket', 'T-4000'], 'The service refused: ticket', 1],
    [['members', '--group', 'NONE'], 'there is no group NONE', 1],
    [['tickets', '--filter', 'nonsense'], 'The service refused: filter', 1],
  ])('refuses %j', async (args, says, exit = 2) => {
    const file = path('refused.csv');
    const { code, text } = await run([...args, '--output', file]);
    expect(text).toContain(says);
    expect(code).toBe(exit);
    await expect(stat(file)).rejects.toThrow();
    await rm(`${file}.part`, { force: true });
  });

  it('writes to standard output when the file is - or none, and nothing but the list', async () => {
    for (const output of [[], ['--output', '-']]) {
      const own = ['export', 'groups', '--order-by', 'key', ...output, '--address', direct(), '--token', token];
      const { code, out } = await docket(own, { env: { DOCKET_DATA_DIRECTORY: folder } });
      expect(code).toBe(0);
      expect((parse(out, { columns: true }) as Record<string, string>[]).map((row) => row['key'])).toEqual(['KYC', 'RISK']);
    }
    expect((await readdir('.')).filter((name) => name.startsWith('-'))).toEqual([]);
  });

  it('leaves a file alone that is there', async () => {
    const file = path('there.csv');
    await writeFile(file, 'mine');
    expect(await run(['groups', '--output', file])).toMatchObject({ code: 1, text: `${file} is there already; --replace writes it anew.` });
    expect(await readFile(file, 'utf8')).toBe('mine');
  });
});
