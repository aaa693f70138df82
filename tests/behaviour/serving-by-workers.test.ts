import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import pg from 'pg';
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { checkDatabase } from '../../src/edge/cli/check-invariants.ts';
import { createTestDatabase, type TestDatabase } from '../support/database/index.ts';
import { callGrpc, grpcChannel } from '../support/edge/clients.ts';
import { makeToken, type ServingProcess, startProcess } from '../support/fleet/process.ts';

const PATIENCE = { timeout: 60_000, interval: 50 };
const CALLERS = 8;
const TICKETS_EACH = 30;

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

/** Two workers that serve, and where. */
async function startTwoWorkers(settings: Readonly<Record<string, string>> = {}) {
  const service = await startProcess(database.url, { DOCKET_WORKERS: '2', DOCKET_DATABASE_POOL_SIZE: '8', ...settings });
  onTestFinished(async () => {
    service.signal('SIGTERM');
    await service.ended;
  });
  const line = await vi.waitFor(() => {
    const found = service.lines.find((each) => each.includes('"msg":"all workers serve"'));
    return JSON.parse(found ?? '') as { grpc_port: number; metrics_ports: readonly number[] };
  }, PATIENCE);
  return { service, address: `127.0.0.1:${line.grpc_port}`, metricsPorts: line.metrics_ports };
}

/** The processes that a process has started. */
function childrenOf(pid: number): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,args=']).toString().split('\n');
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, parent, ...command]) => Number(parent) === pid && command.includes('serve'))
    .map(([child]) => Number(child));
}

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** How many calls a worker has answered. */
async function answeredBy(metricsPort: number): Promise<number> {
  const figures = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  return [...figures.matchAll(/^docket_rpc_duration_seconds_count\{.*CreateTicket.*\} (\d+)/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Makes a team of five and answers the id of its group. */
async function makeTeam(service: ServingProcess, token: string): Promise<string> {
  const { group } = await callGrpc(service.channel, GroupService.method.createGroup, { group: { key: 'KYC' } }, { token });
  const groupId = group?.groupId ?? '';
  for (const agentId of ['ann', 'ben', 'cid', 'dot', 'eve'])
    await callGrpc(service.channel, AgentService.method.createAgent, { agent: { agentId, groupIds: [groupId] } }, { token });
  return groupId;
}

/** A caller with a connection of his own who repeats each ticket with its request id until it is answered. */
async function createTickets(address: string, token: string, groupId: string, onAnswer: () => void): Promise<{ answered: string[]; repeats: number }> {
  const channel = grpcChannel(address);
  const answered: string[] = [];
  let repeats = 0;
  while (answered.length < TICKETS_EACH) {
    const request = { groupId, userId: 1n, requestId: randomUUID() };
    for (;;) {
      try {
        const { ticket } = await callGrpc(channel, TicketService.method.createTicket, request, { token, deadlineMs: 10_000 });
        answered.push(ticket?.ticketId ?? '');
        onAnswer();
        break;
      } catch (error) {
        if ((error as { code?: number }).code !== 14 && (error as { code?: number }).code !== 4) throw error;
        repeats += 1;
      }
    }
  }
  channel.close();
  return { answered, repeats };
}

it('it shares its callers among workers, and loses nothing and stays fair when one of them is killed', async () => {
  const { service, address, metricsPorts } = await startTwoWorkers();
  const token = await makeToken(database.url);
  const groupId = await makeTeam(service, token);
  const workers = childrenOf(service.pid);
  expect(workers).toHaveLength(2);

  let answers = 0;
  const half = Promise.withResolvers<void>();
  const count = () => {
    if (++answers === (CALLERS * TICKETS_EACH) / 2) half.resolve();
  };
  const callers = Promise.all(Array.from({ length: CALLERS }, () => createTickets(address, token, groupId, count)));
  await Promise.race([half.promise, callers]);
  // Connections are dealt out in turn, so both have callers.
  for (const port of metricsPorts) expect(await answeredBy(port)).toBeGreaterThan(0);
  const [victim = 0, other = 0] = workers;
  process.kill(victim, 'SIGKILL');

  const results = await callers;
  expect(results.reduce((sum, { repeats }) => sum + repeats, 0)).toBeGreaterThan(0);
  const told = results.flatMap(({ answered }) => answered);
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const { rows } = await client.query<{ ticket_id: string; agent_id: string }>('SELECT ticket_id, agent_id FROM docket.tickets');
  await client.end();
  expect(rows.map((row) => row.ticket_id).sort()).toEqual(told.sort());
  const loads = [...Map.groupBy(rows, (row) => row.agent_id).values()].map((held) => held.length);
  expect(loads).toHaveLength(5);
  expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);

  await vi.waitFor(
    () => expect(service.lines.filter((line) => line.includes('"msg":"a worker serves"') && line.includes('"worker":3'))).toHaveLength(1),
    PATIENCE,
  );
  const now = childrenOf(service.pid);
  expect(now).toHaveLength(2);
  expect(now).toContain(other);
  expect(now).not.toContain(victim);
  expect(service.faults.map((line) => (JSON.parse(line) as { msg: string; end: string }).end)).toEqual(['ended by SIGKILL']);

  service.signal('SIGTERM');
  expect(await service.ended).toBe(0);
  expect(now.filter(isRunning)).toEqual([]);
  // Each in its own order, not cut off.
  expect(service.lines.filter((line) => line.includes('"msg":"stopped"'))).toHaveLength(2);
  expect((await checkDatabase(database.url)).findings.filter(({ violations }) => violations > 0)).toEqual([]);
}, 180_000);

it('it finds the database by a file, and its workers do', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'docket-secrets-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'database-url');
  await writeFile(file, `${database.url}\n`);
  const { address } = await startTwoWorkers({ DATABASE_URL: '', DATABASE_URL_FILE: file });
  const token = await makeToken(database.url);
  const channel = grpcChannel(address);
  onTestFinished(() => channel.close());
  expect(await callGrpc(channel, GroupService.method.listGroups, {}, { token })).toMatchObject({ groups: [] });
});

it('it ends all workers when it is killed itself', async () => {
  const { service } = await startTwoWorkers();
  const workers = childrenOf(service.pid);
  service.signal('SIGKILL');
  await vi.waitFor(() => expect(workers.filter(isRunning)).toEqual([]), PATIENCE);
}, 120_000);

it('it ends with the reason when a worker cannot start', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  const failed = startProcess(database.url, { DOCKET_WORKERS: '2', DOCKET_CONNECT_PORT: String(port) });
  await expect(failed).rejects.toThrow(`cannot start: cannot listen for Connect on 127.0.0.1:${port}: another program is using it`);
  taken.close();
}, 120_000);

it('it brings the embedded database along for all its workers, and stops it after them', async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'docket-workers-')));
  const main = join(import.meta.dirname, '../../src/main.ts');
  const free = { DOCKET_GRPC_PORT: '0', DOCKET_CONNECT_PORT: '0', DOCKET_METRICS_PORT: '0' };
  const env = { ...process.env, ...free, DATABASE_URL: '', DOCKET_DATA_DIRECTORY: folder, DOCKET_WORKERS: '2', DOCKET_DATABASE_POOL_SIZE: '8' };
  const child = spawn(process.execPath, [main, 'serve'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await ended;
    await rm(await realpath(join(folder, 'cluster')).catch(() => folder), { recursive: true, force: true });
    await rm(folder, { recursive: true, force: true });
  });
  const log = text(child.stdout);
  const hint = Promise.withResolvers<string>();
  child.stderr.on('data', (chunk: Buffer) => hint.resolve(chunk.toString()));
  const curl = /curl -s .*$/m.exec(await hint.promise)?.[0] ?? 'false';
  expect(JSON.parse(execFileSync('/bin/sh', ['-c', curl]).toString())).toEqual({});
  const cluster = await realpath(join(folder, 'cluster'));
  expect(execFileSync('ps', ['-eo', 'args']).toString()).toContain(cluster);
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(await log).toContain('"msg":"all workers stopped"');
  expect(execFileSync('ps', ['-eo', 'args']).toString()).not.toContain(cluster);
}, 180_000);
