import { create, type DescMessage, type DescMethodUnary, fromBinary, type MessageInitShape, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { AgentService } from '../../gen/ticketing/v1/agent_service_pb.ts';
import { GroupService } from '../../gen/ticketing/v1/group_service_pb.ts';
import { openChannel } from './load/channel.ts';
import { administratorToken, type ServiceProcess, startService } from './service.ts';

/** Docket, as it runs for somebody: a database, processes, groups with their agents. */
export interface Site {
  readonly databaseUrl: string;
  readonly processes: readonly ServiceProcess[];
  readonly ports: readonly number[];
  readonly token: string;
  readonly groupIds: readonly string[];
  /** Tickets that there must be: those it began with, and all that callers were told of. */
  acknowledged: number;
  /** Stops the processes. */
  stop(): Promise<void>;
}

/** What of a site has to be started. */
export interface SiteOptions {
  readonly databaseUrl: string;
  /** Where its processes leave their logs. */
  readonly logDirectory: string;
  /** Processes of the service over the one database; 1 if absent. */
  readonly processes?: number;
  /** The program, instead of `docket serve`. */
  readonly program?: string;
}

/** Groups to make, with so many agents each. */
export interface Staff {
  readonly groups: number;
  readonly agentsPerGroup: number;
}

/** How many calls are open at once while a site is furnished. */
const AT_ONCE = 32;
/** As many as one call may add to a group. */
const JOIN_AT_ONCE = 1_000;
const nameOf = (agent: number): string => `agent-${agent + 1}`;

/** Starts the service on a database. `findGroups` makes or looks up its groups; it is told how to call the service. */
export async function openSite(options: SiteOptions, findGroups: (call: Caller) => Promise<readonly string[]>): Promise<Site> {
  const processes: ServiceProcess[] = [];
  const stop = async (): Promise<void> => {
    for (const process of processes) await process.stop();
  };
  try {
    for (let at = 0; at < (options.processes ?? 1); at++) processes.push(await startService(options));
    const ports = processes.map(({ grpcPort }) => grpcPort);
    const token = await administratorToken(options.databaseUrl);
    const call = openCaller(ports[0] as number, token);
    const groupIds = await findGroups(call);
    call.close();
    return { databaseUrl: options.databaseUrl, processes, ports, token, groupIds, acknowledged: 0, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Makes groups with agents of their own over gRPC, so that each group is a pool; answers the groups' ids. */
export async function furnish(call: Caller, { groups, agentsPerGroup }: Staff): Promise<string[]> {
  const groupIds: string[] = [];
  for (let at = 1; at <= groups; at++) {
    const { group } = await call.unary(GroupService.method.createGroup, { group: { key: `G${at}`, name: `Group ${at}` } });
    groupIds.push(group?.groupId ?? '');
  }
  let next = 0;
  const makeAgents = async (): Promise<void> => {
    while (next < groups * agentsPerGroup) await call.unary(AgentService.method.createAgent, { agent: { agentId: nameOf(next++) } });
  };
  await Promise.all(Array.from({ length: AT_ONCE }, makeAgents));
  // Many at a time: whoever joins a group is compared with all who are in it.
  for (const [group, groupId] of groupIds.entries()) {
    for (let from = 0; from < agentsPerGroup; from += JOIN_AT_ONCE) {
      const count = Math.min(JOIN_AT_ONCE, agentsPerGroup - from);
      const agentIds = Array.from({ length: count }, (_, at) => nameOf((from + at) * groups + group));
      await call.unary(GroupService.method.addGroupMembers, { groupId, agentIds });
    }
  }
  return groupIds;
}

/** Calls of any method, message by message. */
export interface Caller {
  unary<I extends DescMessage, O extends DescMessage>(method: DescMethodUnary<I, O>, request: MessageInitShape<I>): Promise<MessageShape<O>>;
  close(): void;
}

/** Opens a channel for calls that are not measured. */
export function openCaller(port: number, token: string): Caller {
  const channel = openChannel('grpc-js', port, token);
  return {
    async unary(method, request) {
      const bytes = Buffer.from(toBinary(method.input, create(method.input, request)));
      return fromBinary(method.output, await channel.unary(`/${method.parent.typeName}/${method.name}`, bytes));
    },
    close: () => channel.close(),
  };
}
