import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bench } from './bench.ts';
import { checkSites } from './check.ts';
import { readOptions, USAGE } from './options.ts';
import { describeMachine } from './report/machine.ts';
import { type CheckSummary, closingLines, exitCodeOf, headLines, type Results, writeResults } from './report/results.ts';
import { type ScenarioSummary, summarize } from './report/summary.ts';
import { scenarioLines } from './report/table.ts';
import type { Scenario } from './scenario.ts';
import { scenarios } from './scenarios/index.ts';
import { startServer } from './server.ts';

const print = (...lines: string[]): void => console.log(lines.join('\n'));

function chosen(names: readonly string[]): readonly Scenario[] {
  const unknown = names.filter((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown.length > 0) throw new Error(`there is no scenario ${unknown.join(', ')}; there are ${scenarios.map(({ name }) => name).join(', ')}`);
  return names.length === 0 ? scenarios : scenarios.filter(({ name }) => names.includes(name));
}

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options.help) {
    print(USAGE);
    return 0;
  }
  const wanted = chosen(options.scenarios);
  if (options.list) {
    print(...wanted.map(({ name, title }) => `${name.padEnd(20)} ${title}`));
    return 0;
  }
  const directory = mkdtempSync(join(tmpdir(), 'docket-bench-'));
  chmodSync(directory, 0o755);
  const server = await startServer(join(directory, 'postgres'));
  // After the server's own listener, which stops it: a running one would write into what is being removed.
  process.once('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
  const { version, settings } = server;
  const { seconds, repeats } = options.pace;
  const head = {
    time: new Date().toISOString(),
    machine: describeMachine(),
    postgres: { version, settings },
    command: { client: options.client, seconds, repeats, quick: options.quick },
  };
  print(...headLines(head), '');
  const summaries: ScenarioSummary[] = [];
  const checks: CheckSummary[] = [];
  const failures: string[] = [];
  const bench = new Bench(server, options, directory, print);
  try {
    for (const scenario of wanted) {
      print(`${scenario.name} …`);
      const startMs = performance.now();
      try {
        const outcome = await scenario.run(bench);
        const summary = summarize(scenario, outcome, (performance.now() - startMs) / 1000);
        summaries.push(summary);
        print(...scenarioLines(summary), '');
      } catch (cause) {
        failures.push(`${scenario.name}: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`);
        print(`FAIL ${failures.at(-1)}`);
      }
      checks.push(...(await checkSites(server, await bench.endScenario(), scenario.name)));
    }
    checks.push(...(await checkSites(server, bench.endRun(), 'growth-tickets and list-pages')));
  } finally {
    await server.close();
  }
  const results: Results = { ...head, scenarios: summaries, checks, failures };
  const written = writeResults(options.out, results);
  print(...closingLines(results), '', `written to ${written}`);
  return exitCodeOf(results);
}

// Told to stop: what was started is ended by what listens for the exit.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (cause) {
  console.error(cause instanceof Error ? cause.message : cause, `\n\n${USAGE}`);
  process.exitCode = 2;
}
