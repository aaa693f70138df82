import { medianOf, percentileOf, type Spread, spreadOf } from '../measure/statistics.ts';
import type { Turn } from '../measure/turns.ts';
import type { BarOutcome, Row, ScenarioOutcome } from '../outcome.ts';

/** A contender's figures as they are written out. CPU in milliseconds, WAL in bytes, each for one unit. */
export interface RowSummary {
  readonly name: string;
  readonly unit: string;
  readonly unitsPerCall: number;
  readonly inFlight: number;
  readonly perSecond: Spread;
  /** Of all calls of all turns. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly serviceCpuMs: number;
  readonly databaseCpuMs: number;
  readonly loadCpuMs: number;
  readonly walBytes: number;
  readonly commits: number;
  readonly statements: number | undefined;
  /** Changes in one commit of the service; undefined where there is none. */
  readonly batch: number | undefined;
  /** The largest of its processes, in megabytes; undefined where there is none. */
  readonly residentMb: number | undefined;
}

/** A bar and whether it is met. */
export interface BarSummary {
  readonly says: string;
  readonly value: Spread;
  readonly limit: BarOutcome['limit'];
  readonly met: boolean;
}

/** A scenario's figures as they are written out. */
export interface ScenarioSummary {
  readonly name: string;
  readonly title: string;
  readonly rows: readonly RowSummary[];
  readonly bars: readonly BarSummary[];
  readonly notes: readonly string[];
  readonly seconds: number;
}

/** Medians, spreads and verdicts of what a scenario found. */
export function summarize(scenario: { readonly name: string; readonly title: string }, outcome: ScenarioOutcome, seconds: number): ScenarioSummary {
  const { name, title } = scenario;
  return { name, title, rows: outcome.rows.map(summarizeRow), bars: outcome.bars.map(summarizeBar), notes: outcome.notes, seconds };
}

function summarizeRow({ contender, turns, statements }: Row): RowSummary {
  const middle = (figure: (turn: Turn) => number): number => medianOf(turns.map(figure));
  const samples = new Float32Array(turns.reduce((sum, turn) => sum + turn.samplesMs.length, 0));
  let at = 0;
  for (const turn of turns) {
    samples.set(turn.samplesMs, at);
    at += turn.samplesMs.length;
  }
  const orUndefined = (value: number): number | undefined => (Number.isNaN(value) ? undefined : value);
  return {
    name: contender.name,
    unit: contender.unit,
    unitsPerCall: contender.unitsPerCall,
    inFlight: contender.inFlight,
    perSecond: spreadOf(turns.map((turn) => turn.perSecond)),
    p50Ms: percentileOf(samples, 0.5),
    p99Ms: percentileOf(samples, 0.99),
    serviceCpuMs: middle((turn) => turn.serviceCpuMs),
    databaseCpuMs: middle((turn) => turn.databaseCpuMs),
    loadCpuMs: middle((turn) => turn.loadCpuMs),
    walBytes: middle((turn) => turn.walBytes),
    commits: middle((turn) => turn.commits),
    statements,
    batch: orUndefined(middle((turn) => turn.batch)),
    residentMb: orUndefined(Math.max(...turns.map((turn) => turn.residentBytes / 1e6))),
  };
}

/** Whether the median keeps to the limit; a value that could not be had does not. */
export function summarizeBar({ says, values, limit }: BarOutcome): BarSummary {
  const value = spreadOf(values);
  const met = 'atLeast' in limit ? value.median >= limit.atLeast : value.median <= limit.atMost;
  return { says, value, limit, met };
}
