import { create, type DescMessage, type DescMethodUnary, fromBinary, type MessageInitShape, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { openChannel } from './load/channel.ts';
import type { BenchServer } from './server.ts';
import { administratorToken, type ServiceProcess, startService } from './service.ts';

/** What a site has. */
export interface SiteOptions {
  /** How many groups there are; each has agents of its own, so that each is a pool. */
  readonly groups: number;
  readonly agentsPerGroup: number;
  /** Processes of the service over the one database; 1 if absent. */
  readonly processes?: number;
  /** The program, instead of `docket serve`. */
  readonly program?: string;
}

/** Docket, as it runs for somebody: a database, processes, groups with their agents. */
export interface Site {
  readonly databaseUrl: string;
  readonly processes: readonly ServiceProcess[];
  readonly ports: readonly number[];
  readonly token: string;
  readonly groupIds: readonly string[];
  /** Tickets that callers were told of. */
  acknowledged: number;
  /** Stops the processes. */
  stop(): Promise<void>;
}

/** How many calls are open at once while a site is furnished. */
const AT_ONCE = 32;

/** Starts the service on an empty database and furnishes it over gRPC. */
export async function openSite(options: SiteOptions & { databaseUrl: string; logDirectory: string; server: BenchServer }): Promise<Site> {
  const processes: ServiceProcess[] = [];
  for (let at = 0; at < (options.processes ?? 1); at++) processes.push(await startService(options));
  const [first] = processes as [ServiceProcess];
  const token = await administratorToken(options.databaseUrl);
  const call = caller(first.grpcPort, token);
  const groupIds: string[] = [];
  for (let at = 1; at <= options.groups; at++) {
    const { group } = await call.unary(GroupService.method.createGroup, { group: { key: `G${at}`, name: `Group ${at}` } });
    groupIds.push(group?.groupId ?? '');
  }
  await atOnce(options.groups * options.agentsPerGroup, async (at) => {
    await call.unary(AgentService.method.createAgent, { agent: { agentId: `agent-${at + 1}`, groupIds: [groupIds[at % groupIds.length] as string] } });
  });
  call.close();
  // Fresh statistics, as autovacuum would have them in a while.
  await options.server.sql(options.databaseUrl, 'VACUUM ANALYZE');
  return {
    databaseUrl: options.databaseUrl,
    processes,
    ports: processes.map(({ grpcPort }) => grpcPort),
    token,
    groupIds,
    acknowledged: 0,
    async stop() {
      for (const process of processes) await process.stop();
    },
  };
}

/** Calls of any method, message by message. */
export function caller(port: number, token: string) {
  const channel = openChannel('grpc-js', port, token);
  return {
    async unary<I extends DescMessage, O extends DescMessage>(method: DescMethodUnary<I, O>, request: MessageInitShape<I>): Promise<MessageShape<O>> {
      const bytes = Buffer.from(toBinary(method.input, create(method.input, request)));
      return fromBinary(method.output, await channel.unary(`/${method.parent.typeName}/${method.name}`, bytes));
    },
    close: () => channel.close(),
  };
}

async function atOnce(count: number, work: (at: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < count) await work(next++);
    }),
  );
}
