import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { OPERATIONS_FILE, operationsManual } from '../../scripts/operations.ts';
import { occurrences, sources } from './sources.ts';

describe('the operations manual', () => {
  const manual = readFileSync(OPERATIONS_FILE, 'utf8');

  it('has the settings and jobs of this release', () => {
    expect(manual === operationsManual(), 'run `npm run operations`').toBe(true);
  });

  it('explains every metric of ours, and no other', () => {
    const made = occurrences(sources('src/**/*.ts'), /(?<=create\w+\(')docket_\w+/).map((found) => found.split('  ')[1]);
    const explained = [...manual.matchAll(/`(docket_\w+)`/g)].map(([, name]) => name).filter((name) => name !== 'docket_service');
    expect(explained.toSorted()).toEqual([...new Set(made)].toSorted());
  });

  it('names only commands that exist', () => {
    const { scripts } = JSON.parse(sources('package.json')[0]?.text ?? '') as { scripts: Record<string, string> };
    const named = [...manual.matchAll(/`npm (?:run )?([\w:]+)/g)].map(([, name]) => name ?? '');
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});
