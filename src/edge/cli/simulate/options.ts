import { type ParseArgsConfig, parseArgs } from 'node:util';
import { CommandRefused } from '../running/failures.ts';

/** What the command line asks for. */
export interface SimulateArguments {
  /** A set-up in JSON, which says everything; or else one of the two below. */
  readonly setupFile: string | undefined;
  /** Groups of the service, by key or id, whose history is played. */
  readonly groups: readonly string[];
  readonly days: number;
  /** A log of tickets, and what its columns mean. */
  readonly logFile: string | undefined;
  readonly mappingFile: string | undefined;
  /** Events for a set-up that says they come. */
  readonly eventsFile: string | undefined;
  /** Policies to try, as the command line writes them. */
  readonly policies: readonly string[];
  /** How long work on a ticket takes, in minutes; undefined: tickets leave desks when the record says so. */
  readonly handlingMinutes: number | undefined;
  readonly seed: number;
  readonly writeSetup: string | undefined;
  readonly writeEvents: string | undefined;
  readonly json: boolean;
  readonly address: string | undefined;
  readonly token: string | undefined;
  readonly ca: string | undefined;
}

const options = {
  group: { type: 'string' },
  days: { type: 'string' },
  log: { type: 'string' },
  mapping: { type: 'string' },
  events: { type: 'string' },
  try: { type: 'string' },
  handling: { type: 'string' },
  seed: { type: 'string' },
  'write-setup': { type: 'string' },
  'write-events': { type: 'string' },
  json: { type: 'boolean' },
  address: { type: 'string' },
  token: { type: 'string' },
  ca: { type: 'string' },
  profile: { type: 'string' },
} as const satisfies ParseArgsConfig['options'];

/** Tried where nothing else is asked for. */
export const USUAL_POLICIES = ['LEAST_ASSIGNED_TODAY+catch_up_limit=0', 'ROUND_ROBIN', 'FEWEST_OPEN', 'ASSIGNED_PER_HOUR_PRESENT', 'WEIGHTED'];

/** Reads the arguments of `docket simulate`. @throws CommandRefused for an option that does not exist or does not fit. */
export function readArguments(rawArgs: readonly string[]): SimulateArguments {
  const { values, positionals } = strictly(rawArgs);
  const [setupFile, ...others] = positionals;
  const sources = [setupFile, values.group, values.log].filter((source) => source !== undefined);
  if (others.length > 0 || sources.length !== 1) {
    throw new CommandRefused('say what is rehearsed: docket simulate SETUP.json, or --group KEY for history of the service, or --log FILE --mapping FILE');
  }
  if ((values.log === undefined) !== (values.mapping === undefined)) throw new CommandRefused('--log and --mapping belong together');
  if (values.events !== undefined && setupFile === undefined) throw new CommandRefused('--events goes with a SETUP.json that says that events come');
  const listed = (text: string | undefined): string[] | undefined =>
    text
      ?.split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  return {
    setupFile,
    groups: listed(values.group) ?? [],
    days: numberOf('days', values.days, 1, 366) ?? 7,
    logFile: values.log,
    mappingFile: values.mapping,
    eventsFile: values.events,
    policies: listed(values.try) ?? (setupFile === undefined ? USUAL_POLICIES : []),
    handlingMinutes: numberOf('handling', values.handling, 1, 43_200),
    seed: numberOf('seed', values.seed, 0, 1_000_000_000) ?? 1,
    writeSetup: values['write-setup'],
    writeEvents: values['write-events'],
    json: values.json === true,
    address: values.address,
    token: values.token,
    ca: values.ca,
  };
}

function numberOf(name: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < least || number > most) throw new CommandRefused(`--${name} must be a whole number from ${least} to ${most}`);
  return number;
}

/** A misspelt option must not be passed over. */
function strictly(rawArgs: readonly string[]) {
  try {
    return parseArgs({ args: [...rawArgs], options, allowPositionals: true });
  } catch (error) {
    throw new CommandRefused((error as Error).message);
  }
}
