import { parseArgs } from 'node:util';
import type { ClientKind } from './load/channel.ts';
import type { Pace } from './measure/turns.ts';

/** What a run of the suite was asked to do. */
export interface BenchOptions {
  /** Names of scenarios; none means all. */
  readonly scenarios: readonly string[];
  /** Only tell which scenarios there are. */
  readonly list: boolean;
  /** Only tell how it is called. */
  readonly help: boolean;
  readonly pace: Pace;
  /** How the load calls the service and F0. */
  readonly client: ClientKind;
  /** Tickets of the largest database that growth and lists are measured on. */
  readonly largest: number;
  /** Where the results are written. */
  readonly out: string;
  readonly quick: boolean;
}

export const USAGE = `npm run bench -- [scenario ...] [options]
  --list          only name the scenarios
  --help          only this
  --seconds N     of one turn of one contender (4)
  --repeats N     turns of each contender, in turn with the others (5)
  --client NAME   what the load calls with: http2 (the least that gRPC needs) or grpc-js (http2)
  --largest N     tickets of the largest database (10000000)
  --out DIR       where the results are written (bench-results)
  --quick         a smoke run: one second, two turns, 100,000 tickets at the most; its figures mean nothing`;

const QUICK = { seconds: 1, repeats: 2, warmUpSeconds: 1, largest: 100_000 };
const FULL = { seconds: 4, repeats: 5, warmUpSeconds: 10, largest: 10_000_000 };

/** Reads the command line. @throws Error that says what is wrong with it. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      repeats: { type: 'string' },
      client: { type: 'string', default: 'http2' },
      largest: { type: 'string' },
      out: { type: 'string', default: 'bench-results' },
      quick: { type: 'boolean', default: false },
    },
  });
  const usual = values.quick ? QUICK : FULL;
  const number = (name: 'seconds' | 'repeats' | 'largest', least: number): number => {
    const value = Number(values[name] ?? usual[name]);
    if (!(value >= least)) throw new Error(`--${name} must be a number from ${least} on`);
    return value;
  };
  if (values.client !== 'http2' && values.client !== 'grpc-js') throw new Error('--client must be http2 or grpc-js');
  return {
    scenarios: positionals,
    list: values.list,
    help: values.help,
    pace: { seconds: number('seconds', 0.1), repeats: Math.round(number('repeats', 1)), warmUpSeconds: usual.warmUpSeconds },
    client: values.client,
    largest: number('largest', 10_000),
    out: values.out,
    quick: values.quick,
  };
}
