import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, type DescMethodUnary, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { TicketService } from '../../gen/ticketing/v1/ticket_service_pb.ts';
import { startEmbeddedServer } from '../../src/foundation/database/embedded/index.ts';
import { newId } from '../../src/foundation/ids.ts';
import { openCompetitor } from './competitor.ts';
import { startService } from './service.ts';

/** Agents of the one hot group. */
const AGENTS = 100;
/** Seconds of one measurement, and how often each is repeated, in turn with its competitor. */
const SECONDS = Number(process.argv[2] ?? 5);
const REPEATS = Number(process.argv[3] ?? 5);
const IN_FLIGHT = [1, 64];

interface Figure {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Keeps `inFlight` calls going for a while. */
async function load(inFlight: number, seconds: number, call: () => Promise<unknown>): Promise<Figure> {
  const times: number[] = [];
  const start = performance.now();
  const end = start + seconds * 1000;
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      const before = performance.now();
      await call();
      times.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const elapsed = (performance.now() - start) / 1000;
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { perSecond: times.length / elapsed, p50Ms: at(0.5), p99Ms: at(0.99) };
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

function caller(port: number, token: string) {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  const asIs = (bytes: Buffer): Buffer => bytes;
  // biome-ignore lint/suspicious/noExplicitAny: one function for every method; each call site names its own.
  return (method: DescMethodUnary<any, any>, request: object): Promise<any> =>
    new Promise((resolve, reject) => {
      const bytes = Buffer.from(toBinary(method.input, create(method.input, request)));
      client.makeUnaryRequest(`/${method.parent.typeName}/${method.name}`, asIs, asIs, bytes, metadata, {}, (error, answer) => {
        if (error) reject(error);
        else resolve(fromBinary(method.output, answer as Buffer));
      });
    });
}

const directory = join(tmpdir(), `docket-bench-${process.pid}`);
mkdirSync(directory, { recursive: true, mode: 0o755 });
const database = await startEmbeddedServer({ dataDirectory: directory, ephemeral: true });
const service = await startService(database.url);
try {
  const call = caller(service.grpcPort, service.token);
  const { group } = await call(GroupService.method.createGroup, { group: { key: 'HOT', name: 'One hot group' } });
  for (let i = 1; i <= AGENTS; i++) await call(AgentService.method.createAgent, { agent: { agentId: `agent-${i}`, groupIds: [group.groupId] } });
  const competitor = await openCompetitor(database.url, AGENTS, Math.max(...IN_FLIGHT));
  const createTicket = () => call(TicketService.method.createTicket, { groupId: group.groupId, userId: 7n, title: 'a ticket', requestId: newId() });
  await load(64, SECONDS, createTicket);
  await load(64, SECONDS, competitor.createTicket);
  const idleBytes = service.residentBytes();
  for (const inFlight of IN_FLIGHT) {
    const docket: Figure[] = [];
    const raw: Figure[] = [];
    const cpuBefore = service.cpuSeconds();
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      docket.push(await load(inFlight, SECONDS, createTicket));
      raw.push(await load(inFlight, SECONDS, competitor.createTicket));
    }
    const cpuMs = ((service.cpuSeconds() - cpuBefore) * 1000) / docket.reduce((sum, figure) => sum + figure.perSecond * SECONDS, 0);
    print(inFlight, docket, raw, cpuMs);
  }
  process.stdout.write(`resident size of the service: ${mib(idleBytes)} after warm-up, ${mib(service.residentBytes())} at the end\n`);
  await competitor.close();
} finally {
  await service.stop();
  await database.close();
  rmSync(directory, { recursive: true, force: true });
}
process.exit(0);

function print(inFlight: number, docket: readonly Figure[], raw: readonly Figure[], cpuMs: number): void {
  const line = (name: string, figures: readonly Figure[]): string => {
    const rates = figures.map((figure) => figure.perSecond);
    return `${name.padEnd(28)} ${median(rates).toFixed(0).padStart(7)}/s  (${Math.min(...rates).toFixed(0)}–${Math.max(...rates).toFixed(0)})  p50 ${median(figures.map((figure) => figure.p50Ms)).toFixed(1)} ms  p99 ${median(figures.map((figure) => figure.p99Ms)).toFixed(1)} ms`;
  };
  const ratio = median(docket.map((figure, at) => figure.perSecond / (raw[at]?.perSecond ?? 1)));
  process.stdout.write(
    `\n${inFlight} in flight, ${REPEATS} × ${SECONDS} s in turn\n${line('CreateTicket over gRPC', docket)}\n${line('L1, hand-written SQL', raw)}\nratio ${ratio.toFixed(2)} × L1; CPU of the service ${cpuMs.toFixed(2)} ms a ticket\n`,
  );
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}
