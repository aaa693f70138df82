import { describe, expect, it } from 'vitest';
import { exitCodeOf, type Results } from './results.ts';
import { type BarSummary, summarizeBar } from './summary.ts';
import { aligned, barLine, figure } from './table.ts';

const results = (bars: readonly BarSummary[], ok: boolean, failures: readonly string[] = []): Results => ({
  time: '2026-01-01T00:00:00.000Z',
  machine: { cores: 2, model: 'any', memoryGib: 8, system: 'any', node: 'any' },
  postgres: { version: 'any', settings: {} },
  command: { client: 'http2', seconds: 1, repeats: 1, quick: false },
  scenarios: [{ name: 'one', title: 'one', rows: [], bars, notes: [], seconds: 1 }],
  checks: [{ scenario: 'one', ok, faults: ok ? [] : ['I3'], seconds: 1, tickets: 1, decisions: 1 }],
  failures,
});

const met = summarizeBar({ says: 'a', values: [1, 3, 2], limit: { atLeast: 2 } });
const missed = summarizeBar({ says: 'b', values: [1, 3, 2], limit: { atMost: 1.9 } });

describe('a bar', () => {
  it('is held against the median of its turns', () => {
    expect(met).toMatchObject({ met: true, value: { median: 2, min: 1, max: 3 } });
    expect(missed.met).toBe(false);
  });

  it('is missed when nothing was measured', () => {
    expect(summarizeBar({ says: 'c', values: [], limit: { atLeast: 0 } }).met).toBe(false);
    expect(summarizeBar({ says: 'c', values: [Number.NaN], limit: { atMost: 1 } }).met).toBe(false);
  });

  it('is told with its spread and its limit', () => {
    expect(barLine(met)).toBe('✓ a: 2.00 (1.00–3.00), bar ≥ 2');
    expect(barLine(missed)).toBe('✗ b: 2.00 (1.00–3.00), bar ≤ 1.9 MISSED');
  });
});

describe('a run ends with', () => {
  it('0 when all bars are met and all invariants hold', () => expect(exitCodeOf(results([met], true))).toBe(0));
  it('3 when a bar is missed', () => expect(exitCodeOf(results([met, missed], true))).toBe(3));
  it('1 when an invariant is violated, however fast it was', () => expect(exitCodeOf(results([met], false))).toBe(1));
  it('1 when a scenario could not be measured', () => expect(exitCodeOf(results([met], true, ['one: it broke']))).toBe(1));
});

describe('the table', () => {
  it('keeps three digits that matter', () => {
    expect([0.012345, 1.2345, 12.345, 123.45, 12345.6, 0].map(figure)).toEqual(['0.0123', '1.23', '12.3', '123', '12346', '0']);
    expect([figure(undefined), figure(Number.NaN)]).toEqual(['–', '–']);
  });

  it('lines its columns up', () => {
    expect(
      aligned([
        ['', 'a'],
        ['long name', '12'],
      ]),
    ).toEqual(['            a', 'long name  12']);
  });
});
