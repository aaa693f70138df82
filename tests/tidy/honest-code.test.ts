import { describe, expect, it } from 'vitest';
import { occurrences, type Source, sources, typescript } from './sources.ts';

// Written in two parts, so that this file does not find itself.
const word = (...parts: string[]): string => parts.join('');
const anywhere = (files: readonly Source[], pattern: RegExp): string[] =>
  files.flatMap(({ path, text }) => text.split('\n').flatMap((line, at) => (pattern.test(line) ? [`${path}:${at + 1}  ${line.trim()}`] : [])));

describe('the code', () => {
  it('puts nothing off', () => {
    const files = [...typescript(), ...sources('src/**/*.sql', 'proto/**/*.proto', 'docs/**/*.md', '*.md', 'src/**/*.md', '.ci/run')];
    expect(anywhere(files, new RegExp(`\\b(${word('TO', 'DO')}|${word('FIX', 'ME')}|${word('XX', 'X')}|${word('HA', 'CK')})\\b`))).toEqual([]);
    expect(
      anywhere(typescript(), new RegExp(`\\b(${word('not ', 'implemented')}|${word('un', 'implemented')}\\b\\s*['"\`])`, 'i')).filter(
        (found) => !/error-map|code/i.test(found),
      ),
    ).toEqual([]);
  });

  it('silences no checker', () => {
    expect(anywhere(typescript(), new RegExp(`@ts-(${word('ig', 'nore')}|${word('no', 'check')})`))).toEqual([]);
    // A suppression of a lint rule says why, in a full clause.
    expect(anywhere(typescript(), new RegExp(`${word('biome', '-ignore')}(?!.*: .{15})`))).toEqual([]);
  });

  it('prints nothing by the way: the log and the command line have their own means', () => {
    expect(
      occurrences(
        sources('src/**/*.ts').filter(({ path }) => path !== 'src/foundation/log.ts'),
        /\bconsole\./,
      ),
    ).toEqual([]);
  });

  it('exports by name', () => {
    // The tools that read vitest.config.ts ask for a default export.
    expect(
      occurrences(
        typescript().filter(({ path }) => path !== 'vitest.config.ts'),
        /\bexport default\b|\bexport \{[^}]*\bas default\b/,
      ),
    ).toEqual([]);
  });
});

describe('the tests', () => {
  const tests = sources('tests/**/*.ts');

  it('all run', () => {
    expect(occurrences(tests, /\b(it|test|describe)\.(concurrent\.)?(skip|only|todo|skipIf|runIf)\b|\b(xit|xdescribe|fit|fdescribe)\(|\.skip\(\)/)).toEqual([]);
  });

  /** Timers that nothing is proved by, each with its reason. */
  const timers: Readonly<Record<string, string>> = {
    'tests/load/ledger.ts': 'a caller heeds the delay that the service asks for before he repeats a call',
    'tests/support/edge/raw.ts': 'a bound after which an answer counts as missing',
    'tests/bench/measure/turns.ts': 'memory is looked at again and again while a turn is measured',
  };

  it('wait for a signal and never just for time to pass', () => {
    const found = occurrences(
      tests.filter(({ path }) => path !== 'tests/tidy/honest-code.test.ts'),
      /\bset(Timeout|Interval)\(|\bsleep\(|\bdelay\(|node:timers\/promises/,
    );
    expect(found.map((place) => place.split(':')[0]).sort()).toEqual(Object.keys(timers).sort());
  });

  it('replace no code of ours', () => {
    expect(occurrences(tests, /\bvi\.(mock|doMock|stubGlobal)\(/)).toEqual([]);
  });
});
