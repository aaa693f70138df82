import type { Bench } from './bench.ts';
import type { ScenarioOutcome } from './outcome.ts';

/** One thing that the suite measures. */
export interface Scenario {
  readonly name: string;
  /** What is done, in a line. */
  readonly title: string;
  /** Measures; whatever it started is ended by the bench after it. */
  run(bench: Bench): Promise<ScenarioOutcome>;
}
