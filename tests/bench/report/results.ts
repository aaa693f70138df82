import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from './machine.ts';
import type { ScenarioSummary } from './summary.ts';
import { barLine, scenarioLines } from './table.ts';

/** How one database fared with the invariant checker. */
export interface CheckSummary {
  readonly scenario: string;
  readonly ok: boolean;
  /** What is wrong, in words. */
  readonly faults: readonly string[];
  readonly seconds: number;
  readonly tickets: number;
  readonly decisions: number;
}

/** Everything that a run found. */
export interface Results {
  readonly time: string;
  readonly machine: Machine;
  readonly postgres: { readonly version: string; readonly settings: Readonly<Record<string, string>> };
  readonly command: { readonly client: string; readonly seconds: number; readonly repeats: number; readonly quick: boolean };
  readonly scenarios: readonly ScenarioSummary[];
  readonly checks: readonly CheckSummary[];
  /** Scenarios that could not be measured, and why. */
  readonly failures: readonly string[];
}

/** 1 when something is wrong, 3 when everything is right but a bar is missed, else 0. */
export function exitCodeOf({ scenarios, checks, failures }: Results): 0 | 1 | 3 {
  if (failures.length > 0 || checks.some((check) => !check.ok)) return 1;
  return scenarios.every(({ bars }) => bars.every((bar) => bar.met)) ? 0 : 3;
}

/** The lines that a run begins with: what it is measured on, and how. */
export function headLines({ time, machine, postgres, command }: Pick<Results, 'time' | 'machine' | 'postgres' | 'command'>): string[] {
  const settings = Object.entries(postgres.settings).map(([name, value]) => `${name} ${value}`);
  return [
    `Docket, measured ${time}${command.quick ? ' by a QUICK run: these figures mean nothing' : ''}`,
    `${machine.cores} cores (${machine.model}), ${machine.memoryGib} GiB, ${machine.system}, Node ${machine.node}`,
    `${postgres.version}: ${settings.join(', ')}`,
    `${command.repeats} turns of ${command.seconds} s each, contenders in turn; the load in processes of its own, calling by ${command.client}`,
    'CPU in milliseconds, WAL, commits and statements for each unit; medians of the turns; p50 and p99 of all calls',
  ];
}

/** The lines that a run ends with: the checker's verdicts, then all bars at a glance. */
export function closingLines({ scenarios, checks, failures }: Results): string[] {
  const verdicts = checks.map(({ scenario, ok, faults, seconds, tickets, decisions }) =>
    ok
      ? `invariants hold after ${scenario}: ${tickets} tickets, ${decisions} decisions replayed, all checked in ${seconds.toFixed(1)} s`
      : `FAIL ${scenario}: ${faults.join('; ')}`,
  );
  const bars = scenarios.flatMap(({ name, bars: each }) => each.map((bar) => `${name.padEnd(18)} ${barLine(bar)}`));
  return [...verdicts, ...failures.map((failure) => `FAIL ${failure}`), '', ...bars];
}

/** Writes the results as JSON and as text; answers the path of the text. */
export function writeResults(directory: string, results: Results): string {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, results.time.replaceAll(':', '-').replace(/\..*/, ''));
  writeFileSync(`${path}.json`, `${JSON.stringify(results, undefined, 2)}\n`);
  const body = results.scenarios.flatMap((scenario) => [...scenarioLines(scenario), '']);
  writeFileSync(`${path}.txt`, `${[...headLines(results), '', ...body, ...closingLines(results)].join('\n')}\n`);
  return `${path}.txt`;
}
