import type { LoadProcess } from '../load/load-process.ts';
import type { ServiceProcess } from '../service.ts';
import { type MeteredServer, readMeters } from './meters.ts';
import { residentBytesOf } from './processes.ts';

/** One way of doing the work, ready to be driven. */
export interface Contender {
  readonly name: string;
  /** What one unit of its work is; figures are told for each of these. */
  readonly unit: 'ticket' | 'call' | 'job';
  readonly unitsPerCall: number;
  readonly inFlight: number;
  readonly load: LoadProcess;
  /** Processes between the load and PostgreSQL. */
  readonly processes: readonly Pick<ServiceProcess, 'pid' | 'metrics'>[];
  /** Is told how many tickets the answers told of, after each time it was driven. */
  acknowledged?(tickets: number): void;
}

/** What one turn of one contender came to. CPU in milliseconds for each unit, WAL in bytes for each unit. */
export interface Turn {
  readonly perSecond: number;
  /** How long each call took. */
  readonly samplesMs: Float32Array;
  readonly serviceCpuMs: number;
  readonly databaseCpuMs: number;
  readonly loadCpuMs: number;
  readonly walBytes: number;
  readonly commits: number;
  /** Changes that one commit of the service carried; NaN where there is no service. */
  readonly batch: number;
  /** Largest resident size of any of its processes during the turn, in bytes; NaN where there is no service. */
  readonly residentBytes: number;
}

/** How long, and how often. */
export interface Pace {
  readonly seconds: number;
  readonly repeats: number;
  readonly warmUpSeconds: number;
}

/** Drives a contender for a while, with all meters read before and after. */
export async function takeTurn(server: MeteredServer, contender: Contender, seconds: number): Promise<Turn> {
  const before = await readMeters(server, contender.processes);
  const resident = watchResidentBytes(contender.processes.map(({ pid }) => pid));
  const run = await contender.load.run(seconds).finally(() => resident.stop());
  const after = await readMeters(server, contender.processes);
  const units = run.samplesMs.length * contender.unitsPerCall;
  contender.acknowledged?.(run.tickets);
  const perUnit = (name: keyof typeof after): number => (after[name] - before[name]) / units;
  return {
    perSecond: units / run.seconds,
    samplesMs: run.samplesMs,
    serviceCpuMs: perUnit('serviceCpuSeconds') * 1000,
    databaseCpuMs: perUnit('databaseCpuSeconds') * 1000,
    loadCpuMs: (run.cpuSeconds * 1000) / units,
    walBytes: perUnit('walBytes'),
    commits: perUnit('writingTransactions'),
    residentBytes: resident.largest(),
    batch: (after.commands - before.commands) / (after.batches - before.batches),
  };
}

const WATCH_EVERY_MS = 100;

function watchResidentBytes(pids: readonly number[]): { largest(): number; stop(): void } {
  let largest = NaN;
  const look = (): void => {
    for (const pid of pids) largest = Math.max(Number.isNaN(largest) ? 0 : largest, residentBytesOf(pid));
  };
  const timer = setInterval(look, WATCH_EVERY_MS);
  return {
    largest: () => largest,
    stop() {
      clearInterval(timer);
      look();
    },
  };
}

/**
 * All contenders warmed up, then A B C A B C …: what disturbs the machine for a while disturbs all of them,
 * and each turn is compared with its neighbours.
 */
export async function takeTurns<Some extends Contender>(
  server: MeteredServer,
  contenders: readonly Some[],
  pace: Pace,
  log: (line: string) => void,
): Promise<Map<Some, Turn[]>> {
  const turns = new Map<Some, Turn[]>(contenders.map((contender) => [contender, []]));
  // Each process has code of its own to compile, and gets but its share of the load.
  for (const contender of contenders) await takeTurn(server, contender, pace.warmUpSeconds * Math.max(1, contender.processes.length));
  for (let repeat = 0; repeat < pace.repeats; repeat++) {
    const told: string[] = [];
    for (const contender of contenders) {
      const turn = await takeTurn(server, contender, pace.seconds);
      turns.get(contender)?.push(turn);
      told.push(`${contender.name} ${turn.perSecond.toFixed(0)}/s`);
    }
    log(`  ${repeat + 1}: ${told.join(', ')}`);
  }
  return turns;
}
