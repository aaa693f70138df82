import { medianOf } from './measure/statistics.ts';
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

/** The row of a contender. @throws Error when there is none of that name. */
export function rowOf(rows: readonly Row[], name: string): Row {
  const row = rows.find(({ contender }) => contender.name === name);
  if (!row) throw new Error(`no ${name} was measured`);
  return row;
}

/** How often one contender does as many units as another in the same time, turn by turn. */
export function rates(rows: readonly Row[], name: string, other: string): number[] {
  const others = rowOf(rows, other).turns;
  return rowOf(rows, name).turns.map((turn, at) => turn.perSecond / (others[at] as Turn).perSecond);
}

/** The bar that one contender does at least so many times the units a second of another. */
export const atLeast = (rows: readonly Row[], name: string, other: string, factor: number): BarOutcome => ({
  says: `${name} / ${other}`,
  values: rates(rows, name, other),
  limit: { atLeast: factor },
});

/** What a program with no service in it reaches of a bar's measure, and what Docket reaches of that program. */
export function noteOf(program: 'Least' | 'Thin', rows: readonly Row[], other: string): string {
  const [ceiling, reached] = [medianOf(rates(rows, program, other)), medianOf(rates(rows, 'Docket', program))];
  return `${program} / ${other}: ${ceiling.toFixed(2)}; Docket / ${program}: ${reached.toFixed(2)}`;
}

/** The bar that a unit of one contender takes at most so many times as long as one of another. */
export const costsAtMost = (rows: readonly Row[], name: string, other: string, factor: number): BarOutcome => ({
  says: `time of ${name} / ${other}`,
  values: rates(rows, other, name),
  limit: { atMost: factor },
});
