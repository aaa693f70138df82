import { describe, expect, it } from 'vitest';
import { occurrences, sources } from './sources.ts';

describe('the environment', () => {
  it('is handed to src/foundation/config by the entry point, and read nowhere else', () => {
    const others = sources('src/**/*.ts').filter(({ path }) => !path.startsWith('src/foundation/config/') && path !== 'src/main.ts');
    expect(occurrences(others, /process\.env\b|\benv\b.*from 'node:process'/)).toEqual([]);
    const passed = occurrences(sources('src/main.ts'), /process\.env\b.*/).filter((found) => !/process\.env\b\)/.test(found));
    expect(passed).toEqual([]);
  });
});

describe('the time', () => {
  it("of the domain is the one its unit of work or its query was given: the database's", () => {
    const domain = sources('src/domain/**/*.ts', 'src/foundation/commands/**/*.ts', 'src/foundation/filter/**/*.ts', 'src/foundation/page/**/*.ts');
    expect(occurrences(domain, /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bTemporal\.Now\b|\bDate\(\)/)).toEqual([]);
  });

  it('is asked for by one name in SQL, docket_now(), so that tests can move it', () => {
    const clock = /(?<![\w.])now\(\)|\b(clock|transaction|statement)_timestamp\b|\bcurrent_(date|time|timestamp)\b|\blocaltime(stamp)?\b/i;
    const files = sources('src/**/*.ts', 'src/**/*.sql').filter(({ path }) => !path.endsWith('/schema.sql'));
    // The second one is no clock: it says when the transaction began.
    expect(occurrences(files, clock)).toEqual([
      expect.stringMatching(/^src\/foundation\/database\/migrations\/0001-core\.sql:\d+ {2}clock_timestamp$/),
      expect.stringMatching(/^src\/foundation\/database\/migrations\/0014-times-of-changes\.sql:\d+ {2}transaction_timestamp$/),
    ]);
  });
});
