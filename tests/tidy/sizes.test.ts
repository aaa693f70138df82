import { describe, expect, it } from 'vitest';
import { sources, typescript } from './sources.ts';

const MAX_LINES = 300;
const MAX_MEDIAN_LINES = 120;

const linesOf = (text: string): number => text.trimEnd().split('\n').length;

// Functions of more than 70 lines are refused by Biome (noExcessiveLinesPerFunction).
describe('a file', () => {
  it(`has at most ${MAX_LINES} lines`, () => {
    const files = [...typescript(), ...sources('src/**/*.sql').filter(({ path }) => !path.endsWith('/schema.sql'))];
    const long = files.map(({ path, text }) => [path, linesOf(text)] as const).filter(([, lines]) => lines > MAX_LINES);
    expect(long).toEqual([]);
  });

  it('is short more often than not', () => {
    const lengths = sources('src/**/*.ts')
      .map(({ text }) => linesOf(text))
      .toSorted((a, b) => a - b);
    expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThanOrEqual(MAX_MEDIAN_LINES);
  });
});
