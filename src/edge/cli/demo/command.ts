import { createWriteStream } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { defineCommand } from 'citty';
import type { DocketClient } from '../../../client/index.ts';
import type { Config } from '../../../foundation/config/index.ts';
import { openCsv } from '../../../foundation/files/reading/csv.ts';
import { type Logger, makeLog } from '../../../foundation/log.ts';
import { openClient } from '../client.ts';
import { readMapping } from '../import/mapping-file.ts';
import { ErrorReport } from '../import/report.ts';
import { type Progress, runImport } from '../import/run.ts';
import { progressBar } from '../progress-bar.ts';
import { explained } from '../running/command.ts';
import { curlLines, untilToldToStop } from '../serve.ts';
import { openDemoPlace, portOrFree } from './place.ts';
import { type Print, sinceStart } from './print.ts';
import { readScene, tellLeaving, tellReason, tellSpread } from './story.ts';

/** A service that the demo had started. */
export interface DemoService {
  readonly server: { readonly grpcPort: number; readonly connectPort: number };
  readonly administratorToken: string | undefined;
  close(): Promise<void>;
}

/** Starts the service with a configuration. */
export type StartService = (config: Config, log: Logger) => Promise<DemoService>;

const samples = join(import.meta.dirname, '../../../../samples');
const BATCH_SIZE = 25;

/** `docket demo`: everything at once on this machine, with a sample of real incidents, until it is told to stop. */
export function makeDemoCommand(readConfig: () => Promise<Config>, start: StartService) {
  return explained(
    { examples: ['demo'] },
    defineCommand({
      meta: { name: 'demo', description: 'Show everything at once: a service of its own with a sample of real incidents' },
      async run() {
        await runDemo(await readConfig(), start, (line) => process.stdout.write(`${line}\n`));
      },
    }),
  );
}

/** Runs the demo until the process is told to stop, which it may be at any time. */
export async function runDemo(config: Config, start: StartService, print: Print): Promise<void> {
  const leaving = new AbortController();
  const told = untilToldToStop().then(() => leaving.abort());
  const lines: string[] = [];
  print('Docket, a demonstration. It begins anew: what an earlier one left is removed. Ctrl-C ends it.\n');
  const place = await openDemoPlace(resolve(config.dataDirectory), (line) => lines.push(line));
  const logFile = join(place.dataDirectory, 'demo.log');
  const logStream = createWriteStream(logFile);
  const log = makeLog({ level: config.logLevel, to: logStream });
  for (const line of lines) log.info(line);
  try {
    if (leaving.signal.aborted) return;
    const service = await start(await demoConfig(config, place.dataDirectory), log);
    try {
      tellPorts(config, service, print);
      print(`  Everything of it is in ${relative('.', place.dataDirectory) || '.'}; its log is ${relative('.', logFile)}.`);
      await tellStory(service, leaving.signal, print).catch((error: unknown) => {
        if (!leaving.signal.aborted) throw error;
      });
      await told;
      print('\nStopping.');
    } finally {
      await service.close();
    }
  } finally {
    await place.close();
    logStream.end();
  }
}

async function demoConfig(config: Config, dataDirectory: string): Promise<Config> {
  const [grpcPort, connectPort, metricsPort] = await Promise.all([
    portOrFree(config.host, config.grpcPort),
    portOrFree(config.host, config.connectPort),
    portOrFree(config.metricsHost, config.metricsPort),
  ]);
  // Whatever the service of this machine is set to, the demo's lines can be pasted as they are.
  const plain = { databaseUrl: undefined, tlsCertFile: undefined, tlsKeyFile: undefined, tlsClientCaFile: undefined };
  return { ...config, ...plain, dataDirectory, grpcPort, connectPort, metricsPort };
}

function tellPorts(config: Config, { server }: DemoService, print: Print): void {
  print(`  PostgreSQL and the service are up after ${sinceStart()}:`);
  const instead = (wanted: number, had: number): string => (wanted === 0 || wanted === had ? '' : `   (${wanted} is taken by another program)`);
  print(`  gRPC                              ${config.host}:${server.grpcPort}${instead(config.grpcPort, server.grpcPort)}`);
  print(`  Connect, gRPC-Web, gRPC and JSON  ${config.host}:${server.connectPort}${instead(config.connectPort, server.connectPort)}`);
}

async function tellStory({ server, administratorToken: token }: DemoService, signal: AbortSignal, print: Print): Promise<void> {
  if (token === undefined) throw new Error('the demo has no token for its own service');
  const client = openClient({ address: `127.0.0.1:${server.grpcPort}`, token, signal });
  try {
    print('\nIncidents of a real help desk come in through the public RPCs (samples/README.md names the source)');
    await importSample(client, print);
    const scene = await readScene(client);
    print('\nWho was given how many. Each ticket went to whoever of its group had the fewest today, over all his groups:');
    print('those who are busy elsewhere were given fewer here.');
    tellSpread(scene, print);
    print('\nWhy did the last one go where it went?');
    const ticketId = await tellReason(client, scene, print);
    print('\nSomebody leaves.');
    await tellLeaving(client, scene, print);
    const [group] = scene.groups;
    const example = group && ticketId !== undefined ? { groupId: group.groupId, ticketId } : undefined;
    print('\nThe service keeps running. Paste these in this folder, in another terminal:\n');
    for (const line of curlLines(server.connectPort, token, { example })) print(`${line}\n`);
    print('Ctrl-C stops it.');
  } finally {
    client.close();
  }
}

async function importSample(client: DocketClient, print: Print): Promise<void> {
  const csv = await openCsv(join(samples, 'incidents.csv'), { encoding: 'utf-8', delimiter: ',' });
  const mapping = await readMapping(join(samples, 'incidents.mapping.json'));
  const bar = progressBar('tickets');
  let firstGiven: string | undefined;
  const progress: Progress = {
    ...bar,
    update(done) {
      firstGiven ??= sinceStart();
      bar.update(done);
    },
  };
  const report = new ErrorReport('', false);
  const result = await runImport({
    csv,
    mapping,
    source: mapping.source ?? 'demo',
    client,
    report,
    dryRun: false,
    createGroups: true,
    createAgents: true,
    uniquePerUser: false,
    batchSize: BATCH_SIZE,
    progress,
  });
  print(
    `  ${result.groupsMade} groups, ${result.agentsMade} agents, ${result.created} tickets; the first was in somebody's hands ${firstGiven} after the start of the demo.`,
  );
}
