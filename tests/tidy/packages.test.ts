import { describe, expect, it } from 'vitest';
import { sources } from './sources.ts';

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const read = (path: string): string => sources(path)[0]?.text ?? '';
const manifest = JSON.parse(read('package.json')) as Manifest;

describe('the packages', () => {
  it('are pinned to exact versions', () => {
    const ranges = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
    );
    expect(ranges).toEqual([]);
  });

  it('come from whichever registry the machine is set to', () => {
    const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { resolved?: string }> };
    const bound = Object.entries(lock.packages).filter(([, { resolved }]) => resolved !== undefined);
    expect(bound).toEqual([]);
  });
});

describe('the test line', () => {
  const line = 'npm ci && npm test';

  it('of the README is the one that the continuous integration runs', () => {
    expect(
      read('README.md')
        .split('\n')
        .map((each) => each.trim()),
    ).toContain(line);
    expect(
      read('.ci/run')
        .split('\n')
        .map((each) => each.trim()),
    ).toContain(line);
  });

  it('calls only scripts that exist', () => {
    const called = Object.values(manifest.scripts).flatMap((script) => [...script.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name ?? ''));
    expect(called.filter((name) => !(name in manifest.scripts))).toEqual([]);
  });
});
