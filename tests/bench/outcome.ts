import type { Contender, Turn } from './measure/turns.ts';

/** What a scenario found. */
export interface ScenarioOutcome {
  readonly rows: readonly Row[];
  readonly bars: readonly BarOutcome[];
  /** Anything else worth reading beside the figures. */
  readonly notes: readonly string[];
}

/** A contender and its turns. */
export interface Row {
  readonly contender: Pick<Contender, 'name' | 'unit' | 'unitsPerCall' | 'inFlight'>;
  readonly turns: readonly Turn[];
  /** Statements that PostgreSQL was asked for, for each unit, counted in a turn of their own; undefined where they were not. */
  readonly statements?: number;
}

/** What is asked of the figures: a value of every turn, of which the median must keep to the limit. */
export interface BarOutcome {
  readonly says: string;
  readonly values: readonly number[];
  readonly limit: { readonly atLeast: number } | { readonly atMost: number };
}

/** Each turn of one contender against the same turn of another. */
export function ratios(turns: readonly Turn[], others: readonly Turn[], figure: (turn: Turn) => number = (turn) => turn.perSecond): number[] {
  return turns.map((turn, at) => figure(turn) / figure(others[at] as Turn));
}
