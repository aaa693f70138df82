import { parseArgs } from 'node:util';
import { POOLS_PER_UNIT } from '../src/foundation/commands/waiting-line.ts';
import { type Costs, type Outcome, type Setup, simulate } from './scaling-model.ts';

// `npm run scaling`: what one machine cannot show, from what it can. docs/scaling.md says how to read it.

/** Measured on one busy machine of two cores; docs/scaling.md says how. */
const MEASURED: Costs = { callMs: 0.4, unitMs: 3, ticketMs: 0.17, commitMs: 0.12, roundTripMs: 0.2, loadMs: 0.12 };

const USAGE = `npm run scaling [-- --call-ms N --unit-ms N --ticket-ms N --commit-ms N --round-trip-ms N --load-ms N --seconds N --seed N]
  costs in milliseconds, from the columns of npm run bench as docs/scaling.md says; the same figures for the same seed`;

/** What `docket serve` does where nothing else is set. */
const USUAL = { lanes: 2, poolsPerUnit: POOLS_PER_UNIT, byPool: false };
const LARGE = { service: 64, database: 16 };

type Values = Readonly<Record<string, string | undefined>>;

function numberOf(values: Values, name: string, usual: number): number {
  const value = Number(values[name] ?? usual);
  if (!(value >= 0)) throw new Error(`--${name} must be a number from 0 on`);
  return value;
}

const readCosts = (values: Values): Costs => ({
  callMs: numberOf(values, 'call-ms', MEASURED.callMs),
  unitMs: numberOf(values, 'unit-ms', MEASURED.unitMs),
  ticketMs: numberOf(values, 'ticket-ms', MEASURED.ticketMs),
  commitMs: numberOf(values, 'commit-ms', MEASURED.commitMs),
  roundTripMs: numberOf(values, 'round-trip-ms', MEASURED.roundTripMs),
  loadMs: numberOf(values, 'load-ms', MEASURED.loadMs),
});

const figure = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

function line(words: string, { ticketsPerSecond, batch, p50Ms, p99Ms, lockedShare }: Outcome): string {
  const columns = [figure(ticketsPerSecond), figure(batch), figure(p50Ms), figure(p99Ms), `${(lockedShare * 100).toFixed(0)} %`];
  return `  ${words.padEnd(58)}${columns.map((column) => column.padStart(10)).join('')}`;
}

function main(args: readonly string[]): void {
  const names = ['call-ms', 'unit-ms', 'ticket-ms', 'commit-ms', 'round-trip-ms', 'load-ms', 'seconds', 'seed'];
  const { values } = parseArgs({ args: [...args], options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])) });
  const costs = readCosts(values);
  const pace = { seconds: numberOf(values, 'seconds', 20), seed: numberOf(values, 'seed', 1) };
  const head = (title: string): void =>
    console.log(`\n${title}\n  ${''.padEnd(58)}${['a second', 'batch', 'p50 ms', 'p99 ms', 'locked'].map((name) => name.padStart(10)).join('')}`);
  const show = (words: string, setup: Omit<Setup, keyof typeof USUAL> & Partial<Setup>, more: Partial<Costs> = {}): void =>
    console.log(line(words, simulate({ ...USUAL, ...setup }, { ...costs, ...more }, pace)));

  console.log(
    `costs: ${Object.entries(costs)
      .map(([name, ms]) => `${name} ${ms}`)
      .join(', ')}`,
  );
  head('The machine that was measured: two cores for all');
  show('one process, one pool, 64 calls', { processes: 1, pools: 1, callers: 64, cores: 2 });
  show('three processes, one pool, 192 calls', { processes: 3, pools: 1, callers: 192, cores: 2 });
  show('one process, fifty pools, 64 calls', { processes: 1, pools: 50, callers: 64, cores: 2 });

  const large = { loadMs: 0 };
  head(`One hot pool on machines of its own (service ${LARGE.service} cores, database ${LARGE.database}), by commit and processes`);
  for (const commitMs of [0.5, 2, 5, 20, 50])
    for (const processes of [1, 3, 8])
      show(`commit ${commitMs} ms, ${processes} processes, 1024 calls`, { processes, pools: 1, callers: 1024, cores: LARGE }, { ...large, commitMs });

  const ways = [
    ['any process', {}],
    ['any process, one pool a unit', { poolsPerUnit: 1, lanes: 8 }],
    ['by group', { byPool: true }],
  ] as const;
  head('Many pools on the same machines, 2048 calls, commit 2 ms, by where calls go');
  for (const pools of [16, 64, 256])
    for (const processes of [4, 16])
      for (const [way, more] of ways)
        show(`${pools} pools, ${processes} processes, ${way}`, { processes, pools, callers: 2048, cores: LARGE, ...more }, { ...large, commitMs: 2 });
}

try {
  main(process.argv.slice(2));
} catch (cause) {
  console.error(`${cause instanceof Error ? cause.message : cause}\n\n${USAGE}`);
  process.exitCode = 2;
}
