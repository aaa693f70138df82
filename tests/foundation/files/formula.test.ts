import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvLine } from '../../../src/foundation/files/csv.ts';
import { withGuard, withoutGuard } from '../../../src/foundation/files/formula.ts';
import { hostileValues } from '../../support/formulas.ts';

const pieces = fc.constantFrom("'", '=', '+', '-', '@', '＝', '＋', '－', '＠', ';', '\t', '\r', '\n', ' ', '\u00a0', ',', '"', 'a', '1', '_x000D_');
const texts = fc.oneof(
  fc.array(pieces, { maxLength: 12 }).map((some) => some.join('')),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(...hostileValues),
);

/** Nothing that a program could take for a formula, wherever it may begin a cell. */
const isSafe = (text: string): boolean => text.split(/[;\t\r\n]/).every((part) => !/^\s*[=+\-@＝＋－＠]/.test(part)) && !/^[\t\r\n]/.test(text);

describe('the guard against formulas', () => {
  it('leaves no place where one could begin', () => {
    fc.assert(
      fc.property(texts, (text) => isSafe(withGuard(text))),
      { numRuns: 5_000 },
    );
    expect(hostileValues.length).toBe(500);
    expect(hostileValues.filter((value) => !isSafe(withGuard(value)))).toEqual([]);
  });

  it('is taken off without a trace, also through CSV', () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(withoutGuard(withGuard(text))).toBe(text);
        const [[read = ''] = []] = parse(csvLine([{ kind: 'text', text }])) as string[][];
        expect(withoutGuard(read)).toBe(text);
      }),
      { numRuns: 5_000 },
    );
  });

  it('leaves harmless texts alone', () => {
    for (const text of ["it's", "'tis", 'a-b', 'me@example.org', 'x = 1', 'first\n\nsecond', '5', '']) {
      expect(withGuard(text)).toBe(text);
      expect(withoutGuard(text)).toBe(text);
    }
  });
});
