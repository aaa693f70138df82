import { readFile, writeFile } from 'node:fs/promises';
import { create, fromJson, type JsonValue, type MessageInitShape, toJsonString } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { SimulatePolicyRequestSchema, SimulatePolicyResponse } from '../../../../gen/ticketing/v1/assignment_service_pb.ts';
import type { SimulationEventSchema } from '../../../../gen/ticketing/v1/simulation_event_pb.ts';
import { type SimulationSetup, SimulationSetupSchema } from '../../../../gen/ticketing/v1/simulation_pb.ts';
import type { DocketClient } from '../../../client/index.ts';
import { findGroupId } from '../groups-by-key.ts';
import { CommandRefused } from '../running/failures.ts';
import { readEvents, toEvent, writeEvents } from './event-rows.ts';
import { type ReadLog, readLog } from './log.ts';
import { readLogMapping } from './log-mapping.ts';
import type { SimulateArguments } from './options.ts';
import { scenarioOf } from './scenarios.ts';

/** Events of one message. */
const EVENTS_A_MESSAGE = 1_000;

type Request = MessageInitShape<typeof SimulatePolicyRequestSchema>;
type Event = MessageInitShape<typeof SimulationEventSchema>;

/** Everything that one rehearsal sends. */
interface Script {
  readonly setup: SimulationSetup;
  readonly events: AsyncIterable<Event> | Iterable<Event> | undefined;
}

/** Sends what the command line asks for, and answers what the service answered. @throws CommandRefused, ConnectError */
export async function rehearse(args: SimulateArguments, client: () => Promise<DocketClient>, print: (line: string) => void): Promise<SimulatePolicyResponse> {
  const script = args.logFile
    ? await scriptOfLog(args, print)
    : args.setupFile
      ? await scriptOfFile(args, args.setupFile)
      : await scriptOfHistory(args, await client());
  if (args.writeSetup) await writeFile(args.writeSetup, `${toJsonString(SimulationSetupSchema, script.setup, { prettySpaces: 2, useProtoFieldName: true })}\n`);
  return (await client()).assignment.simulatePolicy(messages(script));
}

async function* messages({ setup, events }: Script): AsyncGenerator<Request> {
  yield { message: { case: 'setup', value: setup } };
  let batch: Event[] = [];
  for await (const event of events ?? []) {
    if (batch.push(event) < EVENTS_A_MESSAGE) continue;
    yield { message: { case: 'events', value: { events: batch } } };
    batch = [];
  }
  if (batch.length > 0) yield { message: { case: 'events', value: { events: batch } } };
}

/** What holds whatever the source: scenarios from the command line, and the model of handling. */
function common(args: SimulateArguments) {
  const handling = args.handlingMinutes === undefined ? {} : { handling: { mean: durationFromMs(args.handlingMinutes * 60_000), seed: args.seed } };
  return { scenarios: args.policies.map(scenarioOf), ...handling };
}

async function scriptOfHistory(args: SimulateArguments, client: DocketClient): Promise<Script> {
  const groupIds: string[] = [];
  for (const named of args.groups) {
    const groupId = await findGroupId(client, named);
    if (groupId === undefined) throw new CommandRefused(`there is no group ${JSON.stringify(named)}`);
    groupIds.push(groupId);
  }
  return {
    setup: create(SimulationSetupSchema, { ...common(args), source: { case: 'history', value: { groupIds, lastDays: args.days } } }),
    events: undefined,
  };
}

async function scriptOfFile(args: SimulateArguments, file: string): Promise<Script> {
  const setup = readSetup(file, await readFile(file, 'utf8').catch((cause: Error) => refuse(`${file} cannot be read: ${cause.message}`)));
  const more = create(SimulationSetupSchema, common(args));
  setup.scenarios.push(...more.scenarios);
  if (more.handling) setup.handling = more.handling;
  if ((setup.source.case === 'events') !== (args.eventsFile !== undefined)) {
    throw new CommandRefused(
      setup.source.case === 'events'
        ? `${file} says that events come: name their file with --events`
        : `${file} brings its tickets along: --events is for others`,
    );
  }
  return { setup, events: args.eventsFile ? readEvents(args.eventsFile) : undefined };
}

function readSetup(file: string, text: string): SimulationSetup {
  try {
    return fromJson(SimulationSetupSchema, JSON.parse(text) as JsonValue);
  } catch (cause) {
    throw new CommandRefused(`${file} is no set-up: ${(cause as Error).message}`);
  }
}

async function scriptOfLog(args: SimulateArguments, print: (line: string) => void): Promise<Script> {
  const log = await readLog(args.logFile ?? '', await readLogMapping(args.mappingFile ?? ''));
  print(`${log.events.length.toLocaleString('en')} events in ${log.groups.length} groups, of ${log.agents.size} agents; ${log.passedOver} rows passed over`);
  if (args.writeEvents) await writeEvents(args.writeEvents, log.events);
  return {
    setup: create(SimulationSetupSchema, { ...common(args), source: { case: 'events', value: { roster: rosterOf(log) } } }),
    events: log.events.map(toEvent),
  };
}

function rosterOf({ groups, agents }: ReadLog) {
  return {
    groups: groups.map((groupId) => ({ groupId })),
    agents: [...agents].map(([agentId, groupIds]) => ({ agentId, groupIds: [...groupIds], away: true })),
  };
}

function refuse(message: string): never {
  throw new CommandRefused(message);
}
